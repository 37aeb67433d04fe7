"""Seconds a request: the bot, and the same work done by its peers, in one run.

Each figure is the time from claim to settlement by the database's clock; every request is for two
bills. The memory of the bot's process tree is watched over a longer run.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import time
from typing import Any

import psutil

from billcopy.bot.launch import Bot, launch
from billcopy.bot.order import StopReason
from billcopy.settings import PROJECT_ROOT
from tests.benchmarks.bench import Bench, running, summary

REQUESTS = 20
FRESH_PROCESSES = 5
MEMORY_REQUESTS = 100
WARM_UP = 2


def _bot(bench: Bench, name: str, count: int) -> list[float]:
    bench.submit(count + WARM_UP)
    stop = launch(bench.order(dag_run_id=name), on_line=lambda _: None)
    assert stop is StopReason.DRAINED, stop
    return bench.seconds(name)[WARM_UP:]


def _peer(bench: Bench, module: str, name: str, count: int) -> list[float]:
    bench.submit(count + WARM_UP)
    subprocess.run(
        [sys.executable, "-m", module],
        input=bench.peer_order() + "\n",
        text=True,
        check=True,
        cwd=PROJECT_ROOT,
        stdout=subprocess.DEVNULL,
    )
    return bench.seconds(name)[WARM_UP:]


def _fresh_processes(bench: Bench) -> list[float]:
    """One robot process a request: what a schedule without batches would cost, wall clock."""
    bench.submit(FRESH_PROCESSES)
    seconds = []
    for _ in range(FRESH_PROCESSES):
        began = time.perf_counter()
        launch(bench.order(dag_run_id="fresh", limit=1), on_line=lambda _: None)
        seconds.append(time.perf_counter() - began)
    bench.seconds("fresh")
    return seconds


class Memory:
    """Proportional memory of a process tree, sampled at the end of each request."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._bot: Bot | None = None

    def started(self, bot: Bot) -> None:
        """Watch this bot."""
        self._bot = bot

    def line(self, said: str) -> None:
        """Take a sample if this line ends a request."""
        if self._bot is None or self._bot.pid is None or ": delivered" not in said:
            return
        self._sample(self._bot.pid)

    def _sample(self, pid: int) -> None:
        total = 0
        tree = psutil.Process(pid)
        for process in [tree, *tree.children(recursive=True)]:
            try:
                total += process.memory_full_info().pss
            except psutil.Error:
                continue
        self.samples.append(total / 2**20)


def _memory(bench: Bench) -> dict[str, Any]:
    bench.submit(MEMORY_REQUESTS)
    memory = Memory()
    order = bench.order(dag_run_id="memory")
    launch(order, on_line=memory.line, on_start=memory.started)
    bench.seconds("memory")
    samples = memory.samples
    second, last = samples[25:50], samples[-25:]
    average = [sum(part) / len(part) for part in (second, last)]
    return {
        "requests": len(samples),
        "second_25_mib": round(average[0]),
        "last_25_mib": round(average[1]),
        "ratio": round(average[1] / average[0], 3),
    }


def measure() -> dict[str, Any]:
    """The bot, its peers, and the ratios to plain Playwright."""
    with running() as bench:
        found: dict[str, Any] = {
            # In turn, so that a machine that slows down slows all of them.
            "bot": _bot(bench, "bot-1", REQUESTS // 2),
            "raw_playwright": _peer(
                bench, "tests.benchmarks.raw_playwright", "raw-playwright", REQUESTS
            ),
        }
        found["bot"] += _bot(bench, "bot-2", REQUESTS // 2)
        if shutil.which("chromedriver") and importlib.util.find_spec("SeleniumLibrary"):
            found["selenium_library"] = _peer(
                bench, "tests.benchmarks.selenium_peer", "selenium-library", REQUESTS // 2
            )
        found["robot_process_a_request"] = _fresh_processes(bench)
        figures = {name: summary(seconds) for name, seconds in found.items()}
        base = figures["raw_playwright"]["median_s"]
        for one in figures.values():
            one["ratio_to_raw_playwright"] = round(one["median_s"] / base, 2)
        return {"seconds_a_request": figures, "memory": _memory(bench)}
