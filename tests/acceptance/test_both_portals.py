"""The portal contract: the same bot, the same promises, at two portals that have nothing in common.

What is said here is said of both; each portal's own pages are tested elsewhere.
"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path

import pytest

from billcopy.bot.order import StopReason
from tests.bot_fixtures import EMAIL, Bot

pytestmark = pytest.mark.slow

JANUARY = {"period_from": date(2026, 1, 1), "period_to": date(2026, 1, 31)}
FIRST_TWO = {"period_from": date(2026, 1, 1), "period_to": date(2026, 2, 28)}
ONE_MAIL = [(EMAIL, "INV-2026-000038")]
TWO_MAILS = [*ONE_MAIL, (EMAIL, "INV-2026-000243")]


@pytest.fixture
def bot(either_bot: Bot) -> Bot:
    return either_bot


def attempts(bot: Bot, request: int) -> int:
    return int(bot.story(request).request["attempts"])


def finish(bot: Bot, request: int) -> None:
    """Let the bot come back until the request is done."""
    for _ in range(4):
        if not bot.state(request).startswith("queued"):
            return
        time.sleep(2.1)  # the settle window; a look before its end proves nothing
        bot.make_due()
        bot.run()


def test_two_invoices_are_delivered_and_proved(bot: Bot) -> None:
    request = bot.submit(**FIRST_TWO)
    assert bot.run() is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    assert bot.sent() == TWO_MAILS
    proofs = {one["proof_value"] for one in bot.story(request).deliveries}
    assert len(proofs) == 2
    assert bot.execute("select blocked_requests from billcopy.bot_runs") == [(0,)]


def test_one_run_gives_each_request_its_own_answer(bot: Bot) -> None:
    look_alike = bot.submit(account=bot.account("4027310"), **JANUARY)
    unknown = bot.submit(account=bot.account("7718204"), **JANUARY)
    many_pages = bot.submit(
        account=bot.account("20411963"), period_from=date(2024, 10, 12), period_to=date(2026, 9, 12)
    )
    credit_note = bot.submit(
        account=bot.account("41907736"), period_from=date(2025, 7, 1), period_to=date(2025, 7, 31)
    )
    no_address = bot.submit(account=bot.account("9204415"), **JANUARY)
    right_check = bot.submit(
        account=bot.account("83300174"),
        recipient="new@example.org",
        check_value="Mueller Lukasik",
        **JANUARY,
    )
    wrong_check = bot.submit(
        account=bot.account("5126609"), recipient="new@example.org", check_value="Murphy", **JANUARY
    )
    nothing = bot.submit(period_from=date(2026, 1, 6), period_to=date(2026, 1, 31))
    assert bot.run() is StopReason.DRAINED

    assert bot.state(look_alike) == "delivered"
    assert bot.state(unknown) == "rejected ACCOUNT_NOT_FOUND"
    assert bot.state(many_pages) == "delivered"
    assert bot.state(credit_note) == "delivered"
    assert bot.state(no_address) == "rejected NO_ADDRESS"
    assert bot.state(right_check) == "delivered"
    assert bot.state(wrong_check) == "rejected CHECK_VALUE_MISMATCH"
    assert bot.state(nothing) == "rejected NO_INVOICES"

    sent = bot.sent()
    assert len(sent) == len(set(sent)) == 1 + 24 + 1 + 1
    assert ("m.ashdown@example.org", "INV-2026-000132") in sent
    assert ("new@example.org", "INV-2026-000175") in sent
    assert "INV-2025-001322" not in {invoice for _, invoice in sent}


def test_a_slow_portal_with_pop_ups_is_only_slow(bot: Bot) -> None:
    request = bot.submit(**FIRST_TWO)
    bot.portal.set_faults(latency_ms=400, popup=True)
    assert bot.run() is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    assert attempts(bot, request) == 0
    assert bot.sent() == TWO_MAILS


def test_a_server_error_costs_an_attempt_and_the_next_one_succeeds(bot: Bot) -> None:
    request = bot.submit()
    signed_in = {"practice": "/invoices$", "harbour": "/desk"}  # the first page after signing in
    bot.portal.set_faults(http_500=1, http_500_path=signed_in[bot.name])
    bot.run()
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.sent() == ONE_MAIL


@pytest.mark.parametrize("pages", [4, 8, 11])
def test_an_expired_session_is_renewed_and_the_request_goes_on(bot: Bot, pages: int) -> None:
    request = bot.submit(**FIRST_TWO)
    bot.portal.set_faults(session_expiry_after=pages)
    assert bot.run() is StopReason.DRAINED
    assert attempts(bot, request) == 0
    steps = [one["step"] for one in bot.story(request).steps]
    assert steps.count("signing in again") == 1
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.sent() == TWO_MAILS


def test_a_crash_after_the_send_is_not_sent_twice(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(send_then_crash=1)
    bot.run()
    assert bot.state(request) == "queued PORTAL_DOWN"
    [delivery] = bot.story(request).deliveries
    assert delivery["state"] == "in_doubt"
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.sent() == ONE_MAIL


def test_a_portal_that_lies_about_sending_is_not_believed(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(says_sent_but_did_not=1)
    bot.run()
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert attempts(bot, request) == 0
    assert bot.portal.state()["send_posts"] == 2
    assert bot.sent() == ONE_MAIL


def test_what_the_log_shows_late_is_waited_for(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(sent_log_lag_seconds=3600)
    bot.run()
    assert bot.state(request) == "queued WAITING_FOR_LOG"
    assert attempts(bot, request) == 0
    bot.portal.set_faults(sent_log_lag_seconds=0)
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.sent() == ONE_MAIL


@pytest.mark.parametrize("field", ["account", "invoice"])
def test_a_form_that_shows_something_else_is_never_sent(bot: Bot, field: str) -> None:
    request = bot.submit()
    bot.portal.set_faults(wrong_form=field)
    bot.run()
    assert bot.state(request) == "rejected FORM_MISMATCH"
    assert bot.sent() == []


def test_a_keyword_that_presses_twice_sends_once(bot: Bot) -> None:
    bot.portal_folder(impatient)
    request = bot.submit()
    bot.run()
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.portal.state()["send_posts"] == 1
    assert bot.sent() == ONE_MAIL


def impatient(folder: Path) -> None:
    """Press Send is a double click."""
    file = folder / "sending.resource"
    head, name, rest = file.read_text().partition("\nPress Send\n")
    assert name
    line = next(one for one in rest.splitlines() if one.strip().startswith("Click "))
    twice = line.replace("Click ", "Click With Options ") + "    clickCount=2"
    file.write_text(head + name + rest.replace(line, twice, 1))
