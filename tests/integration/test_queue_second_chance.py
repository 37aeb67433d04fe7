"""When the attempts are used up: one more in the quiet hours, then a person's list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from billcopy.model import Selection
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

WHO = {"actor": "ann", "reason": "a test"}


def told(database: Database, number: int) -> dict[str, Any]:
    return request_queue.story(database.connect(Login.DESK), number).request


def test_it_is_tried_once_more_when_the_bank_is_quiet(database: Database) -> None:
    number, bot, run = steps.used_up(database)
    request = told(database, number)
    assert (request["state"], request["reason_code"]) == ("queued", "SECOND_CHANCE")
    assert request["second_chance_at"] == request["not_before"]
    [(at, ahead)] = steps.execute(
        database,
        "select (not_before at time zone 'Europe/Dublin')::time::text,"
        " not_before - now() between interval '0' and interval '25 h' from billcopy.requests",
    )
    assert (at, ahead) == ("02:00:00", True)
    assert request_queue.claim_next(bot, run) is None


def test_a_success_then_is_a_success(database: Database) -> None:
    number, bot, run = steps.used_up(database)
    steps.execute(database, "update billcopy.requests set not_before = now()")
    request = steps.claim(bot, run)
    assert not request.look_only
    [delivery] = steps.plan(bot, request)
    assert steps.begin(bot, request, delivery) == "go"
    steps.confirm(bot, request, delivery, "row-1")
    assert steps.settle(bot, request) == ("delivered", None)
    assert request_queue.worklist(database.connect(Login.DESK)) == []
    assert told(database, number)["state"] == "delivered"


def test_there_is_one_second_chance_and_then_it_is_a_persons(database: Database) -> None:
    number, bot, run = steps.used_up(database)
    assert steps.try_again(database, bot, run) == ("failed", "UNEXPECTED")
    [listed] = request_queue.worklist(database.connect(Login.DESK), "practice")
    assert listed["request_id"] == number
    assert "requeue" in listed["next_action"]
    assert told(database, number)["attempts"] == 3


def test_a_requeue_by_a_person_starts_it_all_over(database: Database) -> None:
    number, bot, run = steps.used_up(database)
    steps.try_again(database, bot, run)
    desk = database.connect(Login.DESK)
    assert request_queue.retry(desk, number, **WHO) == "requeued"
    assert request_queue.worklist(desk) == []
    for _ in range(2):
        assert steps.try_again(database, bot, run)[0] == "queued"
    assert steps.try_again(database, bot, run) == ("queued", "SECOND_CHANCE")


def test_a_backfill_leaves_what_waits_for_its_second_chance(database: Database) -> None:
    number, _, _ = steps.used_up(database)
    outcomes = request_queue.requeue(
        database.connect(Login.OPS), selection=Selection(request_ids=(number,)), **WHO
    )
    assert outcomes == [(number, "wrong_state")]


def test_what_is_in_doubt_is_looked_up_first_and_gets_its_chance_after(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    request = steps.claim(bot, run)
    first, _ = steps.plan(bot, request, 2)
    assert steps.begin(bot, request, first) == "go"
    steps.settle(bot, request, errors.Unexpected)
    assert steps.try_again(database, bot, run)[0] == "queued"
    assert steps.try_again(database, bot, run)[0] == "queued"
    steps.execute(database, "update billcopy.requests set not_before = now()")
    look = steps.claim(bot, run)
    assert look.look_only
    steps.confirm(bot, look, first, "row-1")
    assert steps.settle(bot, look) == ("queued", "SECOND_CHANCE")
    steps.execute(database, "update billcopy.requests set not_before = now()")
    again = steps.claim(bot, run)
    assert not again.look_only
    assert steps.settle(bot, again, errors.Unexpected) == ("partial", "UNEXPECTED")


def test_the_quiet_hours_are_the_portals_and_over_a_clock_change(database: Database) -> None:
    steps.execute(
        database,
        "update billcopy.portals set quiet_from = '02:30', time_zone = 'Europe/Amsterdam'",
    )
    for at, expected in (
        ("2026-03-28T12:00Z", "2026-03-29T01:30Z"),  # 02:30 is never shown that night
        ("2026-10-24T12:00Z", "2026-10-25T00:30Z"),  # shown twice: the first time
        ("2026-10-25T00:30Z", "2026-10-26T01:30Z"),  # has begun, so it is not the next
        ("2026-12-31T23:30Z", "2027-01-01T01:30Z"),
    ):
        [(found,)] = steps.execute(
            database, "select billcopy.next_quiet_time('practice', %s::timestamptz)", at
        )
        assert found == datetime.fromisoformat(expected.replace("Z", "+00:00")), at
        assert found.astimezone(UTC) > datetime.fromisoformat(at.replace("Z", "+00:00"))


def test_the_worklist_begins_with_what_waits_longest(database: Database) -> None:
    desk = database.connect(Login.DESK)
    failed, bot, run = steps.used_up(database)
    steps.try_again(database, bot, run)
    held = steps.submit(database, account="4027311")
    request_queue.hold(desk, held, **WHO)
    steps.execute(
        database,
        "update billcopy.requests set finished_at = now() - interval '1 h' where id = %s",
        failed,
    )
    assert [one["request_id"] for one in request_queue.worklist(desk)] == [failed, held]
    [portal] = request_queue.status(desk, "practice")
    assert portal["needs_a_person"] == 2


def test_who_has_seen_to_a_failed_one_takes_it_off(database: Database) -> None:
    desk = database.connect(Login.DESK)
    number, bot, run = steps.used_up(database)
    with pytest.raises(errors.IllegalTransition):
        request_queue.look_after(desk, number, **WHO)
    steps.try_again(database, bot, run)
    with pytest.raises(errors.InputError):
        request_queue.look_after(desk, number, actor="ann", reason=" ")
    request_queue.look_after(desk, number, actor="ann", reason="sent by hand")
    assert request_queue.worklist(desk) == []
    assert request_queue.story(desk, number).events[-1]["event"] == "looked after"
