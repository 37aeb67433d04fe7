"""How long a request waits after a death, with the timings of production, on the whole stack.

The peer is what a queue waits that knows of nothing but leases: the lease and the grace in full.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import statistics
import time
from collections.abc import Callable
from typing import Any

import httpx
import psutil

from billcopy import request_queue
from billcopy.database import Connection
from billcopy.model import Story
from sandbox.chaos.stack_strikes import StackStrikes, runner_of
from sandbox.chaos.world import world_of
from sandbox.plan import Plan
from tests.benchmarks.pipeline import moment, running_stack, submit_one
from tests.waiting import until

DEATHS_OF_EACH = 2
LEASE_SECONDS, GRACE_SECONDS = 120, 30  # what a portal has from the start
# Until the portal answers a search for an account: the time in which something is killed.
KEEPS_WAITING = {"latency_ms": 60_000, "latency_path": "/accounts/[0-9]"}
_REAPER = (
    "select process_group from billcopy.bot_runs where finished_at is null order by id desc limit 1"
)


class _Victims:
    """The processes that can be killed while a bot is at work."""

    def __init__(self, plan: Plan) -> None:
        self._world = world_of(plan)
        self._strikes = StackStrikes(plan, runner_of(plan))

    def _reaper(self) -> psutil.Process:
        return psutil.Process(self._world.query(_REAPER)[0][0])

    def robot(self) -> list[int]:
        """The bot's own process."""
        return [self._reaper().children()[0].pid]

    def task(self) -> list[int]:
        """The process in which Airflow runs `run_bot`."""
        return [self._reaper().parent().pid]

    def supervisor(self) -> list[int]:
        """Airflow's process that watches over the task."""
        return [self._reaper().parent().parent().pid]

    def worker(self) -> list[int]:
        """All of these and the browser at once, as when a machine fails."""
        reaper = self._reaper()
        below = [one.pid for one in reaper.children(recursive=True)]
        return [*self.robot(), *below, reaper.pid, *self.task(), *self.supervisor()]

    def scheduler(self) -> list[int]:
        """Airflow's scheduler, which is started again."""
        found = self._strikes.server("scheduler")
        assert found is not None
        return [found.pid]


def _seconds(
    plan: Plan, desk: Connection, number: int, victims: Callable[[], list[int]]
) -> list[float]:
    """From the death until the request is back in the queue, and to the next claim."""
    faults = f"{plan.portal_url}/_sandbox/faults"
    httpx.put(faults, json=KEEPS_WAITING).raise_for_status()
    request_id = submit_one(desk, f"rescue-{number}", number)

    def story() -> Story:
        return request_queue.story(desk, request_id)

    until(lambda: story().request["state"] == "claimed", "a bot works on it")
    doomed = victims()
    died = time.time()
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    httpx.delete(faults).raise_for_status()
    until(lambda: story().request["state"] == "delivered", "it is delivered", within=900)
    first, second = story().attempts[:2]
    # A bot that is told of the death (its task's, say) gives the request back by itself.
    assert first["ended_as"] in ("rescued", "released"), first["ended_as"]
    return [moment(first["ended_at"]) - died, moment(second["started_at"]) - died]


def measure() -> dict[str, Any]:
    """Median and longest over all deaths, each death's own, and the ratio to the peer."""
    numbers = itertools.count()
    back: dict[str, list[float]] = {}
    claimed: dict[str, list[float]] = {}
    with running_stack(linger_seconds=2, restart=True) as (plan, _, desk):
        victims = _Victims(plan)
        for victim in (
            victims.robot,
            victims.task,
            victims.supervisor,
            victims.worker,
            victims.scheduler,
        ):
            for _ in range(DEATHS_OF_EACH):
                to_queue, to_claim = _seconds(plan, desk, next(numbers), victim)
                back.setdefault(victim.__name__, []).append(round(to_queue, 1))
                claimed.setdefault(victim.__name__, []).append(round(to_claim, 1))
    return {
        "death_to_back_in_queue_s": _summary(back),
        "death_to_next_claim_s": _summary(claimed),
        "lease_and_grace_s": LEASE_SECONDS + GRACE_SECONDS,
        "next_claim_ratio": round(
            statistics.median(_all(claimed)) / (LEASE_SECONDS + GRACE_SECONDS), 2
        ),
    }


def _all(by_victim: dict[str, list[float]]) -> list[float]:
    return [seconds for each in by_victim.values() for seconds in each]


def _summary(by_victim: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "median": round(statistics.median(_all(by_victim)), 1),
        "longest": max(_all(by_victim)),
        **by_victim,
    }
