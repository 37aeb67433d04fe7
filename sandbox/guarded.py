"""Run one program of the stack under guard: start it when its needs are met, leave nothing behind.

`python -m sandbox.guarded --watch PID --log FILE [--after NEED]... -- COMMAND`

A need is a file that must exist or an http:// address that must answer 200. The program ends with
the process `--watch`, however that one dies, and with this guard; whatever it started ends with it.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from sandbox.processes import become_subreaper, die_with_parent, end_descendants

GRACE_SECONDS = 3.5  # honcho kills after 5
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
        time.sleep(0)


def run(command: list[str], *, watch: int, log: Path, needs: list[str]) -> int:
    """Run `command` to its end and give back its exit code; 0 when it was we who ended it."""
    become_subreaper()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    watched = select.poll()
    child: subprocess.Popen[bytes] | None = None
    try:
        watched.register(os.pidfd_open(watch), select.POLLIN)
        _wait_for(needs, watched)
        with log.open("ab") as output:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        watched.register(os.pidfd_open(child.pid), select.POLLIN)
        watched.poll()
        return child.poll() or 0
    except (_Stop, ProcessLookupError):
        return 0
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end_descendants(grace_seconds=GRACE_SECONDS)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="Run one program of the stack under guard.")
    parser.add_argument("--watch", type=int, required=True, help="end when this process ends")
    parser.add_argument("--log", type=Path, required=True, help="file for the program's output")
    parser.add_argument("--after", action="append", default=[], help="file or address to wait for")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    command = [word for word in arguments.command if word != "--"]
    return run(command, watch=arguments.watch, log=arguments.log, needs=arguments.after)


if __name__ == "__main__":
    sys.exit(main())
