"""Rescue: when a request is taken back from its bot, and what becomes of it."""

from __future__ import annotations

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from billcopy.model import Rescued
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps


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


# Lease 120 s, renewed every 30 s, grace 30 s, click budget 20 s: what a portal has from the start.
SILENT = (
    "update billcopy.requests set lease_renewed_at = lease_renewed_at - silent,"
    " lease_until = lease_until - silent from (select %s::interval as silent) as x"
)


@pytest.mark.parametrize(
    ("became", "silent_for", "rescued"),
    [
        ("connected", "70 seconds", False),
        ("disconnected", "50 seconds", False),
        ("disconnected", "70 seconds", True),
        ("finished", "70 seconds", True),
        ("replaced", "50 seconds", False),
        ("replaced", "70 seconds", True),
        ("connected again", "70 seconds", False),
    ],
)
def test_a_bot_that_lost_its_session_is_rescued_after_one_missed_renewal(
    database: Database, became: str, silent_for: str, rescued: bool
) -> None:
    request_id = steps.submit(database)
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    run = steps.start_bot_run(bot)
    steps.claim(bot, run)
    steps.execute(database, SILENT, silent_for)
    if became == "finished":
        request_queue.finish_bot_run(bot, run, stop_reason="interrupted", blocked_requests=0)
    elif became != "connected":
        steps.hang_up(database, bot)
    if became in ("replaced", "connected again"):
        another = database.connect(Login.BOT)
        later = steps.start_bot_run(another)
    if became == "connected again":  # the other one came and went, this one has its lock back
        request_queue.finish_bot_run(another, later, stop_reason="drained", blocked_requests=0)
    found = [one.request_id for one in request_queue.rescue(ops, actor="rescue")]
    assert found == ([request_id] if rescued else [])


@pytest.mark.parametrize("lease", ["cut short by the deadline", "made longer meanwhile"])
@pytest.mark.parametrize(("silent_for", "rescued"), [("50 seconds", False), ("70 seconds", True)])
def test_silence_counts_from_the_last_renewal_however_long_the_lease_is(
    database: Database, lease: str, silent_for: str, rescued: bool
) -> None:
    steps.submit(database)
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    request = steps.claim(bot)
    steps.execute(database, SILENT, "100 seconds")
    if lease == "cut short by the deadline":
        soon = "update billcopy.requests set deadline_at = clock_timestamp() + interval '40 s'"
        steps.execute(database, soon)
    request_queue.renew(bot, request)
    if lease == "made longer meanwhile":
        steps.execute(database, "update billcopy.portals set lease = '5 minutes'")
    renewed = "update billcopy.requests set lease_renewed_at = lease_renewed_at - %s::interval"
    steps.execute(database, renewed, silent_for)
    steps.hang_up(database, bot)
    assert bool(request_queue.rescue(ops, actor="rescue")) is rescued


@pytest.mark.parametrize(("clicked", "rescued"), [("10 seconds", False), ("25 seconds", True)])
def test_an_open_permit_is_waited_for(database: Database, clicked: str, rescued: bool) -> None:
    steps.submit(database)
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    request = steps.claim(bot)
    (delivery,) = steps.plan(bot, request)
    assert steps.begin(bot, request, delivery) == "go"
    steps.execute(database, SILENT, "70 seconds")
    steps.execute(
        database, "update billcopy.deliveries set sending_at = sending_at - %s::interval", clicked
    )
    steps.hang_up(database, bot)
    assert bool(request_queue.rescue(ops, actor="rescue")) is rescued


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


def test_a_bot_that_does_not_end_keeps_no_other_request_from_rescue(database: Database) -> None:
    first = steps.submit(database, account="4000001")
    second = steps.submit(database, account="4000002")
    ops = database.connect(Login.OPS)
    for _ in (first, second):
        steps.claim(database.connect(Login.BOT))
    steps.execute(database, "update billcopy.requests set lease_until = now() - interval '1 h'")

    def end_bot(held: Rescued) -> None:
        if held.request_id == first:
            raise TimeoutError("does not end")

    with pytest.raises(TimeoutError):
        request_queue.rescue(ops, actor="rescue", end_bot=end_bot)
    states = dict(steps.execute(database, "select id, state from billcopy.requests"))
    assert states == {first: "claimed", second: "queued"}
