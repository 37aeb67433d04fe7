"""What a person sent in the bank's portal is recorded, and sent by nobody else."""

from __future__ import annotations

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps


def planned_and_held(database: Database, count: int = 1, **changes):
    """A held request with that many planned deliveries; its number and theirs."""
    request_id = steps.submit(database, **changes)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    numbers = [one.delivery_id for one in steps.plan(bot, request, count)]
    steps.settle(bot, request, errors.PortalDown)
    desk = database.connect(Login.DESK)
    steps.hang_up(database, bot)  # and with it the portal's lock goes
    request_queue.hold(desk, request_id, actor="ann", reason="the customer is waiting")
    return request_id, numbers


def by_hand(database: Database, delivery_id: int, to: str | None = "a@x.ie"):
    ops = database.connect(Login.OPS)
    return request_queue.record_sent_by_hand(
        ops, delivery_id, recipient=to, actor="ann", reason="sent it myself"
    )


def test_the_last_one_sent_by_hand_delivers_the_request(database: Database) -> None:
    request_id, [first, second] = planned_and_held(database, 2)
    assert by_hand(database, first).state == "held"
    told = by_hand(database, second)
    assert (told.request_id, told.state) == (request_id, "delivered")
    story = request_queue.story(database.connect(Login.DESK), request_id)
    proofs = [(one["state"], one["proof_kind"]) for one in story.deliveries]
    assert proofs == [("confirmed", "person")] * 2
    [event] = [one for one in story.events if one["entity_id"] == str(first)][-1:]
    assert (event["actor"], event["reason"]) == ("ann", "sent it myself")


def test_what_was_sent_by_hand_is_sent_by_no_other_request(database: Database) -> None:
    _, [delivery] = planned_and_held(database)
    by_hand(database, delivery)
    steps.submit(database, period_to=steps.JANUARY)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    assert steps.begin(bot, request, steps.plan(bot, request)[0]) == "duplicate"


def test_it_must_be_known_to_whom_it_went(database: Database) -> None:
    _, [delivery] = planned_and_held(database)
    with pytest.raises(errors.InputError, match="must be given"):
        by_hand(database, delivery, None)


def test_it_went_to_whom_the_request_names(database: Database) -> None:
    _, [delivery] = planned_and_held(database, recipient="a@x.ie", check_value="Smith")
    with pytest.raises(errors.InputError, match="the request names"):
        by_hand(database, delivery, "b@x.ie")
    assert by_hand(database, delivery, None).state == "delivered"


def test_what_the_bot_has_in_hand_cannot_have_been_sent_by_hand(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    with pytest.raises(errors.IllegalTransition, match="hold it first"):
        by_hand(database, delivery.delivery_id)


def test_what_may_have_been_sent_already_is_for_two_people(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    steps.begin(bot, request, delivery)
    steps.settle(bot, request)
    with pytest.raises(errors.IllegalTransition, match="is in_doubt"):
        by_hand(database, delivery.delivery_id)


def test_an_unknown_delivery_is_named(database: Database) -> None:
    with pytest.raises(errors.NotFound, match="no delivery 99"):
        by_hand(database, 99)
