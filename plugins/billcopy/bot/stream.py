"""After each task: settle the request in hand, decide whether there is a next one, and why not.

Separate from Robot, so that every way a task can end is tested without one.
"""

from __future__ import annotations

from billcopy.bot.context import BotRun
from billcopy.bot.ledger import stop_reason_of
from billcopy.bot.order import StopReason
from billcopy.bot.work import code_of
from billcopy.errors import (
    BillCopyError,
    BrowserLost,
    DatabaseUnavailable,
    LeaseLost,
    PortalLockBusy,
    Refused,
    SignInRefused,
    VaultError,
)

SESSION_TRIES = 2  # a portal's hiccup during sign-in is not yet a dead portal
_ENDS_THE_RUN = (DatabaseUnavailable, PortalLockBusy, VaultError)


def task_ended(run: BotRun, *, passed: bool, message: str) -> bool:
    """A task ended; settle, and return whether to append the next one.

    Raises:
        BillCopyError: the settlement failed; `stop` is set, nothing more will be claimed.
    """
    work = run.work
    error = work.error
    try:
        if work.request is None:
            _nothing_in_hand(run, error, passed=passed)
        else:
            _settle(run, passed=passed, message=message)
    except BaseException:
        work.stop = StopReason.INFRASTRUCTURE
        raise
    finally:
        work.error = work.failure = None
        run.must_move_within(run.stuck_after_seconds)
    if run.interrupted:
        work.stop = StopReason.INTERRUPTED
    if work.stop is None and run.left <= 0:
        work.stop = StopReason.LIMIT
    return work.stop is None


def _nothing_in_hand(run: BotRun, error: BillCopyError | None, *, passed: bool) -> None:
    """The session was being made ready, the claim failed, or there was nothing to claim."""
    work = run.work
    if work.stop is not None or (passed and error is None):
        return
    if isinstance(error, SignInRefused):
        run.open_breaker(error, run.session.version)
        work.stop = StopReason.BREAKER
        work.say(f"sign-in refused, version {run.session.version} of the password; breaker opened")
        return
    if isinstance(error, LeaseLost):  # a person ended this bot run, such as after a restore
        work.stop = StopReason.INTERRUPTED
        work.say("this bot run was ended from outside")
        return
    run.session_failures += 1
    run.session.is_broken("browser" if isinstance(error, BrowserLost) else "session")
    why = code_of(error or work.unnamed())
    work.say(f"the session could not be made ready ({why})")
    if isinstance(error, _ENDS_THE_RUN):
        work.stop = StopReason.INFRASTRUCTURE
    elif run.report_session_failure(why):
        work.stop = StopReason.BREAKER
        work.say("the portal is closed for now")
    elif run.session_failures >= SESSION_TRIES:
        work.stop = StopReason.INFRASTRUCTURE


def _settle(run: BotRun, *, passed: bool, message: str) -> None:
    work = run.work
    if not run.page_left:  # the task's teardown did not run: nobody may be left to click
        run.kill_browser()
    if run.interrupted and not passed and work.error is None:
        work.record(Refused("INTERRUPTED"))
    error = work.error
    run.left -= 1
    work.settle(passed=passed, detail=message)
    if error is None and passed:
        run.session_failures = 0
        return
    if isinstance(error, Refused):
        work.stop = work.stop or stop_reason_of(error.refusal)
        if error.refusal == "LOCK_NOT_HELD":
            work.stop = StopReason.INFRASTRUCTURE
    elif isinstance(error, SignInRefused):
        run.open_breaker(error, run.session.version)
        work.stop = StopReason.BREAKER
    elif isinstance(error, _ENDS_THE_RUN):
        work.stop = StopReason.INFRASTRUCTURE
    elif error is None or error.error_class == "application":
        run.session.is_broken("session")
