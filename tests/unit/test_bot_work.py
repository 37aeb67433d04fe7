"""The request in hand without Robot or database: the click's door, the settlement, the stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billcopy import bot_proving, bot_sending, bot_stream, errors, portal_profile
from billcopy.bot_context import BotRun, BrowserOptions
from billcopy.bot_order import StopReason
from billcopy.bot_rehearsal import RehearsalLedger
from billcopy.bot_work import BotWork
from billcopy.model import ClaimedRequest, Delivery, Permission, Settled

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROFILE = portal_profile.load(Path(__file__).resolve().parents[2] / "robot/portals/practice")
FORM = {
    "account": "4027310",
    "invoice": "I-1",
    "recipient": "a@example.org",
    "name": "Ann Ash",
    "postcode": "A1",
}
DELIVERY = Delivery(
    delivery_id=1,
    invoice_number="I-1",
    invoice_date=NOW.date(),
    kind="Bill",
    state="planned",
    reason_code=None,
    recipient_masked=None,
    recipient=None,
    sending_at=None,
    sending_epoch=None,
    clicked_at=None,
)
GO = Permission(verdict="go", sending_at=NOW, deadline_at=NOW + timedelta(seconds=20))


def claimed(number: int = 1) -> ClaimedRequest:
    return ClaimedRequest(
        request_id=number,
        epoch=1,
        attempt_id=1,
        bot_run_id=1,
        portal="practice",
        account="4027310",
        account_masked="••10",
        period_from=date(2026, 1, 1),
        period_to=date(2026, 1, 31),
        recipient=None,
        check_value=None,
        lease_until=NOW + timedelta(minutes=2),
        deadline_at=NOW + timedelta(minutes=10),
        look_only=False,
    )


class Ledger(RehearsalLedger):
    """A queue in memory whose answers a test chooses; remembers what was asked."""

    may_send = True

    def __init__(self, requests: int = 1) -> None:
        super().__init__([claimed(number) for number in range(1, requests + 1)])
        self.answer: Permission | Exception = GO
        self.boom: dict[str, Exception] = {}
        self.claimed: list[int] = []
        self.settled: list[tuple[int, str | None, str | None]] = []
        self.confirmed: list[tuple[str, str]] = []
        self.open: list[Delivery] = []
        self.clock = NOW

    def next_request(self) -> ClaimedRequest | StopReason:
        if "claim" in self.boom:
            raise self.boom["claim"]
        taken = super().next_request()
        if isinstance(taken, ClaimedRequest):
            self.claimed.append(taken.request_id)
        return taken

    def begin(self, request: ClaimedRequest, delivery: Delivery, recipient: str) -> Permission:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def deliveries(self, request: ClaimedRequest) -> list[Delivery]:
        return self.open or super().deliveries(request)

    def confirm(self, request: ClaimedRequest, delivery: Delivery, kind: str, value: str) -> None:
        self.confirmed.append((kind, value))

    def record_click(self, *_: Any) -> None:
        pass

    def now(self) -> datetime:
        return self.clock

    def settle(
        self,
        request: ClaimedRequest,
        error_class: Any,
        reason_code: str | None,
        detail: str | None,
    ) -> Settled | None:
        if "settle" in self.boom:
            raise self.boom["settle"]
        self.settled.append((request.request_id, error_class, reason_code))
        return Settled(state="queued", reason_code=reason_code)


class Session:
    version = 7
    broken: list[str]

    def __init__(self) -> None:
        self.broken = []

    def is_broken(self, missing: str) -> None:
        self.broken.append(missing)


def working(ledger: Ledger | None = None) -> tuple[BotWork, Ledger, list[str]]:
    ledger = ledger or Ledger()
    said: list[str] = []
    work = BotWork(ledger, PROFILE, say=said.append, evidence_url="file:///nowhere")
    return work, ledger, said


def stream(requests: int = 3, limit: int = 50) -> tuple[BotRun, Ledger, list[Any]]:
    work, ledger, _ = working(Ledger(requests))
    breaker: list[Any] = []
    run = BotRun(
        work=work,
        session=Session(),  # type: ignore[arg-type]
        browser=BrowserOptions(executable=None, flags=()),
        left=limit,
        open_breaker=lambda error, version: breaker.append((error.code, version)),
    )
    return run, ledger, breaker


# -- the click's door ------------------------------------------------------------------------------


def begun(work: BotWork) -> tuple[str, list[tuple[str, float, float]]]:
    """Check the form, ask for the click; what came of it and which permits were opened."""
    work.take_next()
    bot_sending.check_form(work, DELIVERY, FORM)
    opened: list[tuple[str, float, float]] = []
    return bot_sending.begin(work, DELIVERY, lambda *permit: opened.append(permit)), opened


def test_a_go_opens_the_permit_for_this_invoice_and_the_budget() -> None:
    answer, [(invoice, milliseconds, deadline)] = begun(working()[0])
    assert (answer, invoice) == ("go", "I-1")
    assert 19_000 < milliseconds <= 20_000
    assert abs(deadline / 1000 - datetime.now(UTC).timestamp() - 20) < 1


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


# -- the stream ------------------------------------------------------------------------------------


def drive(run: BotRun, *, after_claim: Callable[[int], None] = lambda _: None) -> None:
    """What Robot does: a task that claims and works, then its end, until no task is appended."""
    for _ in range(20):
        passed = True
        try:
            if run.work.take_next() is not None:
                after_claim(run.work.in_hand.request_id)
        except errors.BillCopyError as error:
            run.work.record(error)
            passed = False
        if not bot_stream.task_ended(run, passed=passed, message=""):
            return
    pytest.fail("the stream did not end")


def fail_with(error: errors.BillCopyError, on: int = 1) -> Callable[[int], None]:
    def work(number: int) -> None:
        if number == on:
            raise error

    return work


def test_a_drained_queue_ends_the_stream() -> None:
    run, ledger, _ = stream(3)
    drive(run)
    assert run.work.stop is StopReason.DRAINED
    assert [one[0] for one in ledger.settled] == [1, 2, 3]


def test_the_limit_ends_the_stream() -> None:
    run, ledger, _ = stream(3, limit=2)
    drive(run)
    assert run.work.stop is StopReason.LIMIT
    assert ledger.claimed == [1, 2]


def test_a_business_error_is_no_reason_for_a_new_session() -> None:
    run, ledger, _ = stream(2)
    drive(run, after_claim=fail_with(errors.AccountNotFound()))
    assert run.session.broken == []  # type: ignore[attr-defined]
    assert ledger.claimed == [1, 2]


def test_after_an_application_error_the_session_is_new() -> None:
    run, ledger, _ = stream(2)
    drive(run, after_claim=fail_with(errors.PageDrift()))
    assert run.session.broken == ["session"]  # type: ignore[attr-defined]
    assert ledger.claimed == [1, 2]


@pytest.mark.parametrize(
    ("error", "stop"),
    [
        (errors.Refused("STOP_SWITCH"), StopReason.STOPPED),
        (errors.Refused("MAINTENANCE"), StopReason.MAINTENANCE),
        (errors.Refused("BREAKER_OPEN"), StopReason.BREAKER),
        (errors.Refused("LOCK_NOT_HELD"), StopReason.INFRASTRUCTURE),
        (errors.PortalLockBusy(), StopReason.INFRASTRUCTURE),
        (errors.DatabaseUnavailable(), StopReason.INFRASTRUCTURE),
        (errors.VaultSealed(), StopReason.INFRASTRUCTURE),
    ],
)
def test_what_concerns_every_request_ends_the_stream(
    error: errors.BillCopyError, stop: StopReason
) -> None:
    run, ledger, _ = stream(3)
    drive(run, after_claim=fail_with(error))
    assert run.work.stop is stop
    assert ledger.claimed == [1]
    assert len(ledger.settled) == 1


@pytest.mark.parametrize("code", ["CANCELLED", "LEASE_TOO_SHORT", "TOO_MANY_MAILS", "IN_DOUBT"])
def test_what_concerns_one_request_does_not(code: str) -> None:
    run, ledger, _ = stream(3)
    drive(run, after_claim=fail_with(errors.Refused(code)))
    assert run.work.stop is StopReason.DRAINED
    assert ledger.claimed == [1, 2, 3]


def test_a_sign_in_refused_in_the_middle_opens_the_breaker_for_that_version() -> None:
    run, ledger, breaker = stream(3)
    drive(run, after_claim=fail_with(errors.SignInRefused()))
    assert run.work.stop is StopReason.BREAKER
    assert breaker == [("SIGN_IN_REFUSED", 7)]
    assert ledger.claimed == [1]


def test_an_exception_in_the_claim_touches_nothing() -> None:
    run, ledger, _ = stream(3)
    ledger.boom["claim"] = errors.DatabaseUnavailable()
    drive(run)
    assert run.work.stop is StopReason.INFRASTRUCTURE
    assert (ledger.claimed, ledger.settled) == ([], [])


def test_a_bot_run_that_was_ended_from_outside_ends_and_closes_no_portal() -> None:
    run, ledger, breaker = stream(3)
    ledger.boom["claim"] = errors.LeaseLost("bot run 1 is not running")
    drive(run)
    assert run.work.stop is StopReason.INTERRUPTED
    assert (ledger.claimed, breaker) == ([], [])


def test_an_exception_in_the_settlement_ends_the_stream() -> None:
    run, ledger, _ = stream(3)
    ledger.boom["settle"] = errors.DatabaseUnavailable()
    with pytest.raises(errors.DatabaseUnavailable):
        drive(run)
    assert run.work.stop is StopReason.INFRASTRUCTURE
    assert ledger.claimed == [1]
    assert run.work.request is None


def test_a_task_that_robot_did_not_run_claims_nothing() -> None:
    run, ledger, _ = stream(3)
    run.interrupted = True
    assert not bot_stream.task_ended(run, passed=False, message="")
    assert run.work.stop is StopReason.INTERRUPTED
    assert ledger.claimed == []


def test_a_signal_during_a_request_gives_it_back() -> None:
    run, ledger, _ = stream(3)
    run.work.take_next()
    run.interrupted = True
    assert not bot_stream.task_ended(run, passed=False, message="Execution terminated by signal")
    assert ledger.settled == [(1, "refused", "INTERRUPTED")]


def test_a_session_that_cannot_be_made_ready_is_tried_twice() -> None:
    run, ledger, _ = stream(3)
    for again in (True, False):
        run.work.record(errors.PortalDown())
        assert bot_stream.task_ended(run, passed=False, message="") is again
    assert run.work.stop is StopReason.INFRASTRUCTURE
    assert ledger.claimed == []


def test_a_page_that_was_not_left_means_killing_the_browser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run, ledger, _ = stream(3)
    killed: list[int] = []
    monkeypatch.setattr("billcopy.reaper.descendants", lambda pid: killed.append(pid) or [])
    run.work.take_next()
    run.page_left = False
    assert not bot_stream.task_ended(run, passed=False, message="")
    assert killed
    assert len(ledger.settled) == 1
    assert run.work.stop is StopReason.INFRASTRUCTURE


@pytest.mark.parametrize(("closes_at", "stop"), [(1, StopReason.BREAKER), (9, None)])
def test_a_session_that_fails_is_reported_and_a_closed_portal_ends_the_stream(
    closes_at: int, stop: StopReason | None
) -> None:
    run, ledger, _ = stream(3)
    reported: list[str] = []

    def report(code: str) -> bool:
        reported.append(code)
        return len(reported) >= closes_at

    run.report_session_failure = report
    run.work.record(errors.PortalDown())
    assert bot_stream.task_ended(run, passed=False, message="") is (stop is None)
    assert (reported, run.work.stop) == (["PORTAL_DOWN"], stop)
    run.work.record(errors.VaultSealed())
    bot_stream.task_ended(run, passed=False, message="")
    assert reported == ["PORTAL_DOWN"]
    assert ledger.claimed == []
