"""The request in hand without Robot or database: the click's door, planning, the settlement."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from billcopy import errors
from billcopy.bot import proving as bot_proving
from billcopy.bot import sending as bot_sending
from billcopy.bot.work import BotWork
from billcopy.model import Delivery, Permission
from tests.bot_fakes import (
    DELIVERY,
    FORM,
    GO,
    NOW,
    working,
)

# -- the click's door ------------------------------------------------------------------------------


def begun(work: BotWork) -> tuple[str, list[tuple[str, float, float]]]:
    """Check the form, ask for the click; what came of it and which permits were opened."""
    work.take_next()
    bot_sending.check_form(work, DELIVERY, FORM)
    opened: list[tuple[str, float, float]] = []
    return bot_sending.begin(work, DELIVERY, lambda *permit: opened.append(permit)), opened


def test_a_go_opens_the_permit_for_this_invoice_and_the_budget() -> None:
    before = time.time()
    answer, [(invoice, milliseconds, deadline)] = begun(working()[0])
    took = time.time() - before
    assert (answer, invoice) == ("go", "I-1")
    assert 19.9 - took < milliseconds / 1000 <= 20
    assert before + 19.9 < deadline / 1000 < before + took + 20.1


@pytest.mark.parametrize("verdict", ["refused", "held", "deferred"])
def test_anything_but_go_opens_nothing_and_is_recorded(verdict: Any) -> None:
    work, ledger, _ = working()
    ledger.answer = Permission(verdict=verdict, reason_code="STOP_SWITCH")
    assert begun(work) == ("stop", [])
    assert isinstance(work.error, errors.Refused)


def test_a_duplicate_is_passed_over() -> None:
    work, ledger, _ = working()
    ledger.answer = Permission(verdict="duplicate", reason_code="ALREADY_SENT")
    assert begun(work) == ("next", [])
    assert work.error is None


def test_what_must_be_looked_up_first_opens_nothing_and_comes_back() -> None:
    work, ledger, _ = working()
    ledger.answer = Permission(verdict="look", reason_code="RESTORED")
    assert begun(work) == ("next", [])
    assert work.error is None
    work.settle(passed=True, detail="")
    assert ledger.settled == [(1, "refused", "RESTORED")]


@pytest.mark.parametrize(
    "problem", [errors.DatabaseUnavailable(), errors.LeaseLost(), RuntimeError("killed")]
)
def test_without_an_answer_nobody_clicks(problem: Exception) -> None:
    work, ledger, _ = working()
    ledger.answer = problem
    work.take_next()
    bot_sending.check_form(work, DELIVERY, FORM)
    opened: list[Any] = []
    with pytest.raises(type(problem)):
        bot_sending.begin(work, DELIVERY, lambda *permit: opened.append(permit))
    assert opened == []


def test_a_go_without_a_deadline_or_time_left_opens_nothing() -> None:
    for answer in (replace(GO, deadline_at=None), replace(GO, deadline_at=NOW)):
        work, ledger, _ = working()
        ledger.answer = answer
        with pytest.raises(errors.ApplicationError):
            begun(work)


def test_a_form_nobody_checked_is_not_sent() -> None:
    work, _, _ = working()
    work.take_next()
    with pytest.raises(errors.Unexpected):
        bot_sending.begin(work, DELIVERY, lambda *_: pytest.fail("opened"))


def test_a_form_is_checked_anew_for_each_click() -> None:
    work, _, _ = working()
    begun(work)
    with pytest.raises(errors.Unexpected):
        bot_sending.begin(work, DELIVERY, lambda *_: pytest.fail("opened"))


def test_a_rehearsal_stops_at_the_door() -> None:
    work, ledger, said = working()
    ledger.may_send = False
    assert begun(work) == ("next", [])
    assert "form checked, not sent" in said[-1]


# -- planning and proving --------------------------------------------------------------------------


def listed(*rows: tuple[str, str, str]) -> list[dict[str, str]]:
    return [{"number": number, "date": day, "kind": kind} for number, day, kind in rows]


def test_only_the_period_is_planned_with_both_its_days() -> None:
    work, _, _ = working()
    work.take_next()
    planned = bot_sending.plan(
        work,
        listed(
            ("I-0", "12/31/2025", "Bill"),
            ("I-1", "01/01/2026", "Bill"),
            ("I-2", "01/31/2026", "Bill"),
            ("I-3", "02/01/2026", "Bill"),
            ("C-1", "01/15/2026", "Credit note"),
        ),
    )
    assert [one.invoice_number for one in planned] == ["I-1", "I-2"]


@pytest.mark.parametrize("rows", [[], listed(("I-9", "05/05/2020", "Bill"))])
def test_nothing_in_the_period_is_a_business_error(rows: list[dict[str, str]]) -> None:
    work, _, _ = working()
    work.take_next()
    with pytest.raises(errors.NothingFound):
        bot_sending.plan(work, rows)


@pytest.mark.parametrize("row", [("", "01/01/2026", "Bill"), ("I-1", "", "Bill")])
def test_a_row_without_number_or_date_is_drift(row: tuple[str, str, str]) -> None:
    work, _, _ = working()
    work.take_next()
    with pytest.raises(errors.PageDrift):
        bot_sending.plan(work, listed(row))


def sending(**changes: Any) -> Delivery:
    values = {"state": "in_doubt", "recipient": "a@example.org", "sending_at": NOW, **changes}
    return replace(DELIVERY, **values)


def log(*ids: str) -> dict[str, Any]:
    rows = [
        {
            "id": one,
            "invoice": "I-1",
            "recipient": "a@example.org",
            "sent_at": "03/01/2026 06:00:01 AM",
            "sender": "svc",
        }
        for one in ids
    ]
    return {"rows": rows, "complete": True}


def test_a_row_of_the_log_confirms() -> None:
    work, ledger, _ = working()
    work.take_next()
    bot_proving.prove(work, [sending()], log("77"), NOW)
    assert ledger.confirmed == [("sent_log", "77")]


def test_two_rows_are_for_two_people() -> None:
    work, ledger, _ = working()
    work.take_next()
    with pytest.raises(errors.Refused) as refused:
        bot_proving.prove(work, [sending()], log("77", "78"), NOW)
    assert refused.value.refusal == "IN_DOUBT"
    assert ledger.confirmed == []


def test_an_incomplete_look_reports_nothing_absent() -> None:
    work, ledger, _ = working()
    work.take_next()
    reported: list[Any] = []
    ledger.report_absent = lambda *one: reported.append(one) or "planned"  # type: ignore[assignment,func-returns-value]
    bot_proving.prove(work, [sending()], {"rows": [], "complete": False}, NOW)
    assert reported == []
    bot_proving.prove(work, [sending()], {"rows": [], "complete": True}, NOW)
    assert len(reported) == 1


# -- settling --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "passed", "expected"),
    [
        (None, True, (1, None, None)),
        (None, False, (1, "application", "UNEXPECTED")),
        (errors.AccountNotFound(), False, (1, "business", "ACCOUNT_NOT_FOUND")),
        (errors.PortalDown(), True, (1, "application", "PORTAL_DOWN")),
        (errors.Refused("STOP_SWITCH"), True, (1, "refused", "STOP_SWITCH")),
    ],
)
def test_the_recorded_error_decides_and_not_robot(
    error: errors.BillCopyError | None, passed: bool, expected: tuple[Any, ...]
) -> None:
    work, ledger, _ = working()
    work.take_next()
    if error is not None:
        work.record(error)
        work.record(errors.BrowserLost())  # what follows from the first does not count
    work.settle(passed=passed, detail="")
    assert ledger.settled == [expected]


def test_a_failure_after_the_deadline_is_a_time_out() -> None:
    work, ledger, _ = working()
    work.take_next()
    ledger.clock = NOW + timedelta(minutes=10)
    work.settle(passed=False, detail="")
    assert ledger.settled == [(1, "application", "ATTEMPT_TIMED_OUT")]


def test_a_lost_lease_is_not_settled() -> None:
    work, ledger, said = working()
    work.take_next()
    work.record(errors.LeaseLost())
    assert work.settle(passed=False, detail="") is None
    assert ledger.settled == []
    assert "taken over" in said[-1]


def test_a_session_is_renewed_once_a_request() -> None:
    work, _, _ = working()
    work.take_next()
    work.record(errors.SessionExpired())
    work.resume_after_expiry()
    assert work.error is None
    work.record(errors.SessionExpired())
    with pytest.raises(errors.SessionExpired):
        work.resume_after_expiry()
