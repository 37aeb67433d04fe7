"""After each task: whether there is a next one, and why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from billcopy import errors
from billcopy.bot import stream as bot_stream
from billcopy.bot.context import BotRun
from billcopy.bot.order import StopReason
from tests.bot_fakes import (
    stream,
)


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
