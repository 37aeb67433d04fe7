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
from collections.abc import Callable
from pathlib import Path

import billcopy
from billcopy.bot import folders
from billcopy.bot.order import BotOrder, StopReason

_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
_DISPLAY = ("DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR")
_PACKAGE_FOLDER = Path(billcopy.__file__).resolve().parents[1]


class Bot:
    """One bot, seen from outside: `run` it, `end` it from wherever it must be ended."""

    def __init__(self, order: BotOrder) -> None:
        self._order = order
        self._process: subprocess.Popen[str] | None = None
        self._ended = False

    @property
    def pid(self) -> int | None:
        """The reaper's process id, also its process group and session; None before the start."""
        return self._process.pid if self._process else None

    def run(self, *, on_line: Callable[[str], None]) -> StopReason:
        """Run it to its end, handing on each line it says, at once; why it stopped.

        Raises:
            OSError: it cannot be started.
        """
        if self._ended:
            return StopReason.INTERRUPTED
        process = self._process = self._start()
        assert process.stdout is not None
        try:
            for line in process.stdout:
                on_line(line.rstrip("\n"))
            return StopReason.from_exit_code(process.wait())
        finally:
            self.end()
            process.stdout.close()

    def end(self, *, gently: bool = False) -> None:
        """Ask it to end; the reaper sees to it that everything below ends, too.

        `gently` gives it the time to sign out. Safe in a signal handler, more than once, before
        the start and after the end.
        """
        self._ended = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT if gently else signal.SIGTERM)

    def _start(self) -> subprocess.Popen[str]:
        folder = folders.portal_folder(self._order.work_dir, self._order.portal)
        python = [sys.executable, "-m"]
        process = subprocess.Popen(
            [*python, "billcopy.reaper", "--", *python, "billcopy.bot"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment(self._order, folder),
            start_new_session=True,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it ended at once; its exit code will say why
            process.stdin.write(self._order.to_json() + "\n")
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        return process


def launch(
    order: BotOrder,
    *,
    on_line: Callable[[str], None],
    on_start: Callable[[Bot], None] | None = None,
) -> StopReason:
    """Run a bot to its end, handing on each line it says; returns why it stopped.

    Args:
        order: what the bot is told.
        on_line: called with each line, at once.
        on_start: called with the bot before it runs, for whoever may have to `end` it.

    Raises:
        OSError: it cannot be started.
    """
    bot = Bot(order)
    if on_start is not None:
        on_start(bot)
    return bot.run(on_line=on_line)


def _environment(order: BotOrder, folder: Path) -> dict[str, str]:
    names = _INHERITED + (_DISPLAY if order.headed else ())
    inherited = {name: os.environ[name] for name in names if name in os.environ}
    return {
        **inherited,
        "HOME": str(folder),
        "TMPDIR": str(folders.browser_folder(order.work_dir, order.portal)),
        "PYTHONPATH": str(_PACKAGE_FOLDER),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "NO_COLOR": "1",
        "BILLCOPY_LAUNCHER_PID": str(os.getpid()),
    }
