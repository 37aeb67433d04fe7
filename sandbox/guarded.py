"""Run one program of the stack under guard: start it when its needs are met, leave nothing behind.

`python -m sandbox.guarded --name N --watch PID [--log FILE] [--restart] [--after NEED]... -- …`

A need is a file that must exist or an http:// address that must answer 200. The program ends with
the process `--watch`, however that one dies, and with this guard; whatever it started ends with it.
That a program ends by itself is a fault: a server's place is to stay. With `--restart` it is
started again instead, once its needs are met anew and nothing of it is left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from sandbox.processes import become_subreaper, die_with_parent, end_descendants

GRACE_SECONDS = 3.5  # honcho kills after 5
RESTART_GRACE_SECONDS = 1.0  # for what a program that died has left behind
LAST_LINES = 15
ANSWER_TIMEOUT_SECONDS = 60  # a cold api-server takes its time for the first answer


class _Stop(Exception):
    """Somebody asked us to end."""


def _stop(number: int, _frame: FrameType | None) -> None:
    raise _Stop(number)


def is_met(need: str) -> bool:
    """Whether this file exists, or this address answers 200."""
    if not need.startswith("http://"):
        return Path(need).exists()
    try:
        with urllib.request.urlopen(need, timeout=ANSWER_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _wait_for(needs: list[str], watched: select.poll) -> None:
    while not all(is_met(need) for need in needs):
        if watched.poll(200):
            raise _Stop


def _last_words(log: Path | None) -> str:
    if log is None:
        return ""
    lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
    return "".join(f"\n    {line}" for line in [*lines, f"(all of it: {log})"])


def run(
    command: list[str],
    *,
    name: str,
    watch: int,
    log: Path | None,
    needs: list[str],
    restart: bool = False,
) -> int:
    """Run `command` until somebody ends us (0), or until it ends itself (its code, at least 1)."""
    become_subreaper()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    watched = select.poll()
    try:
        watched.register(os.pidfd_open(watch), select.POLLIN)
        while True:
            _wait_for(needs, watched)
            code = _run_once(command, log, watched)
            if code is None:
                return 0
            print(f"{name} ended by itself (exit code {code}).{_last_words(log)}", flush=True)
            if not restart:
                return code or 1
            end_descendants(grace_seconds=RESTART_GRACE_SECONDS)
    except (_Stop, ProcessLookupError):
        return 0
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end_descendants(grace_seconds=GRACE_SECONDS)


def _run_once(command: list[str], log: Path | None, watched: select.poll) -> int | None:
    """The command's exit code; None if whom we watch ended first."""
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab")) if log else None
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
    ended = os.pidfd_open(child.pid)
    watched.register(ended, select.POLLIN)
    watched.poll()
    watched.unregister(ended)
    os.close(ended)
    return child.poll()


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Run one program of the stack under guard.")
    parser.add_argument("--name", required=True, help="what it is called")
    parser.add_argument("--watch", type=int, required=True, help="end when this process ends")
    parser.add_argument("--log", type=Path, help="file for the program's output")
    parser.add_argument("--after", action="append", default=[], help="file or address to wait for")
    parser.add_argument("--restart", action="store_true", help="start it again if it ends")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    return run(
        arguments.command[1:],
        name=arguments.name,
        watch=arguments.watch,
        log=arguments.log,
        needs=arguments.after,
        restart=arguments.restart,
    )


if __name__ == "__main__":
    sys.exit(main())
