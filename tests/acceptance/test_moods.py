"""A moody portal: what the bot does, what the desk reads, and that nobody gets two e-mails."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from billcopy.bot.order import StopReason
from billcopy.model import Selection
from tests.bot_fixtures import EMAIL, Bot

pytestmark = pytest.mark.slow

ONE_MAIL = [(EMAIL, "INV-2026-000038")]
QUARTER = {"period_from": date(2026, 1, 1), "period_to": date(2026, 3, 31)}


def attempts(bot: Bot, request: int) -> int:
    return int(bot.story(request).request["attempts"])


PAGES = {"search": 4, "first form": 8, "first send": 9, "second send": 12, "sent log": 17}


@pytest.mark.parametrize("pages", PAGES.values(), ids=PAGES)
def test_an_expired_session_is_renewed_once_and_the_request_goes_on(bot: Bot, pages: int) -> None:
    request = bot.submit(**QUARTER)
    bot.portal.set_faults(session_expiry_after=pages)
    assert bot.run() is StopReason.DRAINED
    assert bot.state(request) in ("delivered", "queued WAITING_FOR_LOG")
    assert attempts(bot, request) == 0
    steps = [one["step"] for one in bot.story(request).steps]
    assert steps.count("signing in again") == 1
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.reads(request) == "Every bill was sent."
    assert len(bot.sent()) == 3


def test_a_crash_after_the_send_is_cleared_up_from_the_log(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(send_then_crash=1)
    bot.run()
    assert bot.state(request) == "queued PORTAL_DOWN"
    assert bot.reads(request) == "The bank's portal did not answer."
    assert attempts(bot, request) == 1
    [delivery] = bot.story(request).deliveries
    assert delivery["state"] == "in_doubt"
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.sent() == ONE_MAIL


def test_a_portal_that_lies_about_sending_is_believed_only_by_its_log(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(says_sent_but_did_not=1)
    bot.run()
    assert bot.state(request) == "queued WAITING_FOR_LOG"
    assert bot.reads(request) == "Waiting for the bank's log."
    assert attempts(bot, request) == 0
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.sent() == ONE_MAIL


def test_a_lagging_log_defers_the_request_and_costs_nothing(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(sent_log_lag_seconds=3600)
    bot.run()
    assert bot.state(request) == "queued WAITING_FOR_LOG"
    assert bot.reads(request) == "Waiting for the bank's log."
    assert attempts(bot, request) == 0
    bot.portal.set_faults(sent_log_lag_seconds=0)
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.sent() == ONE_MAIL


@pytest.mark.parametrize("field", ["account", "invoice", "recipient"])
def test_a_form_that_shows_something_else_is_never_sent(bot: Bot, field: str) -> None:
    request = bot.submit(recipient="new@example.org", check_value="LS6 2QT")
    bot.portal.set_faults(wrong_form=field)
    bot.run()
    # The recipient is typed over what the form showed, so only the first two can be wrong.
    expected = "delivered" if field == "recipient" else "rejected FORM_MISMATCH"
    assert bot.state(request) == expected
    words = "The bank's form showed something else than the request; nothing was sent."
    assert bot.reads(request) == ("Every bill was sent." if field == "recipient" else words)
    assert attempts(bot, request) == 0
    assert len(bot.sent()) == (1 if field == "recipient" else 0)


def test_a_relabelled_button_is_drift_and_is_tried_again(bot: Bot) -> None:
    bot.portal_folder(impatient)
    request = bot.submit()
    bot.portal.set_faults(relabelled={"E-mail copy": "Send duplicate"})
    bot.run()
    assert bot.state(request) == "queued PAGE_NOT_AS_EXPECTED"
    assert bot.reads(request) == "A page of the bank's portal was not as expected."
    assert attempts(bot, request) == 1
    told = bot.failure(request)
    assert told["page"] == "/invoices/•••"
    assert told["title"] == "Invoice ••• BillView Online"
    assert told["keyword"].startswith("Click (sending.resource:")
    assert told["through"][-1].startswith("Open Send Form (deliver.resource:")
    assert told["expected"] == ['role=link[name="E-mail copy"]']
    assert "link “Send duplicate”" in told["on_screen"]
    assert told["replay"] == f'make bot PORTAL=practice ARGS="--request {request}"'
    assert Path(urlsplit(told["picture"]).path).is_file()
    stopped = [line for line in bot.lines if "stopped at Click (sending.resource:" in line]
    assert stopped
    bot.run(dry_run=True, selection=Selection(request_ids=(request,)))  # what the replay does
    assert [line for line in bot.lines if "stopped at Click" in line] == stopped
    bot.portal.clear_faults()
    finish(bot, request)
    assert bot.sent() == ONE_MAIL


def test_a_refused_connection_is_a_portal_that_is_down(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.stop()
    try:
        assert bot.run() is StopReason.INFRASTRUCTURE
    finally:
        bot.portal.start()
    assert bot.state(request) == "queued"
    assert bot.reads(request) == "Waiting for the bot."
    assert attempts(bot, request) == 0
    assert bot.lines.count("the session could not be made ready (PORTAL_DOWN)") == 2


def finish(bot: Bot, request: int) -> None:
    """Let the bot come back until the request is done."""
    for _ in range(4):
        if not bot.state(request).startswith("queued"):
            return
        bot.make_due()
        bot.run()


def impatient(folder: Path) -> None:
    """Keywords time out after three seconds."""
    profile = folder / "profile.yaml"
    profile.write_text(profile.read_text() + "keyword_timeout_seconds: 3\n")
