"""`python -m billcopy.reaper -- COMMAND …`: run a command; leave no descendant of it alive.

Chromium starts its helpers in sessions of their own, so killing a process group does not reach
them. Whoever launches the bot puts this process between, in a session of its own:

* as child subreaper, orphans come to us instead of to process 1;
* the parent-death signal turns a SIGKILL of our launcher into a SIGTERM for us;
* in our own session, a SIGKILL of the launcher's process group does not take us first.

The bot does the same towards us: should we be the one who is killed, it ends, and its browser too.

Linux only. The exit code is the command's (128 + n when signal n ended it).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 3.0  # for the command to end by itself after a SIGTERM
GENTLE_SECONDS = 15.0  # the same after a SIGINT: whoever sends that is in no hurry
_POLL_SECONDS = 0.1
_SWEEPS = 100


def descendants(root: int) -> list[int]:
    """Process ids of all children, grandchildren, … of `root`, nearest first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children.setdefault(_parent(int(entry.name)), []).append(int(entry.name))
    found: list[int] = []
    to_visit = [root]
    while to_visit:
        below = children.get(to_visit.pop(), [])
        found += below
        to_visit += below
    return found


def _parent(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:  # it ended meanwhile
        return -1
    return int(stat.rsplit(")", 1)[1].split()[1])


def adopt_orphans_and_outlive_nobody() -> None:
    """Become the parent of whatever below us is orphaned; get a SIGTERM when our parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _bury_the_dead() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def kill_stragglers() -> None:
    """Leave nothing alive below this process."""
    for _ in range(_SWEEPS):
        left = descendants(os.getpid())
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
        _bury_the_dead()


def _wait_a_while(child: subprocess.Popen[bytes], stop_signals: list[int]) -> None:
    """Let it end by itself; a SIGTERM that comes meanwhile shortens what is left."""
    deadline = time.monotonic() + GENTLE_SECONDS
    hurried = False
    while child.poll() is None and time.monotonic() < deadline:
        if not hurried and set(stop_signals) != {signal.SIGINT}:
            hurried = True
            deadline = min(deadline, time.monotonic() + GRACE_SECONDS)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=_POLL_SECONDS)


def main(command: Sequence[str]) -> int:
    """Run `command`, passing on our standard streams; return its exit code."""
    adopt_orphans_and_outlive_nobody()
    launcher = os.environ.get("BILLCOPY_LAUNCHER_PID")
    if launcher and os.getppid() != int(launcher):
        return 1  # it died before it could be watched

    stop_signals: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        stop_signals.append(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    # The launcher may be gone with our output's other end; we still have work to do.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    child = subprocess.Popen(command)
    while child.poll() is None and not stop_signals:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=_POLL_SECONDS)
    if child.poll() is None:
        child.terminate()
        _wait_a_while(child, stop_signals)
    code = child.returncode
    kill_stragglers()
    if code is None:
        return 128 + signal.SIGKILL
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    arguments = sys.argv[1:]
    sys.exit(main(arguments[1:] if arguments[:1] == ["--"] else arguments))
