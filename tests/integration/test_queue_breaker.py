"""The breaker: what opens it, what is tried when its time is over, who closes it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from billcopy import errors, request_queue
from billcopy.database import Connection, Login
from billcopy.model import ClaimedRequest, Selection
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps


def submit_some(database: Database, count: int) -> list[int]:
    return [
        steps.submit(database, account=f"402{number:04}", period_to=steps.JANUARY)
        for number in range(count)
    ]


def made_due(database: Database) -> None:
    steps.execute(database, "update billcopy.requests set not_before = now()")


def fail(
    database: Database, bot: Connection, run: int, error: Any, *, at_form: bool = False
) -> int:
    """Claim the next request and let it end with the error; its number."""
    request = steps.claim(bot, run)
    if at_form:
        steps.plan(bot, request)
        listed(bot, request)
    steps.settle(bot, request, error)
    return request.request_id


def listed(bot: Connection, request: ClaimedRequest) -> None:
    request_queue.record_step(bot, request, "invoices listed", delivery_id=None, detail={})


def succeed(bot: Connection, run: int) -> int:
    request = steps.claim(bot, run)
    [delivery] = steps.plan(bot, request)
    assert steps.begin(bot, request, delivery, f"r{request.request_id}@x.ie") == "go"
    steps.confirm(bot, request, delivery, f"row-{delivery.delivery_id}")
    assert steps.settle(bot, request)[0] == "delivered"
    return request.request_id


def portal(database: Database) -> dict[str, Any]:
    [found] = request_queue.status(database.connect(Login.DESK), "practice")
    return found


def time_passes(database: Database) -> None:
    """The breaker's pause is over, and so is every wait of a request."""
    steps.execute(database, "update billcopy.portals set breaker_until = now()")
    made_due(database)


def events(database: Database) -> list[str]:
    found = steps.execute(
        database,
        "select event from billcopy.events where entity = 'portal' and event like 'breaker%'"
        " order by id",
    )
    return [one[0] for one in found]


def pause(database: Database) -> timedelta:
    """How long it is open, rounded to a minute."""
    [(seconds,)] = steps.execute(
        database,
        "select extract(epoch from breaker_until - breaker_opened_at) from billcopy.portals",
    )
    return timedelta(minutes=round(float(seconds) / 60))


def opened_by_portal_down(database: Database, waiting: int = 5) -> tuple[Connection, int]:
    submit_some(database, waiting)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for _ in range(3):
        fail(database, bot, run, errors.PortalDown)
    assert portal(database)["closure"]["refusal"] == "BREAKER_OPEN"
    return bot, run


def test_the_third_portal_down_in_a_row_opens_it_until_a_moment(database: Database) -> None:
    bot, run = opened_by_portal_down(database)
    assert request_queue.claim_next(bot, run) is None
    closure = portal(database)["closure"]
    assert "did not answer" in closure["why"]
    assert "opens by itself" in closure["opened_by"]
    assert closure["backlog"]["waiting"] == 5
    assert pause(database) == timedelta(minutes=5)


def test_a_dead_portal_costs_few_attempts_however_long_the_queue(database: Database) -> None:
    opened_by_portal_down(database, waiting=20)
    counted = steps.execute(
        database, "select attempts, count(*) from billcopy.requests group by 1 order by 1"
    )
    # The third failure told of the portal, not of its request.
    assert counted == [(0, 18), (1, 2)]


def test_sessions_that_fail_count_over_bot_runs_and_nothing_is_claimed(database: Database) -> None:
    submit_some(database, 1)
    bot = database.connect(Login.BOT)
    closed = [
        request_queue.report_session_failure(
            bot, steps.start_bot_run(bot), reason_code="PORTAL_DOWN"
        )
        for _ in range(3)
    ]
    assert closed == [False, False, True]
    assert steps.execute(database, "select count(*) from billcopy.attempts") == [(0,)]


def test_a_success_between_starts_the_count_anew(database: Database) -> None:
    submit_some(database, 6)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for error in (errors.PortalDown, errors.PortalDown, None, errors.PortalDown, errors.PortalDown):
        if error:
            fail(database, bot, run, error)
        else:
            succeed(bot, run)
    assert portal(database)["closure"] is None


def test_when_its_time_is_over_one_request_is_tried_and_a_success_closes_it(
    database: Database,
) -> None:
    bot, run = opened_by_portal_down(database)
    time_passes(database)
    assert portal(database)["breaker_tries_one"]
    succeed(bot, run)
    assert portal(database)["breaker_opened_at"] is None
    assert events(database) == ["breaker opened", "breaker tries one request", "breaker closed"]
    succeed(bot, run)
    assert portal(database)["closure"] is None


def test_a_failed_try_opens_it_for_twice_as_long_up_to_the_longest(database: Database) -> None:
    bot, run = opened_by_portal_down(database)
    request_queue.configure_portal(
        database.connect(Login.OPS),
        "practice",
        {"breaker_longest_pause": "15 min"},
        actor="ops",
        reason="a test",
    )
    pauses = []
    for _ in range(3):
        time_passes(database)
        fail(database, bot, run, errors.PortalDown)
        pauses.append(pause(database).total_seconds() / 60)
        assert request_queue.claim_next(bot, run) is None
    assert pauses == [10, 15, 15]


def test_a_session_that_fails_when_its_time_is_over_opens_it_again(database: Database) -> None:
    bot, run = opened_by_portal_down(database)
    time_passes(database)
    assert request_queue.report_session_failure(bot, run, reason_code="BROWSER_LOST")
    assert pause(database) == timedelta(minutes=10)


def test_failed_tries_cost_the_request_nothing_and_another_is_tried_first(
    database: Database,
) -> None:
    bot, run = opened_by_portal_down(database, waiting=3)
    before = steps.execute(database, "select sum(attempts) from billcopy.requests")
    tried = []
    for _ in range(4):
        time_passes(database)
        tried.append(fail(database, bot, run, errors.PortalDown))
    assert all(one != after for one, after in pairwise(tried))
    assert steps.execute(database, "select sum(attempts) from billcopy.requests") == before


def test_what_says_nothing_about_the_portal_neither_opens_nor_closes_it(database: Database) -> None:
    bot, run = opened_by_portal_down(database)
    for error in (errors.LeaseLost, errors.VaultSealed):
        time_passes(database)
        fail(database, bot, run, error)
        assert portal(database)["breaker_tries_one"], error


def test_a_business_answer_is_an_answer_and_closes_it(database: Database) -> None:
    bot, run = opened_by_portal_down(database)
    time_passes(database)
    fail(database, bot, run, errors.AccountNotFound)
    assert portal(database)["breaker_opened_at"] is None


def test_of_two_bot_runs_only_one_may_try(database: Database) -> None:
    opened_by_portal_down(database, waiting=8)
    time_passes(database)
    bots = [database.connect(Login.BOT) for _ in range(6)]
    runs = [steps.start_bot_run(bot) for bot in bots]
    with ThreadPoolExecutor(len(bots)) as pool:
        claims = list(pool.map(request_queue.claim_next, bots, runs))
    assert sum(one is not None for one in claims) == 1


def test_drift_at_the_send_form_of_different_requests_is_closed_by_a_person(
    database: Database,
) -> None:
    submit_some(database, 5)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for number in range(3):
        assert portal(database)["closure"] is None, number
        fail(database, bot, run, errors.PageDrift, at_form=True)
    closure = portal(database)["closure"]
    assert closure["until"] is None
    assert "QA" in closure["opened_by"]
    assert portal(database)["breaker_reason"] == "SEND_FORM_CHANGED"
    steps.execute(
        database, "update billcopy.portals set breaker_opened_at = now() - '1 y'::interval"
    )
    assert request_queue.claim_next(bot, run) is None
    ops = database.connect(Login.OPS)
    request_queue.close_breaker(ops, "practice", actor="qa", reason="the button has a new name")
    succeed(bot, run)


def test_drift_of_one_request_alone_does_not_close_the_portal(database: Database) -> None:
    submit_some(database, 1)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for _ in range(3):
        made_due(database)
        fail(database, bot, run, errors.PageDrift, at_form=True)
    assert portal(database)["closure"] is None


def test_drift_elsewhere_is_an_error_like_others(database: Database) -> None:
    submit_some(database, 4)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for _ in range(4):
        fail(database, bot, run, errors.PageDrift)
    assert portal(database)["closure"] is None


def test_a_form_that_never_shows_the_right_bill_is_drift_too(database: Database) -> None:
    submit_some(database, 3)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for _ in range(3):
        request = steps.claim(bot, run)
        [delivery] = steps.plan(bot, request)
        request_queue.reject_delivery(
            bot, request, delivery.delivery_id, reason_code="FORM_MISMATCH"
        )
        assert steps.settle(bot, request) == ("rejected", "FORM_MISMATCH")
    assert portal(database)["breaker_reason"] == "SEND_FORM_CHANGED"


@pytest.mark.parametrize(("requests", "opens"), [(5, True), (1, False)])
def test_too_many_errors_are_counted_over_different_requests(
    database: Database, requests: int, opens: bool
) -> None:
    submit_some(database, requests)
    steps.execute(database, "update billcopy.portals set max_attempts = 20")
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for _ in range(5):
        if requests == 1:
            made_due(database)
        fail(database, bot, run, errors.Unexpected)
    found = portal(database)
    assert (found["breaker_reason"] == "TOO_MANY_ERRORS") is opens
    if opens:
        assert found["breaker_until"] is not None
        time_passes(database)
        succeed(bot, run)
        assert portal(database)["closure"] is None


def test_a_refused_sign_in_waits_for_a_person_however_long(database: Database) -> None:
    submit_some(database, 1)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    request_queue.open_breaker(
        bot, run, reason_code="SIGN_IN_REFUSED", detail="refused", secret_version=2
    )
    assert request_queue.next_due_at(database.connect(Login.OPS), "practice") is None
    closure = portal(database)["closure"]
    assert (closure["until"], "password" in closure["opened_by"]) == (None, True)
    request_queue.close_breaker(
        database.connect(Login.OPS), "practice", actor="ops", reason="new password"
    )
    assert request_queue.refused_secret_version(bot, "practice") == 2


def test_the_daily_cap_says_that_it_ends_at_midnight_there(database: Database) -> None:
    first, _ = submit_some(database, 2)
    ops = database.connect(Login.OPS)
    request_queue.configure_portal(
        ops, "practice", {"max_mails_a_day": 1}, actor="ops", reason="agreed with the bank"
    )
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    assert succeed(bot, run) == first
    assert request_queue.claim_next(bot, run) is None
    closure = request_queue.portal_closure(ops, "practice")
    assert closure is not None
    assert closure.refusal == "DAILY_CAP"
    [(midnight,)] = steps.execute(
        database,
        "select (date_trunc('day', now() at time zone 'Europe/Dublin') + interval '1 day')"
        " at time zone 'Europe/Dublin'",
    )
    assert closure.until == midnight
    assert request_queue.next_due_at(ops, "practice") == midnight
    steps.execute(
        database, "update billcopy.deliveries set sending_at = sending_at - interval '1 day'"
    )
    assert request_queue.portal_closure(ops, "practice") is None


def test_what_waits_is_due_when_the_breaker_opens_again(database: Database) -> None:
    opened_by_portal_down(database)
    ops = database.connect(Login.OPS)
    due_at = request_queue.next_due_at(ops, "practice")
    assert due_at is not None
    assert timedelta(minutes=4) < due_at - datetime.now(UTC) <= timedelta(minutes=5)
    time_passes(database)
    assert request_queue.count_claimable(ops, "practice", Selection()) == 5
