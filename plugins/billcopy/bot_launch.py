"""Starts a bot and listens to it: what Airflow's operator, the command line and the tests call.

The bot runs below a reaper, in a session of its own and with a small environment; its order goes
through standard input, so neither arguments nor environment hold anything secret.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import billcopy
from billcopy.bot_order import BotOrder, StopReason

_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
_DISPLAY = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")
_PACKAGE_FOLDER = Path(billcopy.__file__).resolve().parents[1]


class BotProcess:
    """One running bot, seen from outside."""

    def __init__(self, order: BotOrder) -> None:
        """Start it.

        Raises:
            OSError: the process cannot be started, or the work folder not be made.
        """
        work_dir = Path(order.work_dir)
        work_dir.mkdir(parents=True, exist_ok=True)
        python = [sys.executable, "-m"]
        self._process = subprocess.Popen(
            [*python, "billcopy.reaper", "--", *python, "billcopy.bot"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=work_dir,
            env=_environment(order, work_dir),
            start_new_session=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended at once; its exit code will say why
            self._process.stdin.write(order.to_json() + "\n")
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        """The reaper's process id, which is also its process group and session."""
        return self._process.pid

    def lines(self) -> Iterator[str]:
        """What the bot says, line by line, until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\n")

    def wait(self) -> StopReason:
        """Wait for its end; read `lines` first."""
        code = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return StopReason.from_exit_code(code)

    def terminate(self) -> None:
        """Ask it to end; the reaper sees to it that everything below ends, too. Any number of times."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)


def launch(
    order: BotOrder,
    *,
    on_line: Callable[[str], None],
    on_start: Callable[[BotProcess], None] | None = None,
) -> StopReason:
    """Run a bot to its end, handing on each line it says; returns why it stopped.

    Args:
        order: what the bot is told.
        on_line: called with each line, at once.
        on_start: called with the process, for whoever may have to `terminate` it.

    Raises:
        OSError: it cannot be started.
    """
    process = BotProcess(order)
    try:
        if on_start is not None:
            on_start(process)
        for line in process.lines():
            on_line(line)
        return process.wait()
    except BaseException:
        process.terminate()
        raise


def terminate(process: BotProcess) -> None:
    """Ask a bot to end; safe in a signal handler and more than once."""
    process.terminate()


def _environment(order: BotOrder, work_dir: Path) -> dict[str, str]:
    names = _INHERITED + (_DISPLAY if order.headed else ())
    inherited = {name: os.environ[name] for name in names if name in os.environ}
    return {
        **inherited,
        "HOME": str(work_dir),
        "PYTHONPATH": str(_PACKAGE_FOLDER),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "NO_COLOR": "1",
        "BILLCOPY_LAUNCHER_PID": str(os.getpid()),
    }
