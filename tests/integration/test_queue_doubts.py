"""Doubt: what two people decide about a delivery that may have been sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from billcopy import errors, request_queue
from billcopy.database import Connection, Login
from billcopy.model import Delivery
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.waiting import until


def said(ops: Connection, doubtful: Delivery, decision: str, **changes: Any) -> int:
    """What one person says of a doubtful delivery; the decision's number."""
    asked = {"actor": "ann", "reason": "rang the bank", **changes}
    return request_queue.decide_doubt(ops, doubtful.delivery_id, decision, **asked)


@pytest.mark.parametrize(
    ("decision", "state"), [("sent", "confirmed"), ("not_sent", "planned"), ("give_up", "failed")]
)
def test_two_people_decide_a_doubt(database: Database, decision: str, state: str) -> None:
    request_id, doubtful = steps.held_in_doubt(database)
    ops, desk = database.connect(Login.OPS), database.connect(Login.DESK)
    number = said(ops, doubtful, decision)
    with pytest.raises(errors.NotPermitted):
        request_queue.approve_doubt(ops, number, actor="Ann ", reason="me again")
    assert request_queue.approve_doubt(ops, number, actor="bob", reason="agreed") == decision
    story = request_queue.story(desk, request_id)
    assert story.deliveries[0]["state"] == state
    assert story.request["state"] == "queued"
    with pytest.raises(errors.IllegalTransition):
        request_queue.approve_doubt(ops, number, actor="carl", reason="agreed")


def test_the_second_person_approves_what_they_have_read(database: Database) -> None:
    _, doubtful = steps.held_in_doubt(database)
    ops = database.connect(Login.OPS)
    first = said(ops, doubtful, "sent")
    second = said(ops, doubtful, "sent", actor="carol", reason="a guess", instead_of=first)
    with pytest.raises(errors.NotFound, match="no decision"):
        request_queue.approve_doubt(ops, first, actor="bob", reason="agreed")
    with pytest.raises(errors.InputError):
        request_queue.approve_doubt(ops, second, actor="bob", reason=" ")
    assert request_queue.approve_doubt(ops, second, actor="bob", reason="agreed") == "sent"


def test_nobody_talks_over_what_they_have_not_read(database: Database) -> None:
    _, doubtful = steps.held_in_doubt(database)
    ops = database.connect(Login.OPS)
    first = said(ops, doubtful, "sent")
    for read in (None, first + 1):
        with pytest.raises(errors.IllegalTransition, match=f"asked for decision {first}"):
            said(ops, doubtful, "not_sent", actor="bob", instead_of=read)
    request_queue.approve_doubt(ops, first, actor="bob", reason="agreed")
    with pytest.raises(errors.IllegalTransition, match="not waiting"):
        said(ops, doubtful, "not_sent", actor="bob", instead_of=first)


def test_a_decision_that_is_not_open_any_more_is_not_replaced(database: Database) -> None:
    _, doubtful = steps.held_in_doubt(database)
    ops = database.connect(Login.OPS)
    with pytest.raises(errors.IllegalTransition, match="decision 7 is not open any more"):
        said(ops, doubtful, "sent", instead_of=7)


def test_what_a_person_has_set_aside_is_not_put_back_by_a_decision(database: Database) -> None:
    request_id, bot, again, doubtful = steps.in_doubt(database)
    steps.settle(bot, again)
    desk, ops = database.connect(Login.DESK), database.connect(Login.OPS)
    request_queue.hold(desk, request_id, actor="rep", reason="the customer disputes it")
    with pytest.raises(errors.IllegalTransition, match="not waiting for a decision"):
        said(ops, doubtful, "not_sent")
    assert request_queue.story(desk, request_id).request["state"] == "held"


def test_two_approvals_at_the_same_time_leave_nothing_behind(database: Database) -> None:
    request_id, bot, again, _ = steps.in_doubt(database)
    for one in request_queue.deliveries(bot, again):
        if one.state == "planned":
            assert steps.begin(bot, again, one) == "go"
    request_queue.settle(bot, again, error_class=None, reason_code="IN_DOUBT")
    ops = [database.connect(Login.OPS) for _ in range(2)]
    story = request_queue.story(database.connect(Login.DESK), request_id)
    assert [one["state"] for one in story.deliveries] == ["in_doubt", "in_doubt"]
    numbers = [
        request_queue.decide_doubt(ops[0], one["id"], "sent", actor="ann", reason="rang them")
        for one in story.deliveries
    ]
    with ThreadPoolExecutor() as pool, database.superuser as meanwhile:
        meanwhile.cursor().execute("begin; select from billcopy.requests for update")
        approved = [
            pool.submit(request_queue.approve_doubt, *one, actor="bob", reason="agreed")
            for one in zip(ops, numbers, strict=True)
        ]
        waiting = "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"
        until(lambda: len(steps.execute(database, waiting, database.name)) == 2, "both wait")
        meanwhile.cursor().execute("commit")
        assert [one.result() for one in approved] == ["sent", "sent"]
    assert request_queue.story(ops[0], request_id).request["state"] == "queued"


def test_a_request_in_doubt_is_not_released_by_one_person(database: Database) -> None:
    request_id, _ = steps.held_in_doubt(database)
    with pytest.raises(errors.IllegalTransition, match="two people"):
        request_queue.release(database.connect(Login.DESK), request_id, actor="ann", reason="go on")


def test_a_request_with_something_in_doubt_is_only_marked_for_cancelling(
    database: Database,
) -> None:
    request_id, _ = steps.held_in_doubt(database)
    desk = database.connect(Login.DESK)
    assert request_queue.cancel(desk, request_id, actor="ann", reason="no") == "held"


def given_up(database: Database):
    """A failed request whose doubtful delivery two people gave up, and the bot's connection."""
    request_id, bot, again, doubtful = steps.in_doubt(database)
    request_queue.settle(bot, again, error_class=None, reason_code="IN_DOUBT")
    ops = database.connect(Login.OPS)
    request_queue.approve_doubt(ops, said(ops, doubtful, "give_up"), actor="bob", reason="agreed")
    steps.execute(database, "update billcopy.requests set attempts = 2, second_chance_at = now()")
    assert steps.settle(bot, steps.claim(bot), errors.PortalDown)[0] == "failed"
    return request_id, bot


def test_what_two_people_gave_up_is_not_sent_by_a_requeue(database: Database) -> None:
    request_id, _ = given_up(database)
    desk = database.connect(Login.DESK)
    assert request_queue.retry(desk, request_id, actor="ann", reason="try") == "requeued"
    story = request_queue.story(desk, request_id)
    assert [one["state"] for one in story.deliveries] == ["failed", "planned"]


def test_what_two_people_gave_up_is_not_sent_by_another_request(database: Database) -> None:
    _, bot = given_up(database)
    steps.submit(database, period_to=steps.JANUARY)
    request = steps.claim(bot)
    assert steps.begin(bot, request, steps.plan(bot, request)[0]) == "duplicate"


def test_a_decision_asked_for_before_a_later_click_has_no_effect(database: Database) -> None:
    request_id, doubtful = steps.held_in_doubt(database)
    ops = database.connect(Login.OPS)
    number = said(ops, doubtful, "not_sent")
    steps.execute(
        database, "update billcopy.deliveries set sending_at = clock_timestamp() + interval '1 s'"
    )
    with pytest.raises(errors.IllegalTransition, match="has changed since"):
        request_queue.approve_doubt(ops, number, actor="bob", reason="y")
    assert request_id


def test_cancelled_is_not_said_of_what_may_have_been_sent(database: Database) -> None:
    request_id, doubtful = steps.held_in_doubt(database)
    desk, ops = database.connect(Login.DESK), database.connect(Login.OPS)
    request_queue.cancel(desk, request_id, actor="ann", reason="no")
    request_queue.approve_doubt(ops, said(ops, doubtful, "give_up"), actor="bob", reason="y")
    bot = database.connect(Login.BOT)
    assert steps.settle(bot, steps.claim(bot))[0] == "failed"
