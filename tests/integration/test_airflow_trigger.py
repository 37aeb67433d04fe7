"""The trigger against a real Postgres: when it fires, when it stays silent, when it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from tests.airflow_fixtures import airflow_connection, import_airflow
from tests.database_fixtures import Database
from tests.integration import queue_steps as queue

import_airflow()
from billcopy.airflow_parts import trigger as triggers  # noqa: E402


@pytest.fixture
def trigger(database: Database, monkeypatch: pytest.MonkeyPatch):
    async def aget_connection(_conn_id: str) -> SimpleNamespace:
        return airflow_connection(database)

    monkeypatch.setattr(triggers.BaseHook, "aget_connection", aget_connection)
    monkeypatch.setattr(triggers, "COALESCE_SECONDS", 0.05)
    monkeypatch.setattr(triggers, "BETWEEN_LOOKS_SECONDS", 0.05)
    monkeypatch.setattr(triggers, "LOOKS_AFTER_FIRING", 3)
    monkeypatch.setattr(triggers, "RECONNECT_SECONDS", (0.05,))
    return triggers.SubmittedRequestsTrigger(portal="practice")


async def _first(events: AsyncIterator, *, within: float = 30):
    return (await asyncio.wait_for(anext(events), within)).payload


async def _silent(events: AsyncIterator, *, seconds: float = 0.5) -> bool:
    try:
        await asyncio.wait_for(anext(events), seconds)
    except TimeoutError:
        return True
    return False


def test_it_can_be_made_again_from_what_it_serializes(trigger) -> None:
    path, arguments = trigger.serialize()
    assert path == "billcopy.airflow_parts.trigger.SubmittedRequestsTrigger"
    assert arguments == {"portal": "practice"}


def test_it_looks_at_the_backlog_when_it_starts(trigger, database: Database) -> None:
    queue.submit(database)
    assert asyncio.run(_first(trigger.run())) == {"portal": "practice", "claimable": 1}


def test_it_fires_when_a_request_is_submitted(trigger, database: Database) -> None:
    async def scene() -> object:
        waiting = asyncio.ensure_future(_first(trigger.run()))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        queue.submit(database)
        return await waiting

    assert asyncio.run(scene()) == {"portal": "practice", "claimable": 1}


def test_it_stays_silent_while_a_bot_is_at_work(trigger, database: Database) -> None:
    queue.submit(database)
    queue.claim(database.connect(Login.BOT))
    queue.submit(database, account="94027310")
    assert asyncio.run(_silent(trigger.run()))


def test_it_fires_when_a_bot_stopped_renewing(trigger, database: Database, monkeypatch) -> None:
    monkeypatch.setattr(triggers, "AT_WORK_SECONDS", 0.1)
    queue.submit(database)
    queue.claim(database.connect(Login.BOT))

    async def scene() -> object:
        waiting = asyncio.ensure_future(_first(trigger.run()))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        queue.execute(database, "update billcopy.requests set lease_until = now() - interval '1 h'")
        return await waiting

    assert asyncio.run(scene()) == {"portal": "practice", "claimable": 0}


def test_another_portals_dead_bot_is_left_to_that_portals_trigger(database: Database) -> None:
    queue.submit(database)
    queue.claim(database.connect(Login.BOT))
    queue.execute(database, "update billcopy.requests set lease_until = now() - interval '1 h'")
    parameters = database.parameters(Login.OPS)
    assert triggers.look(parameters, "practice").expired == 1
    assert triggers.look(parameters, "harbour").expired == 0


def test_it_stays_silent_while_the_portal_is_stopped(trigger, database: Database) -> None:
    queue.submit(database)
    ops = database.connect(Login.OPS)
    request_queue.stop_portal(ops, "practice", actor="tests", reason="trouble")
    assert asyncio.run(_silent(trigger.run()))


def test_it_does_not_fire_for_ever_when_nobody_comes(trigger, database: Database) -> None:
    queue.submit(database)

    async def scene() -> bool:
        events = trigger.run()
        await _first(events)
        return await _silent(events)

    assert asyncio.run(scene())


def test_it_fires_again_for_the_next_request_once_a_bot_came(trigger, database: Database) -> None:
    async def scene() -> object:
        events = trigger.run()
        queue.submit(database)
        await _first(events)
        bot = database.connect(Login.BOT)
        request = queue.claim(bot)
        waiting = asyncio.ensure_future(_first(events))
        await asyncio.sleep(0.3)
        queue.settle(bot, request, errors.AccountNotFound)
        queue.submit(database, account="94027310")
        return await waiting

    assert asyncio.run(scene()) == {"portal": "practice", "claimable": 1}


def test_it_fires_again_later_and_later_when_nobody_comes(
    trigger, database: Database, monkeypatch
) -> None:
    monkeypatch.setattr(triggers, "IN_VAIN_SECONDS", (0.1, 60.0))
    queue.submit(database)

    async def scene() -> bool:
        events = trigger.run()
        await _first(events)
        await _first(events)
        return await _silent(events)

    assert asyncio.run(scene())


def test_it_fires_when_a_deferred_request_is_due(trigger, database: Database) -> None:
    soon = queue.execute(database, "select now() + interval '0.7 seconds'")[0][0]
    queue.submit(database, not_before=soon)
    assert asyncio.run(_first(trigger.run()))["claimable"] == 1


def test_it_listens_again_after_its_connection_was_cut(trigger, database: Database) -> None:
    async def scene() -> object:
        waiting = asyncio.ensure_future(_first(trigger.run()))
        cut = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where usename = %s and datname = current_database() and query ilike 'listen%%'"
        )
        while not queue.execute(database, cut, Login.OPS.value):
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        queue.submit(database)
        return await waiting

    assert asyncio.run(scene()) == {"portal": "practice", "claimable": 1}


def test_it_wakes_when_the_portal_opens_by_itself(trigger, database: Database) -> None:
    queue.submit(database)
    [(opens_at,)] = queue.execute(
        database,
        "update billcopy.portals set breaker_opened_at = now(), breaker_reason = 'PORTAL_DOWN',"
        " breaker_until = now() + interval '2 s' returning breaker_until",
    )
    assert asyncio.run(_first(trigger.run())) == {"portal": "practice", "claimable": 1}
    assert queue.execute(database, "select now() >= %s", opens_at) == [(True,)]


def test_it_wakes_when_maintenance_ends(trigger, database: Database) -> None:
    queue.submit(database)
    [(ends_at,)] = queue.execute(
        database,
        "insert into billcopy.maintenance_windows (portal, starts_at, ends_at, reason, entered_by)"
        " values ('practice', now() - interval '1 h', now() + interval '2 s', 'x', 'x')"
        " returning ends_at",
    )
    assert asyncio.run(_first(trigger.run())) == {"portal": "practice", "claimable": 1}
    assert queue.execute(database, "select now() >= %s", ends_at) == [(True,)]
