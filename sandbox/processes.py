"""What the stack runner knows about processes: how to tie them together, and how to end them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

from billcopy.reaper import descendants

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def become_subreaper() -> None:
    """From now on orphaned descendants become our children, not those of process 1."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; for `preexec_fn`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def reap() -> None:
    """Collect the exit codes of ended children, so that none stays a zombie."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def end_descendants(*, grace_seconds: float) -> None:
    """Ask our children to end, then kill whatever lives below us; returns when nothing does."""
    for pid in _children():
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while _still_living():
        if time.monotonic() > deadline:
            for pid in descendants(os.getpid()):
                _signal(pid, signal.SIGKILL)
        time.sleep(0.05)


def _children() -> list[int]:
    own = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in own.read_text().split()]


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _still_living() -> bool:
    reap()
    return bool(descendants(os.getpid()))
