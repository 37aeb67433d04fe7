"""What goes on by itself, or stops, with a real Airflow around it: pause, breaker, maintenance."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billcopy import database, request_queue
from billcopy.database import Login
from tests.running_stack import DAG, Stack, started
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.airflow, pytest.mark.timeout(600)]

YEAR = {"period_from": date(2025, 1, 1), "period_to": date(2025, 12, 31)}
WHO = {"actor": "ops", "reason": "a test"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("stack")
    with started(home, linger_seconds=0, unpaused=[DAG]) as running:
        yield running


@pytest.fixture(autouse=True)
def _good_behaviour(running: Stack) -> None:
    """Whatever the test before has left."""
    running.faults()
    running.rest.pause(DAG, paused=False)


@contextlib.contextmanager
def ops(running: Stack) -> Iterator[Any]:
    with contextlib.closing(database.connect(running.settings, Login.OPS)) as connection:
        yield connection


def count(running: Stack, states: str, request_id: int) -> int:
    query = "select count(*) from billcopy.deliveries where state = any(%s) and request_id = %s"
    return int(running.query(query, states.split(), request_id)[0][0])


def bots_at_work(running: Stack) -> int:
    query = "select count(*) from billcopy.bot_runs where finished_at is null"
    return int(running.query(query)[0][0])


def test_pausing_ends_a_bot_at_work_and_unpausing_lets_it_go_on(running: Stack) -> None:
    running.faults(latency_ms=1500)
    request = running.submit("3310487", **YEAR)
    clicked = "sending confirmed in_doubt"
    until(lambda: count(running, clicked, request) > 0)
    running.rest.pause(DAG, paused=True)
    until(lambda: bots_at_work(running) == 0)
    done = count(running, clicked, request)
    assert done < 12
    [(stop, ended)] = running.query(
        "select b.stop_reason, a.ended_as from billcopy.bot_runs as b inner join billcopy.attempts"
        " as a on a.bot_run_id = b.id order by a.id desc limit 1"
    )
    assert stop == "INTERRUPTED"
    assert ended in ("released", "deferred")
    running.faults()
    running.rest.pause(DAG, paused=False)
    until(lambda: running.state(request) == "delivered")
    invoices = [one for _, mail in running.mails() for one in mail]
    assert len(invoices) == len(set(invoices)) == 12
    notes = [run["note"] or "" for run in running.rest.runs(DAG)]
    assert any("the DAG was paused" in note for note in notes)
    assert all(run["state"] != "failed" for run in running.rest.runs(DAG))


def test_a_breaker_opens_and_closes_without_anybody(running: Stack) -> None:
    with ops(running) as connection:
        request_queue.configure_portal(connection, "practice", {"breaker_pause": "5 s"}, **WHO)
    running.faults(http_500=100_000)
    request = running.submit("20411963")
    opened = "select count(*) from billcopy.events where event = 'breaker opened'"
    until(lambda: running.query(opened)[0][0] > 0)
    running.faults()
    until(lambda: running.state(request) == "delivered")
    with ops(running) as connection:
        assert request_queue.status(connection, "practice")[0]["closure"] is None


def test_what_waits_behind_a_window_goes_on_when_it_ends(running: Stack) -> None:
    now = datetime.now(UTC)
    with ops(running) as connection:
        request_queue.schedule_maintenance(
            connection, "practice", now, now + timedelta(seconds=15), **WHO
        )
    request = running.submit("5126609")
    assert running.state(request) == "queued"
    until(lambda: running.state(request) == "delivered")
    [(held,)] = running.query(
        "select a.started_at >= m.ends_at from billcopy.attempts as a cross join"
        " billcopy.maintenance_windows as m where a.request_id = %s order by a.id limit 1",
        request,
    )
    assert held
