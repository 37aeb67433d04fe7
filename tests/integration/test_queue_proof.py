"""Proof, doubt, rescue and repeated acknowledgements."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from billcopy.model import Rescued
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

BACK = "update billcopy.deliveries set sending_at = sending_at - interval '1 minute'"


def in_doubt(database: Database):
    """A request whose first delivery may have been sent, claimed again."""
    request_id = steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    request = steps.claim(bot, run)
    steps.begin(bot, request, steps.plan(bot, request, 2)[0])
    steps.settle(bot, request, errors.PortalDown)
    steps.execute(database, "update billcopy.requests set not_before = now()")
    again = steps.claim(bot, run)
    return request_id, bot, again, request_queue.deliveries(bot, again)[0]


def test_confirm_settle_and_renew_may_be_repeated(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    steps.begin(bot, request, delivery)
    steps.confirm(bot, request, delivery, "row-1")
    steps.confirm(bot, request, delivery, "row-1")
    assert request_queue.renew(bot, request) <= request_queue.renew(bot, request)
    assert steps.settle(bot, request) == steps.settle(bot, request) == ("delivered", None)
    events = steps.execute(database, "select event from billcopy.events where entity = 'request'")
    assert len(events) == 3


def test_another_proof_for_a_confirmed_delivery_is_refused(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    steps.begin(bot, request, delivery)
    steps.confirm(bot, request, delivery, "row-1")
    with pytest.raises(errors.IllegalTransition):
        steps.confirm(bot, request, delivery, "row-2")


def test_one_row_of_the_log_proves_one_delivery(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    first, second = steps.plan(bot, request, 2)
    for delivery in (first, second):
        steps.begin(bot, request, delivery)
    steps.confirm(bot, request, first, "row-1")
    with pytest.raises(errors.ProofUsed):
        steps.confirm(bot, request, second, "row-1")
    assert request_queue.used_proofs(bot, "practice", "sent_log", ["row-1", "row-2"]) == {"row-1"}


def test_the_claim_returns_what_the_bot_run_holds_already(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    assert request_queue.claim_next(bot, run) == request_queue.claim_next(bot, run)


def test_a_doubtful_delivery_stands_first_and_knows_its_recipient(database: Database) -> None:
    _, _, _, doubtful = in_doubt(database)
    assert (doubtful.state, doubtful.recipient) == ("in_doubt", "a@x.ie")


def test_a_look_before_the_settle_window_proves_no_absence(database: Database) -> None:
    _, bot, again, doubtful = in_doubt(database)
    looked_at = request_queue.database_now(bot)
    state = request_queue.report_absent(bot, again, doubtful.delivery_id, looked_at=looked_at)
    assert state == "in_doubt"


def test_a_look_after_the_settle_window_plans_it_again(database: Database) -> None:
    _, bot, again, doubtful = in_doubt(database)
    steps.execute(database, BACK)
    looked_at = request_queue.database_now(bot)
    state = request_queue.report_absent(bot, again, doubtful.delivery_id, looked_at=looked_at)
    assert state == "planned"
    assert steps.begin(bot, again, doubtful) == "go"


def test_a_look_in_the_future_is_refused(database: Database) -> None:
    _, bot, again, doubtful = in_doubt(database)
    later = request_queue.database_now(bot) + timedelta(hours=1)
    with pytest.raises(errors.InputError, match="future"):
        request_queue.report_absent(bot, again, doubtful.delivery_id, looked_at=later)


def test_sending_is_never_planned_again_by_a_look_of_the_same_attempt(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    steps.begin(bot, request, delivery)
    steps.execute(database, BACK)
    looked_at = request_queue.database_now(bot)
    state = request_queue.report_absent(bot, request, delivery.delivery_id, looked_at=looked_at)
    assert state == "sending"


@pytest.mark.parametrize(
    ("age", "rescued"), [("-60 seconds", False), ("20 seconds", False), ("40 seconds", True)]
)
def test_a_lease_is_rescued_only_after_its_grace(
    database: Database, age: str, rescued: bool
) -> None:
    request_id = steps.submit(database)
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    request = steps.claim(bot)
    first, second = steps.plan(bot, request, 2)
    steps.begin(bot, request, first)
    steps.execute(
        database,
        "update billcopy.requests set lease_until = clock_timestamp() - %s::interval",
        age,
    )
    ended: list[Rescued] = []
    found = request_queue.rescue(ops, actor="rescue", end_bot=ended.append)
    assert [one.request_id for one in found] == ([request_id] if rescued else [])
    assert [one.process_group for one in ended] == ([4242] if rescued else [])
    states = dict(steps.execute(database, "select id, state from billcopy.deliveries"))
    assert states[first.delivery_id] == ("in_doubt" if rescued else "sending")
    assert states[second.delivery_id] == "planned"
    if rescued:
        story = request_queue.story(database.connect(Login.DESK), request_id)
        assert story.request["state"] == "queued"
        assert (story.request["rescues"], story.request["attempts"]) == (1, 0)
        assert story.attempts[0]["ended_as"] == "rescued"
        with pytest.raises(errors.LeaseLost):
            steps.confirm(bot, request, first, "row-1")
        with pytest.raises(errors.LeaseLost):
            steps.settle(bot, request)


def test_a_rescue_after_the_last_confirmation_delivers(database: Database) -> None:
    steps.submit(database)
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    steps.begin(bot, request, delivery)
    steps.confirm(bot, request, delivery, "row-1")
    steps.execute(database, "update billcopy.requests set lease_until = now() - interval '1 h'")
    assert [one.state for one in request_queue.rescue(ops, actor="rescue")] == ["delivered"]


def test_too_many_rescues_end_with_a_person(database: Database) -> None:
    request_id = steps.submit(database)
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    run = steps.start_bot_run(bot)
    for _ in range(11):
        steps.claim(bot, run)
        steps.execute(database, "update billcopy.requests set lease_until = now() - interval '1 h'")
        request_queue.rescue(ops, actor="rescue")
    story = request_queue.story(database.connect(Login.DESK), request_id)
    assert (story.request["state"], story.request["reason_code"]) == ("held", "TOO_MANY_RESCUES")


def held_in_doubt(database: Database):
    request_id, bot, again, doubtful = in_doubt(database)
    settled = request_queue.settle(bot, again, error_class=None, reason_code="IN_DOUBT")
    assert settled.state == "held"
    return request_id, doubtful


@pytest.mark.parametrize(
    ("decision", "state"), [("sent", "confirmed"), ("not_sent", "planned"), ("give_up", "failed")]
)
def test_two_people_decide_a_doubt(database: Database, decision: str, state: str) -> None:
    request_id, doubtful = held_in_doubt(database)
    ops, desk = database.connect(Login.OPS), database.connect(Login.DESK)
    request_queue.decide_doubt(
        ops, doubtful.delivery_id, decision, actor="ann", reason="rang the bank"
    )
    with pytest.raises(errors.NotPermitted):
        request_queue.approve_doubt(ops, doubtful.delivery_id, actor="Ann ", reason="me again")
    assert (
        request_queue.approve_doubt(ops, doubtful.delivery_id, actor="bob", reason="agreed")
        == decision
    )
    story = request_queue.story(desk, request_id)
    assert story.deliveries[0]["state"] == state
    assert story.request["state"] == "queued"


def test_a_request_in_doubt_is_not_released_by_one_person(database: Database) -> None:
    request_id, _ = held_in_doubt(database)
    with pytest.raises(errors.IllegalTransition, match="two people"):
        request_queue.release(database.connect(Login.DESK), request_id, actor="ann", reason="go on")


def test_a_request_with_something_in_doubt_is_only_marked_for_cancelling(
    database: Database,
) -> None:
    request_id, _ = held_in_doubt(database)
    desk = database.connect(Login.DESK)
    assert request_queue.cancel(desk, request_id, actor="ann", reason="no") == "held"
