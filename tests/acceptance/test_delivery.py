"""Requests through the real browser, the practice portal and the real database."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from billcopy import request_queue
from billcopy.bot.order import StopReason, TestRequest
from billcopy.evidence import COVER
from tests.bot_fixtures import ACCOUNT, EMAIL, Bot

pytestmark = pytest.mark.slow

JANUARY = {"period_from": date(2026, 1, 1), "period_to": date(2026, 1, 31)}


def test_a_request_becomes_a_mail_with_its_proof_and_covered_evidence(bot: Bot) -> None:
    request = bot.submit()
    assert bot.run() is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    assert bot.sent() == [(EMAIL, "INV-2026-000038")]
    story = bot.story(request)
    [delivery] = story.deliveries
    proof = str(bot.portal.sent[0]["id"])
    assert (delivery["proof_kind"], delivery["proof_value"]) == ("sent_log", proof)
    assert bot.steps(request) == ["invoices listed", "sent log read"]
    [evidence] = story.evidence
    _shows_only_what_the_profile_names(evidence["url"])
    assert "request 1: invoice INV-2026-000038: sent" in bot.lines


def _shows_only_what_the_profile_names(url: str) -> None:
    with Image.open(Path(urlsplit(url).path)) as picture:
        bottom = picture.crop((0, picture.height // 2, picture.width, picture.height))
        for low, high in bottom.getextrema():
            assert abs(low - COVER[0]) < 6
            assert abs(high - COVER[0]) < 6
        assert picture.getextrema() != bottom.getextrema()  # the top does show something


def test_one_run_works_through_what_the_desk_asks(bot: Bot) -> None:
    look_alike = bot.submit(account="4027310", **JANUARY)
    unknown = bot.submit(account="7718204", **JANUARY)
    two_years = bot.submit(
        account="20411963", period_from=date(2024, 10, 12), period_to=date(2026, 9, 12)
    )
    one_day = bot.submit(
        account="318845902", period_from=date(2026, 2, 14), period_to=date(2026, 2, 14)
    )
    credit_note = bot.submit(
        account="41907736", period_from=date(2025, 7, 1), period_to=date(2025, 7, 31)
    )
    only_credit_note = bot.submit(
        account="41907736", period_from=date(2025, 7, 20), period_to=date(2025, 7, 31)
    )
    no_address = bot.submit(account="9204415", **JANUARY)
    typed = bot.submit(
        account="83300174", recipient="new@example.org", check_value="Mueller Lukasik", **JANUARY
    )
    wrong_check = bot.submit(
        account="5126609", recipient="new@example.org", check_value="Murphy", **JANUARY
    )
    empty = bot.submit(account=ACCOUNT, period_from=date(2026, 1, 6), period_to=date(2026, 1, 31))
    assert bot.run() is StopReason.DRAINED

    assert bot.state(look_alike) == "delivered"
    assert bot.state(unknown) == "rejected ACCOUNT_NOT_FOUND"
    assert bot.state(two_years) == "delivered"
    assert bot.state(one_day) == "delivered"
    assert bot.state(credit_note) == "delivered"
    assert bot.state(only_credit_note) == "rejected NO_INVOICES"
    assert bot.state(no_address) == "rejected NO_ADDRESS"
    assert bot.state(typed) == "delivered"
    assert bot.state(wrong_check) == "rejected CHECK_VALUE_MISMATCH"
    assert bot.state(empty) == "rejected NO_INVOICES"

    sent = bot.sent()
    assert len(sent) == len(set(sent)) == 1 + 24 + 2 + 1 + 1
    assert ("m.ashdown@example.org", "INV-2026-000132") in sent
    assert ("new@example.org", "INV-2026-000175") in sent
    assert {invoice for _, invoice in sent} >= {"INV-2026-000312", "INV-2026-000313"}
    assert "INV-2025-001322" not in {invoice for _, invoice in sent}


def test_an_overlapping_request_sends_only_the_new_month(bot: Bot) -> None:
    first = bot.submit()
    second = bot.submit(period_to=date(2026, 2, 28))
    assert bot.run() is StopReason.DRAINED
    assert (bot.state(first), bot.state(second)) == ("delivered", "delivered")
    assert bot.sent() == [(EMAIL, "INV-2026-000038"), (EMAIL, "INV-2026-000243")]
    states = {one["invoice_number"]: one["state"] for one in bot.story(second).deliveries}
    assert states == {"INV-2026-000038": "duplicate", "INV-2026-000243": "confirmed"}


def test_an_urgent_request_is_next(bot: Bot) -> None:
    bot.submit()
    urgent = bot.submit(account="4027310", priority=1)
    assert bot.run(limit=1) is StopReason.LIMIT
    assert bot.state(urgent) == "delivered"


def test_a_dry_run_walks_to_the_send_form_and_changes_nothing(bot: Bot) -> None:
    request = bot.submit()
    before = bot.story(request)
    assert bot.run(dry_run=True) is StopReason.DRAINED
    assert bot.story(request) == before
    assert bot.sent() == []
    assert bot.portal.state()["send_posts"] == 0
    assert "request 1: invoice INV-2026-000038: form checked, not sent" in bot.lines


def test_a_rehearsal_needs_no_queue_and_sends_nothing(bot: Bot) -> None:
    bot.submit()
    test = TestRequest(account=ACCOUNT, **JANUARY)
    assert bot.run(rehearse=(test,), database=None) is StopReason.DRAINED
    assert any("form checked, not sent" in line for line in bot.lines)
    assert bot.sent() == []
    assert bot.execute("select count(*) from billcopy.bot_runs") == [(0,)]


def test_a_lingering_bot_takes_what_comes_in(bot: Bot) -> None:
    arrived: list[int] = []

    def later(_: object) -> None:
        import threading

        threading.Timer(5, lambda: arrived.append(bot.submit())).start()

    assert bot.run(linger_seconds=8, on_start=later) is StopReason.DRAINED
    assert bot.state(arrived[0]) == "delivered"


def test_a_stopped_portal_is_said_so(bot: Bot) -> None:
    request = bot.submit()
    request_queue.stop_portal(bot.ops, "practice", actor="tests", reason="a test")
    assert bot.run() is StopReason.STOPPED
    assert bot.state(request) == "queued"
