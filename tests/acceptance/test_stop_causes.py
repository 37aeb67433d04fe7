"""Why a bot stops, and how many requests that touched: with the real browser and database."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from billcopy import request_queue
from billcopy.bot.launch import Bot as LaunchedBot
from billcopy.bot.order import StopReason
from billcopy.database import Connection, Login
from tests.bot_fixtures import ACCOUNT, Bot
from tests.integration import queue_steps
from tests.waiting import until

pytestmark = pytest.mark.slow

LOG_LINE = "sent"


def touched(bot: Bot) -> int:
    """Requests that were ever claimed."""
    return int(bot.execute("select count(distinct request_id) from billcopy.attempts")[0][0])


def when(bot: Bot, line: str, do: Callable[[LaunchedBot], None], **order: object) -> StopReason:
    """Run, and do something the moment the bot says this."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def watch(running: LaunchedBot) -> None:
        def wait() -> None:
            while not any(line in said for said in list(bot.lines)):
                if over.wait(0.05):
                    return
            do(running)

        threads.append(threading.Thread(target=wait, daemon=True))
        threads[0].start()

    try:
        return bot.run(on_start=watch, **order)
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_refused_sign_in_claims_nothing_and_opens_the_breaker(bot: Bot) -> None:
    bot.submit()
    bot.portal.set_faults(password="something else")
    assert bot.run() is StopReason.BREAKER
    assert touched(bot) == 0
    assert bot.portal.state()["sign_ins_refused"] == 1
    portal = bot.execute("select breaker_reason, breaker_secret_version from billcopy.portals")
    assert portal == [("SIGN_IN_REFUSED", 2)]
    reads = bot.execute("select version, outcome from billcopy.credential_reads order by id")
    assert reads == [(2, "read"), (2, "refused"), (2, "read")]

    # Even with the breaker closed by hand, nobody tries this version again.
    request_queue.close_breaker(bot.ops, "practice", actor="tests", reason="a test")
    assert bot.run() is StopReason.BREAKER
    assert touched(bot) == 0
    assert bot.portal.state()["sign_ins_refused"] == 1


def test_a_password_changed_in_the_meantime_is_read_once_more(bot: Bot) -> None:
    request = bot.submit()
    # The page takes its time, so that the change is there before the refusal is.
    bot.portal.set_faults(password="newer", latency_ms=1000, latency_path="/signin")
    changed = threading.Event()

    def change() -> None:
        # Between the first read and the one after the refusal.
        until(lambda: bot.execute("select 1 from billcopy.credential_reads"))
        bot.vault.change_password("newer")
        changed.set()

    thread = threading.Thread(target=change)
    thread.start()
    stop = bot.run()
    thread.join()
    assert changed.is_set()
    assert stop is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    assert bot.portal.state()["sign_ins_refused"] == 1


def test_a_limit_stops_after_so_many(bot: Bot) -> None:
    for account in (ACCOUNT, "4027310", "94027310"):
        bot.submit(account=account)
    assert bot.run(limit=2) is StopReason.LIMIT
    assert touched(bot) == 2


def test_a_busy_portal_lock_is_waited_for_and_then_given_up(bot: Bot) -> None:
    bot.submit()
    other = bot.database.connect(Login.BOT)
    assert request_queue.take_portal_lock(other, "practice")
    assert bot.run(lock_wait_seconds=1) is StopReason.LOCK_BUSY
    assert touched(bot) == 0


def test_a_signal_puts_the_request_in_hand_back(bot: Bot) -> None:
    first = bot.submit()
    second = bot.submit(account="4027310")
    bot.portal.set_faults(latency_ms=400)
    stop = when(bot, f"request {first}: account", lambda running: running.end())
    assert stop is StopReason.INTERRUPTED
    assert bot.state(first) == "queued INTERRUPTED"
    assert bot.state(second) == "queued"
    assert bot.story(first).request["attempts"] == 0
    assert touched(bot) == 1


def test_a_signal_after_the_click_leaves_the_rest_to_the_log(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(latency_ms=1500, latency_path="/sent")
    stop = when(bot, ": sent", lambda running: running.end())
    assert stop is StopReason.INTERRUPTED
    assert bot.story(request).deliveries[0]["state"] == "in_doubt"
    bot.portal.clear_faults()
    bot.make_due()
    bot.run()
    assert bot.state(request) == "delivered"
    assert len(bot.sent()) == 1


def test_a_cut_connection_is_opened_again_and_the_lock_retaken(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(latency_ms=300)
    stop = when(bot, f"request {request}: account", lambda _: cut(bot))
    assert stop is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    assert len(bot.sent()) == 1


def test_a_lock_lost_to_another_bot_ends_the_run(bot: Bot) -> None:
    first = bot.submit()
    bot.submit(account="4027310")
    bot.portal.set_faults(latency_ms=300)
    other = bot.database.connect(Login.BOT)

    def wait_in_line() -> None:
        # Whoever waits for it gets it the moment the bot's connection is gone.
        with other.cursor() as cursor:
            cursor.execute(
                "select pg_advisory_lock(hashtext('billcopy portal'), hashtext('practice'))"
            )

    def steal(_: LaunchedBot) -> None:
        threading.Thread(target=wait_in_line, daemon=True).start()
        waits = "select 1 from pg_locks where locktype = 'advisory' and not granted"
        until(lambda: bot.execute(waits), "the other bot waits in line")
        cut(bot, but=other.info.backend_pid)

    stop = when(bot, f"request {first}: account", steal, lock_wait_seconds=1)
    assert stop is StopReason.INFRASTRUCTURE
    assert touched(bot) == 1
    assert bot.sent() == []


def test_a_database_that_is_gone_ends_the_run(bot: Bot) -> None:
    first = bot.submit()
    bot.submit(account="4027310")
    bot.portal.set_faults(latency_ms=300)

    def refuse(_: LaunchedBot) -> None:
        looking = bot.database.superuser
        allow_connections(bot, "false")
        cut(bot, connection=looking)
        looking.close()

    started = time.monotonic()
    try:
        stop = when(bot, f"request {first}: account", refuse)
    finally:
        allow_connections(bot, "true")
    assert stop is StopReason.INFRASTRUCTURE
    assert time.monotonic() - started < 120
    assert touched(bot) == 1
    assert bot.sent() == []


def test_the_stop_switch_stops_before_the_next_click(bot: Bot) -> None:
    request = bot.submit(period_to=queue_steps.date(2026, 3, 31))

    def stop_switch(_: LaunchedBot) -> None:
        request_queue.stop_portal(bot.ops, "practice", actor="tests", reason="a test")

    bot.portal.set_faults(latency_ms=200)
    stop = when(bot, "INV-2026-000038: sent", stop_switch)
    assert stop is StopReason.STOPPED
    assert len(bot.sent()) < 3
    states = [one["state"] for one in bot.story(request).deliveries]
    assert states.count("confirmed") == len(bot.sent())
    assert "in_doubt" not in states


def allow_connections(bot: Bot, allowed: str) -> None:
    """Close the database to everybody, or open it again."""
    with contextlib.closing(bot.database.server.connect()) as admin, admin.cursor() as cursor:
        cursor.execute(f'alter database "{bot.database.name}" allow_connections {allowed}')


def cut(bot: Bot, *, but: int = 0, connection: Connection | None = None) -> None:
    """End every connection of the bot's login, as a restarted server would."""
    with (connection or bot.database.superuser).cursor() as cursor:
        cursor.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = 'billcopy_bot' and datname = current_database() and pid <> %s",
            [but],
        )
