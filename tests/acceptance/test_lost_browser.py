"""Renderer, browser or node die in the middle of a request."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from billcopy.bot.launch import Bot as LaunchedBot
from billcopy.bot.order import StopReason
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
            if command in line.split(" ")[0] and having in line and lacking not in line:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        except OSError:  # it ended meanwhile, perhaps of the one killed before
            continue
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


def freeze_the_browser(running: LaunchedBot, over: threading.Event) -> None:
    """Stop every process of the browser as soon as it runs."""
    frozen: list[int] = []
    while not frozen and not over.wait(0.5):
        for pid in descendants(running.pid) if running.pid else []:
            with contextlib.suppress(OSError):
                if b"chrom" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
                    os.kill(pid, signal.SIGSTOP)
                    frozen.append(pid)


def test_a_browser_that_freezes_during_the_sign_in_does_not_keep_the_portal(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(latency_ms=3000, latency_path="/signin")
    began = time.monotonic()
    over = threading.Event()

    def in_the_background(running: LaunchedBot) -> None:
        threading.Thread(target=freeze_the_browser, args=(running, over), daemon=True).start()

    stop = bot.run(on_start=in_the_background, stuck_after_seconds=8)
    over.set()
    assert stop is StopReason.INFRASTRUCTURE
    assert time.monotonic() - began < 120
    assert bot.state(request) == "queued"
    bot.portal.clear_faults()
    assert bot.run() is StopReason.DRAINED
    assert bot.state(request) == "delivered"
