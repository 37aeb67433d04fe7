"""Whatever kills whom, no browser is left five seconds later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from billcopy.reaper import GRACE_SECONDS, descendants
from tests.bot_fixtures import Bot
from tests.waiting import happens

LEFT_SECONDS = 5.0

# A child that starts a grandchild in a session of its own, as Chromium does, and both stay.
FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print("up", flush=True)
time.sleep(60)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY


def alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie does not."""
    return [pid for pid in pids if _state(pid) not in ("", "Z", "X")]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:  # it ended meanwhile, as the browser's short-lived helpers do
        return ""


def gone_in_time(pids: list[int]) -> bool:
    return happens(lambda: not alive(pids), within=LEFT_SECONDS)


def start_family(code: str) -> tuple[subprocess.Popen[str], list[int]]:
    """A launcher, and what is below it: the reaper first, then its family."""
    reaper = [sys.executable, "-m", "billcopy.reaper", "--", sys.executable, "-c", code]
    launcher = (
        "import subprocess, sys\n"
        f"reaper = subprocess.Popen({reaper!r}, start_new_session=True, stdout=subprocess.PIPE)\n"
        "print(reaper.stdout.readline().decode(), flush=True)\n"
        "sys.exit(reaper.wait())\n"
    )
    environment = {**os.environ, "PYTHONPATH": "plugins"}
    process = subprocess.Popen(
        [sys.executable, "-c", launcher], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "up"
    family = descendants(process.pid)
    assert len(family) >= 3
    return process, family


@pytest.mark.parametrize("code", [FAMILY, STUBBORN], ids=["polite", "stubborn"])
def test_a_killed_launcher_takes_everything_with_it(code: str) -> None:
    launcher, family = start_family(code)
    launcher.kill()
    assert gone_in_time(family)
    launcher.communicate()


def test_a_terminated_reaper_takes_everything_with_it() -> None:
    launcher, family = start_family(FAMILY)
    os.kill(family[0], signal.SIGTERM)
    assert gone_in_time(family)
    launcher.communicate()


def test_a_gentle_end_gives_time_and_a_hurried_one_takes_it_back() -> None:
    launcher, family = start_family(STUBBORN)
    os.kill(family[0], signal.SIGINT)
    time.sleep(GRACE_SECONDS + 1)
    assert alive(family) == family
    os.kill(family[0], signal.SIGTERM)
    assert gone_in_time(family)
    launcher.communicate()


def test_a_child_that_ends_leaves_no_orphan_and_its_exit_code() -> None:
    code = FAMILY.replace("time.sleep(60)\n", "sys.exit(17)\n", 1)
    code = code.replace('print("up", flush=True)\nsys', 'print("up", flush=True)\nsys')
    result = subprocess.run(
        [sys.executable, "-m", "billcopy.reaper", "--", sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": "plugins"},
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert result.returncode == 17


def _launcher_killed(pids: list[int]) -> None:
    os.kill(pids[0], signal.SIGKILL)


def _bot_killed(pids: list[int]) -> None:
    os.kill(pids[1], signal.SIGKILL)


def _reaper_killed(pids: list[int]) -> None:
    os.kill(pids[2], signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kill",
    [_launcher_killed, _bot_killed, _reaper_killed],
    ids=["launcher", "robot", "reaper"],
)
def test_no_browser_is_left_after_a_kill(bot: Bot, kill: Callable[[list[int]], None]) -> None:
    bot.submit()
    order = bot.order(linger_seconds=60)
    code = (
        "import sys\n"
        "from billcopy.bot.launch import launch\n"
        "from billcopy.bot.order import BotOrder\n"
        "order = BotOrder.from_json(sys.stdin.readline())\n"
        "launch(order, on_line=lambda line: print(line, flush=True))\n"
    )
    launcher = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": "plugins"},
    )
    assert launcher.stdin is not None
    assert launcher.stdout is not None
    launcher.stdin.write(order.to_json() + "\n")
    launcher.stdin.close()
    for line in launcher.stdout:
        if "delivered" in line:
            break
    family = descendants(launcher.pid)
    names = {_name(pid) for pid in family}
    assert any(name.startswith(("chrom", "headless")) for name in names), names
    reaper = family[0]
    below = descendants(reaper)
    kill([launcher.pid, below[0], reaper])
    assert gone_in_time(family)
    launcher.stdout.close()
    launcher.wait(timeout=10)
