"""Renderer, browser or node die in the middle of a request."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from billcopy.bot_launch import Bot as LaunchedBot
from billcopy.bot_order import StopReason
from billcopy.reaper import descendants
from tests.acceptance.test_moods import finish
from tests.acceptance.test_stop_causes import touched, when
from tests.bot_fixtures import Bot

pytestmark = pytest.mark.slow


def kill(running: LaunchedBot, *, command: str, having: str = "", lacking: str = "\n") -> None:
    """Kill the processes below the bot whose command line says so."""
    assert running.pid is not None
    killed = 0
    for pid in descendants(running.pid):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if command in line.split(" ")[0] and having in line and lacking not in line:
            os.kill(pid, signal.SIGKILL)
            killed += 1
    assert killed, f"no {command} below the bot"


@pytest.mark.parametrize("part", ["renderer", "browser"])
def test_a_lost_browser_is_opened_again_and_the_next_request_goes_on(bot: Bot, part: str) -> None:
    first = bot.submit()
    second = bot.submit(account="4027310")
    bot.portal.set_faults(latency_ms=300)

    def lose(running: LaunchedBot) -> None:
        if part == "renderer":
            kill(running, command="chrom", having="--type=renderer")
        else:
            kill(running, command="chrom", lacking="--type=")

    stop = when(bot, f"request {first}: account", lose)
    assert stop is StopReason.DRAINED
    assert bot.story(first).attempts[0]["reason_code"] == "BROWSER_LOST"
    assert bot.state(second) == "delivered"
    finish(bot, first)
    assert bot.state(first) == "delivered"
    assert len(bot.sent()) == 2


def test_a_lost_node_ends_the_run(bot: Bot) -> None:
    first = bot.submit()
    bot.submit(account="4027310")
    bot.portal.set_faults(latency_ms=300)
    stop = when(bot, f"request {first}: account", lambda running: kill(running, command="node"))
    assert stop is StopReason.INFRASTRUCTURE
    assert bot.state(first) == "queued BROWSER_LOST"
    assert touched(bot) == 1
    finish(bot, first)
    assert len(bot.sent()) == 2
