"""After a restore from backup: nothing is sent before the bank's log has been looked at."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from billcopy import errors, request_queue
from billcopy.database import Connection, Login
from billcopy.model import ClaimedRequest, Delivery, Restored
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

HOUR = timedelta(hours=1)


def now(database: Database) -> datetime:
    return steps.execute(database, "select clock_timestamp()")[0][0]


def restored(
    database: Database, *, ago: timedelta = timedelta(0), settled: bool = True
) -> Restored:
    """Say that the database is a copy from so long ago; its settle window is over."""
    ops = database.connect(Login.OPS)
    since = now(database) - ago
    told = request_queue.mark_restored(ops, "practice", since=since, actor="ops", reason="disk")
    if settled:
        steps.execute(
            database, "update billcopy.deliveries set absent_at = absent_at - interval '25 s'"
        )
        steps.execute(
            database,
            "update billcopy.portals set restored_at = restored_at - settle_window,"
            " restored_since = least(restored_since, restored_at - settle_window)",
        )
    return told


def ask(bot: Connection, request: ClaimedRequest, delivery: Delivery, to: str = "a@x.ie"):
    return request_queue.begin_delivery(bot, request, delivery.delivery_id, recipient=to)


def looked(bot: Connection, request: ClaimedRequest, delivery: Delivery) -> str:
    at = request_queue.database_now(bot)
    return request_queue.report_absent(bot, request, delivery.delivery_id, looked_at=at)


def test_a_click_is_not_permitted_before_the_log_has_been_looked_at(database: Database) -> None:
    steps.submit(database)
    told = restored(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    planned = steps.plan(bot, request)[0]
    answer = ask(bot, request, planned)
    assert (answer.verdict, answer.reason_code) == ("look", "RESTORED")
    assert answer.deadline_at is None
    [doubtful] = request_queue.deliveries(bot, request)
    assert (doubtful.state, doubtful.recipient) == ("in_doubt", "a@x.ie")
    assert doubtful.sending_at is not None
    assert doubtful.sending_at <= told.since


def test_what_the_log_shows_is_confirmed_and_never_sent(database: Database) -> None:
    steps.submit(database)
    restored(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    planned = steps.plan(bot, request)[0]
    ask(bot, request, planned)
    steps.confirm(bot, request, planned, "row-1")
    settled = request_queue.settle(bot, request, error_class="refused", reason_code="RESTORED")
    assert settled.state == "delivered"


def test_what_the_log_does_not_show_is_sent_at_the_next_claim(database: Database) -> None:
    request_id = steps.submit(database)
    restored(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    request = steps.claim(bot, run)
    planned = steps.plan(bot, request)[0]
    assert ask(bot, request, planned).verdict == "look"
    assert looked(bot, request, planned) == "planned"
    settled = request_queue.settle(bot, request, error_class="refused", reason_code="RESTORED")
    assert (settled.state, settled.reason_code) == ("queued", "RESTORED")
    again = steps.claim(bot, run)
    assert again.request_id == request_id
    assert ask(bot, again, planned).verdict == "go"
    assert steps.execute(database, "select attempts from billcopy.requests") == [(0,)]


def test_a_look_for_one_address_clears_no_other(database: Database) -> None:
    steps.submit(database)
    restored(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    planned = steps.plan(bot, request)[0]
    ask(bot, request, planned)
    looked(bot, request, planned)
    assert ask(bot, request, planned, "b@x.ie").verdict == "look"


def test_a_look_before_the_restore_clears_nothing(database: Database) -> None:
    steps.submit(database)
    restored(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    planned = steps.plan(bot, request)[0]
    ask(bot, request, planned)
    assert looked(bot, request, planned) == "planned"
    restored(database)
    again = steps.claim(bot)
    assert ask(bot, again, planned).verdict == "look"


def test_nothing_is_claimed_within_the_settle_window_of_a_restore(database: Database) -> None:
    steps.submit(database)
    told = restored(database, settled=False)
    bot = database.connect(Login.BOT)
    assert request_queue.claim_next(bot, steps.start_bot_run(bot)) is None
    assert request_queue.portal_refusal(bot, "practice") == "RESTORED"
    assert told.opens_at > now(database)
    assert told.waiting == 1


def test_who_worked_before_the_restore_is_shut_out(database: Database) -> None:
    request_id = steps.submit(database)
    bot = database.connect(Login.BOT)
    old_run = steps.start_bot_run(bot)
    request = steps.claim(bot, old_run)
    first, second = steps.plan(bot, request, 2)
    steps.begin(bot, request, first)
    told = restored(database)
    assert (told.taken_back, told.waiting) == (1, 1)
    with pytest.raises(errors.LeaseLost):
        steps.begin(bot, request, second)
    with pytest.raises(errors.LeaseLost):
        steps.confirm(bot, request, first, "row-1")
    with pytest.raises(errors.LeaseLost):
        request_queue.claim_next(bot, old_run)
    states = dict(steps.execute(database, "select id, state from billcopy.deliveries"))
    assert states == {first.delivery_id: "in_doubt", second.delivery_id: "planned"}
    story = request_queue.story(database.connect(Login.DESK), request_id)
    assert story.request["state"] == "queued"


def test_numbers_given_out_after_the_backup_are_not_given_out_again(database: Database) -> None:
    before = steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    restored(database)
    assert steps.start_bot_run(bot) > run + 10_000
    assert steps.submit(database, account="4000001") > before + 10_000


def test_what_was_being_sent_at_the_backup_is_looked_up_by_its_own_moment(
    database: Database,
) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    planned = steps.plan(bot, request)[0]
    steps.begin(bot, request, planned)
    [(sending_at,)] = steps.execute(database, "select sending_at from billcopy.deliveries")
    restored(database)
    steps.execute(database, "update billcopy.requests set not_before = now()")
    again = steps.claim(bot)
    [doubtful] = request_queue.deliveries(bot, again)
    assert (doubtful.state, doubtful.sending_at) == ("in_doubt", sending_at)


def test_since_is_never_later_than_the_youngest_thing_the_copy_knows(database: Database) -> None:
    steps.submit(database)
    [(youngest,)] = steps.execute(database, "select max(at) from billcopy.events")
    assert restored(database).since == youngest


def test_a_second_restore_keeps_what_the_first_has_not_cleared(database: Database) -> None:
    steps.submit(database)
    first = restored(database, ago=HOUR, settled=False)
    assert restored(database, settled=False).since == first.since


def test_since_may_not_lie_in_the_future(database: Database) -> None:
    with pytest.raises(errors.InputError, match="future"):
        restored(database, ago=-HOUR)


def test_the_mark_is_gone_with_the_window_for_duplicates(database: Database) -> None:
    steps.submit(database)
    restored(database)
    steps.execute(
        database,
        "update billcopy.portals set restored_at = restored_at - duplicate_window,"
        " restored_since = restored_since - duplicate_window",
    )
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    assert ask(bot, request, steps.plan(bot, request)[0]).verdict == "go"


def test_a_portal_that_was_not_restored_has_no_way_from_planned_to_in_doubt(
    database: Database,
) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    steps.plan(bot, request)
    with pytest.raises(Exception, match="was not permitted"):
        steps.execute(
            database,
            "update billcopy.deliveries set state = 'in_doubt', sending_at = now(),"
            " sending_epoch = 1, recipient_hmac = '\\x00'",
        )


def test_the_settle_window_outlasts_a_click(database: Database) -> None:
    ops = database.connect(Login.OPS)
    with pytest.raises(errors.InputError, match="settle window outlasts a click"):
        request_queue.configure_portal(
            ops, "practice", {"click_budget": "21 s"}, actor="o", reason="r"
        )
