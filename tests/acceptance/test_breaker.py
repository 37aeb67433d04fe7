"""The portal closes itself, or is closed by the clock: with the real browser and database."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from billcopy import request_queue
from billcopy.bot.launch import Bot as LaunchedBot
from billcopy.bot.order import StopReason
from billcopy.request_queue import WeeklyWindow
from tests.acceptance.test_moods import impatient
from tests.acceptance.test_stop_causes import when
from tests.bot_fixtures import ACCOUNT, Bot

pytestmark = pytest.mark.slow

OTHERS = ("4027310", "94027310", "20411963")
WHO = {"actor": "ops", "reason": "a test"}


def status(bot: Bot) -> dict[str, Any]:
    [found] = request_queue.status(bot.desk, bot.name)
    return found


def attempts(bot: Bot) -> int:
    return int(bot.execute("select count(*) from billcopy.attempts")[0][0])


def time_passes(bot: Bot) -> None:
    bot.execute("update billcopy.portals set breaker_until = now()")
    bot.make_due()


def test_a_portal_that_is_down_closes_itself_and_opens_itself(bot: Bot) -> None:
    requests = [bot.submit(account=account) for account in (ACCOUNT, *OTHERS)]
    bot.portal.set_faults(http_500=100_000, http_500_path="/invoices$")
    assert bot.run() is StopReason.BREAKER
    closure = status(bot)["closure"]
    assert closure["refusal"] == "BREAKER_OPEN"
    assert closure["until"] is not None
    assert closure["backlog"]["waiting"] == len(requests)
    assert attempts(bot) == 3
    # Nobody comes near it before its time.
    assert bot.run() is StopReason.BREAKER
    assert attempts(bot) == 3

    # Still down: one request is tried, no more, and it costs it nothing.
    time_passes(bot)
    assert bot.run() is StopReason.BREAKER
    assert attempts(bot) == 4
    counted = bot.execute("select attempts from billcopy.requests order by attempts desc")
    assert counted == [(1,), (1,), (0,), (0,)]

    bot.portal.clear_faults()
    time_passes(bot)
    assert bot.run() is StopReason.DRAINED
    assert {bot.state(request) for request in requests} == {"delivered"}
    assert status(bot)["closure"] is None


def test_a_portal_that_cannot_be_reached_is_closed_before_anything_is_claimed(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.stop()
    try:
        assert bot.run() is StopReason.INFRASTRUCTURE
        assert bot.run() is StopReason.BREAKER
    finally:
        bot.portal.start()
    assert attempts(bot) == 0
    time_passes(bot)
    assert bot.run() is StopReason.DRAINED
    assert bot.state(request) == "delivered"


def test_a_send_form_that_changed_closes_the_portal_until_a_person_has_looked(bot: Bot) -> None:
    bot.portal_folder(impatient)
    requests = [bot.submit(account=account) for account in (ACCOUNT, *OTHERS)]
    bot.portal.set_faults(relabelled={"E-mail copy": "Send duplicate"})
    assert bot.run() is StopReason.BREAKER
    found = status(bot)
    assert (found["breaker_reason"], found["closure"]["until"]) == ("SEND_FORM_CHANGED", None)
    assert attempts(bot) == 3
    bot.portal.clear_faults()
    bot.make_due()
    assert bot.run() is StopReason.BREAKER
    request_queue.close_breaker(bot.ops, bot.name, **WHO)
    assert bot.run() is StopReason.DRAINED
    assert {bot.state(request) for request in requests} == {"delivered"}


def test_a_weekly_window_lets_the_request_in_hand_end_and_no_other_begin(bot: Bot) -> None:
    first = bot.submit(period_to=date(2026, 3, 31))
    second = bot.submit(account="4027310")
    entered = threading.Event()
    windows: list[int] = []

    def close(_: LaunchedBot) -> None:
        now = datetime.now(ZoneInfo("Europe/Berlin"))
        window = WeeklyWindow(
            weekday=now.isoweekday(),
            local_start=now.time(),
            lasts=timedelta(hours=1),
            time_zone="Europe/Berlin",
        )
        windows.append(request_queue.schedule_weekly_maintenance(bot.ops, bot.name, window, **WHO))
        entered.set()

    bot.portal.set_faults(latency_ms=300)
    stop = when(bot, f"request {first}: account", close)
    assert entered.is_set()
    assert stop is StopReason.MAINTENANCE
    assert (bot.state(first), bot.state(second)) == ("delivered", "queued")
    assert len(bot.sent()) == 3
    assert status(bot)["closure"]["backlog"]["waiting"] == 1
    request_queue.remove_maintenance(bot.ops, windows[0], **WHO)
    assert bot.run() is StopReason.DRAINED
    assert bot.state(second) == "delivered"
