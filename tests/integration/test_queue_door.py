"""begin_delivery: the one door, and every veto it holds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from billcopy.model import Permission
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.waiting import until


def ready(database: Database, **changes: object):
    """A claimed request with two planned deliveries."""
    steps.submit(database, **changes)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    return bot, request, steps.plan(bot, request, 2)


def ask(bot, request, delivery) -> Permission:
    return request_queue.begin_delivery(
        bot, request, delivery.delivery_id, recipient=request.recipient or "a@x.ie"
    )


def test_a_go_is_committed_as_sending_before_it_is_answered(database: Database) -> None:
    bot, request, (first, _) = ready(database)
    answer = ask(bot, request, first)
    assert answer.verdict == "go"
    assert answer.deadline_at == answer.sending_at + timedelta(seconds=20)
    seen = steps.execute(
        database, "select state from billcopy.deliveries where id = %s", first.delivery_id
    )
    assert seen == [("sending",)]


def test_a_second_ask_for_the_same_delivery_gets_no_second_go(database: Database) -> None:
    bot, request, (first, _) = ready(database)
    ask(bot, request, first)
    with pytest.raises(errors.IllegalTransition, match="may not be sent"):
        ask(bot, request, first)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("select pg_terminate_backend(%(pid)s)", None),
        (
            "update billcopy.requests set lease_until = clock_timestamp() + interval '5 s'",
            "LEASE_TOO_SHORT",
        ),
        (
            "update billcopy.requests set deadline_at = clock_timestamp() + interval '5 s'",
            "ATTEMPT_TIMED_OUT",
        ),
        (
            "update billcopy.requests set cancel_requested_at = now(), cancel_requested_by = 'x'",
            "CANCELLED",
        ),
        (
            "update billcopy.portals set stopped_at = now(), stopped_by = 'x', stop_reason = 'y'",
            "STOP_SWITCH",
        ),
        (
            "update billcopy.portals set breaker_opened_at = now(), breaker_reason = 'UNEXPECTED'",
            "BREAKER_OPEN",
        ),
        (
            "insert into billcopy.maintenance_windows (portal, starts_at, ends_at, reason,"
            " entered_by) values ('practice', now() - interval '1 h', now() + interval '1 h',"
            " 'x', 'x')",
            "MAINTENANCE",
        ),
        ("update billcopy.requests set look_only = true", "LOOK_ONLY"),
    ],
)
def test_each_veto_refuses_the_click(
    database: Database, statement: str, reason: str | None
) -> None:
    bot, request, (first, _) = ready(database)
    if reason is None:
        steps.execute(database, statement % {"pid": bot.info.backend_pid})
        with pytest.raises(errors.DatabaseUnavailable):
            ask(bot, request, first)
    else:
        steps.execute(database, statement)
        answer = ask(bot, request, first)
        assert (answer.verdict, answer.reason_code) == ("refused", reason)
    state = steps.execute(
        database, "select state from billcopy.deliveries where id = %s", first.delivery_id
    )
    assert state == [("planned",)]


def test_a_breaker_that_has_run_out_refuses_nothing(database: Database) -> None:
    bot, request, (first, _) = ready(database)
    steps.execute(
        database,
        "update billcopy.portals set breaker_opened_at = now(), breaker_reason = 'UNEXPECTED',"
        " breaker_until = clock_timestamp() - interval '1 s'",
    )
    assert ask(bot, request, first).verdict == "go"


def test_the_lock_must_be_held_by_the_asking_connection(database: Database) -> None:
    _, request, (first, _) = ready(database)
    other = database.connect(Login.BOT)
    answer = ask(other, request, first)
    assert (answer.verdict, answer.reason_code) == ("refused", "LOCK_NOT_HELD")


def test_only_one_connection_holds_a_portals_lock(database: Database) -> None:
    first, second = database.connect(Login.BOT), database.connect(Login.BOT)
    assert request_queue.take_portal_lock(first, "practice")
    assert not request_queue.take_portal_lock(second, "practice")
    first.close()
    until(lambda: request_queue.take_portal_lock(second, "practice"), "the server learned of it")


def test_an_old_epoch_may_write_nothing(database: Database) -> None:
    bot, request, (first, _) = ready(database)
    steps.execute(database, "update billcopy.requests set lease_epoch = lease_epoch + 1")
    with pytest.raises(errors.LeaseLost):
        ask(bot, request, first)
    with pytest.raises(errors.LeaseLost):
        request_queue.renew(bot, request)
    with pytest.raises(errors.LeaseLost):
        steps.settle(bot, request)


def test_a_lease_is_never_renewed_past_the_attempts_deadline(database: Database) -> None:
    bot, request, _ = ready(database)
    steps.execute(
        database, "update billcopy.requests set deadline_at = clock_timestamp() + interval '30 s'"
    )
    deadline = steps.execute(database, "select deadline_at from billcopy.requests")[0][0]
    assert request_queue.renew(bot, request) == deadline


def test_another_recipient_than_the_requests_is_a_form_mismatch(database: Database) -> None:
    bot, request, (first, _) = ready(database, recipient="c@x.ie", check_value="Ryan")
    with pytest.raises(errors.FormMismatch):
        request_queue.begin_delivery(bot, request, first.delivery_id, recipient="evil@x.ie")


def test_an_invoice_sent_to_that_address_before_is_a_duplicate(database: Database) -> None:
    bot, request, deliveries = ready(database)
    for delivery in deliveries:
        ask(bot, request, delivery)
        steps.confirm(bot, request, delivery, f"row-{delivery.delivery_id}")
    steps.settle(bot, request)
    steps.submit(database, period_from=steps.JANUARY - timedelta(days=1))
    again = steps.claim(bot)
    assert [steps.begin(bot, again, one) for one in steps.plan(bot, again, 3)] == [
        "duplicate",
        "duplicate",
        "go",
    ]


def test_the_same_invoice_goes_to_another_address(database: Database) -> None:
    bot, request, (first, _) = ready(database)
    assert steps.begin(bot, request, first, "a@x.ie") == "go"
    steps.confirm(bot, request, first, "row-1")
    steps.settle(bot, request)
    steps.execute(database, "update billcopy.requests set not_before = now() + interval '1 h'")
    steps.submit(database, recipient="b@x.ie", check_value="Ryan")
    other = steps.claim(bot)
    assert steps.begin(bot, other, steps.plan(bot, other, 1)[0]) == "go"


@pytest.mark.parametrize("case", ["resend_reason", "window over"])
def test_a_resend_reason_or_the_end_of_the_window_sends_again(
    database: Database, case: str
) -> None:
    bot, request, (first, second) = ready(database, recipient="a@x.ie", check_value="Ryan")
    for delivery in (first, second):
        ask(bot, request, delivery)
        steps.confirm(bot, request, delivery, f"row-{delivery.delivery_id}")
    steps.settle(bot, request)
    if case == "window over":
        steps.execute(
            database, "update billcopy.deliveries set sending_at = now() - interval '31 days'"
        )
    reason = "the first one bounced" if case == "resend_reason" else None
    steps.submit(database, recipient="A@x.ie ", check_value="Ryan", resend_reason=reason)
    again = steps.claim(bot)
    assert steps.begin(bot, again, steps.plan(bot, again, 1)[0]) == "go"


def test_a_typed_recipients_duplicates_are_known_at_planning(database: Database) -> None:
    bot, request, deliveries = ready(database, recipient="a@x.ie", check_value="Ryan")
    ask(bot, request, deliveries[0])
    steps.confirm(bot, request, deliveries[0], "row-1")
    steps.settle(bot, request)
    steps.execute(database, "update billcopy.requests set not_before = now() + interval '1 h'")
    steps.submit(
        database,
        recipient="a@x.ie",
        check_value="Ryan",
        period_from=steps.JANUARY - timedelta(days=1),
    )
    again = steps.claim(bot)
    assert [one.state for one in steps.plan(bot, again, 2)] == ["duplicate", "planned"]


def test_what_is_in_doubt_elsewhere_defers(database: Database) -> None:
    bot, request, (first, _) = ready(database)
    ask(bot, request, first)
    steps.settle(bot, request, errors.PortalDown)
    steps.submit(database, period_from=steps.JANUARY - timedelta(days=1))
    other = steps.claim(bot)
    answer = ask(bot, other, steps.plan(bot, other, 1)[0])
    assert (answer.verdict, answer.reason_code) == ("deferred", "SENT_ELSEWHERE")
    settled = request_queue.settle(bot, other, error_class=None, reason_code=answer.reason_code)
    assert (settled.state, settled.reason_code) == ("queued", "SENT_ELSEWHERE")


def test_too_many_invoices_are_held_until_a_person_releases_them(database: Database) -> None:
    request_id = steps.submit(database)
    bot, desk = database.connect(Login.BOT), database.connect(Login.DESK)
    request = steps.claim(bot)
    answer = request_queue.plan_deliveries(bot, request, steps.invoices(25), [])
    assert (answer.verdict, answer.reason_code) == ("held", "TOO_MANY_INVOICES")
    settled = request_queue.settle(bot, request, error_class=None, reason_code=answer.reason_code)
    assert (settled.state, settled.reason_code) == ("held", "TOO_MANY_INVOICES")
    request_queue.release(desk, request_id, actor="ann", reason="she needs them all")
    again = steps.claim(bot)
    assert len(steps.plan(bot, again, 25)) == 25


def test_too_many_mails_to_one_recipient_are_held_before_the_first_click(
    database: Database,
) -> None:
    ops = database.connect(Login.OPS)
    request_queue.configure_portal(
        ops, "practice", {"max_mails_per_recipient_a_day": 3}, actor="o", reason="test"
    )
    bot, request, deliveries = ready(database)
    for delivery in deliveries:
        assert ask(bot, request, delivery).verdict == "go"
        steps.confirm(bot, request, delivery, f"row-{delivery.delivery_id}")
    steps.settle(bot, request)
    steps.submit(database, account="4027311")
    other = steps.claim(bot)
    listed = [
        one.__class__(**{**one.__dict__, "number": f"X-{one.number}"}) for one in steps.invoices(2)
    ]
    request_queue.plan_deliveries(bot, other, listed, [])
    answer = ask(bot, other, request_queue.deliveries(bot, other)[0])
    assert (answer.verdict, answer.reason_code) == ("held", "TOO_MANY_MAILS")


def test_a_days_cap_closes_the_portal(database: Database) -> None:
    ops = database.connect(Login.OPS)
    request_queue.configure_portal(ops, "practice", {"max_mails_a_day": 1}, actor="o", reason="t")
    bot, request, (first, second) = ready(database)
    assert ask(bot, request, first).verdict == "go"
    assert ask(bot, request, second).reason_code == "DAILY_CAP"


def test_an_invoice_outside_the_period_is_never_planned(database: Database) -> None:
    steps.submit(database, period_to=steps.JANUARY)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    with pytest.raises(errors.InputError, match="outside the period"):
        request_queue.plan_deliveries(bot, request, steps.invoices(2), [])


def test_a_waiver_lifts_the_limit_that_held_it_and_no_other(database: Database) -> None:
    ops, desk = database.connect(Login.OPS), database.connect(Login.DESK)
    limits = {"max_invoices_per_request": 1, "max_mails_per_recipient_a_day": 1}
    request_queue.configure_portal(ops, "practice", limits, actor="o", reason="test")
    request_id = steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    answer = request_queue.plan_deliveries(bot, request, steps.invoices(2), [])
    request_queue.settle(bot, request, error_class=None, reason_code=answer.reason_code)
    request_queue.release(desk, request_id, actor="ann", reason="she needs both")
    again = steps.claim(bot)
    answer = ask(bot, again, steps.plan(bot, again, 2)[0])
    assert (answer.verdict, answer.reason_code) == ("held", "TOO_MANY_MAILS")


def test_a_click_that_no_attempt_has_time_for_costs_an_attempt(database: Database) -> None:
    bot, request, (first, _) = ready(database)
    steps.execute(
        database, "update billcopy.requests set deadline_at = clock_timestamp() + interval '9 s'"
    )
    answer = ask(bot, request, first)
    assert (answer.verdict, answer.reason_code) == ("refused", "ATTEMPT_TIMED_OUT")
    settled = request_queue.settle(
        bot, request, error_class="refused", reason_code=answer.reason_code
    )
    assert settled.state == "queued"
    assert steps.execute(database, "select attempts from billcopy.requests") == [(1,)]


def test_a_settle_window_has_a_floor(database: Database) -> None:
    ops = database.connect(Login.OPS)
    with pytest.raises(errors.InputError):
        request_queue.configure_portal(
            ops, "practice", {"settle_window": "1 ms"}, actor="o", reason="r"
        )
