"""How Robot's libraries and listeners reach the bot run that runs them: one per process.

Robot imports its libraries by itself and hands them nothing, so there is one place to ask.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from billcopy import reaper
from billcopy.bot.order import StopReason
from billcopy.bot.reconciling import Reconciling
from billcopy.bot.session import PortalSession
from billcopy.bot.work import BotWork, code_of
from billcopy.errors import BillCopyError

P = ParamSpec("P")
R = TypeVar("R")
Library = TypeVar("Library")


@dataclass(frozen=True, kw_only=True)
class BrowserOptions:
    """How to start the browser."""

    executable: Path | None
    flags: tuple[str, ...]
    headless: bool = True
    slow_motion: str = "0 ms"


@dataclass(kw_only=True)
class BotRun:
    """Everything of one bot run that Robot's side needs.

    `left` counts the requests that may still be taken; `page_left` says whether the last task
    closed its page and withdrew the permit.
    """

    work: BotWork
    session: PortalSession
    browser: BrowserOptions
    left: int
    open_breaker: Callable[[BillCopyError, int | None], None]
    report_session_failure: Callable[[str], bool] = lambda _code: False
    record_browser: Callable[[str], None] = lambda _version: None
    stuck_after_seconds: float = 180.0
    interrupted: bool = False
    session_failures: int = 0
    page_left: bool = True
    blocked_requests: int = 0
    blocked_listed: list[str] = field(default_factory=list)
    must_move_by: float = math.inf
    reconciling: Reconciling | None = None

    def must_move_within(self, seconds: float | None) -> None:
        """Until then something must have happened, else `watchdog` steps in; None: no limit."""
        self.must_move_by = math.inf if seconds is None else time.monotonic() + seconds

    def kill_browser(self) -> None:
        """End every process below this one: what cannot be asked may hold an open permit."""
        for pid in reaper.descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.session.is_broken("browser")
        self.work.stop = StopReason.INFRASTRUCTURE
        self.page_left = True


class StepFailed(Exception):
    """One of our errors as Robot shows it: code, colon, sentence.

    The flow tells errors apart by the code before the colon, never by the sentence.
    """

    ROBOT_SUPPRESS_NAME = True


_running: list[BotRun] = []


def activate(run: BotRun) -> None:
    """Make this the process's bot run."""
    _running[:] = [run]


def current() -> BotRun:
    """The process's bot run.

    Raises:
        LookupError: none is active; the library was loaded by something else than the bot.
    """
    if not _running:
        raise LookupError("no bot run is active in this process")
    return _running[0]


def fail(error: BillCopyError) -> StepFailed:
    """Record an error as what went wrong; returns what to raise for Robot."""
    current().work.record(error)
    return StepFailed(f"{code_of(error)}: {error}")


def step(
    method: Callable[Concatenate[Library, P], R],
) -> Callable[Concatenate[Library, P], R]:
    """A keyword whose errors are recorded, and shown to Robot by their code."""

    @functools.wraps(method)
    def recorded(self: Library, /, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(self, *args, **kwargs)
        except BillCopyError as error:
            raise fail(error) from None

    return recorded


def error_prefixes() -> tuple[str, ...]:
    """The beginnings that only our own failure messages have."""

    def codes(kind: type[Any]) -> set[str]:
        return {str(kind.code)}.union(*(codes(below) for below in kind.__subclasses__()))

    refusals = ("STOP_SWITCH", "BREAKER_OPEN", "MAINTENANCE", "DAILY_CAP", "CANCELLED", "IN_DOUBT")
    return tuple(f"{code}:" for code in sorted(codes(BillCopyError) | set(refusals)))
