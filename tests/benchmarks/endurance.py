"""A long day of one bot: does its memory grow, and what do faults cost.

Every request is for two bills. The peer of the throughput with faults is the same bot at the same
portal without any, in the same run.
"""

from __future__ import annotations

import contextlib
import itertools
import statistics
from collections.abc import Callable
from random import Random
from typing import Any

import httpx

from billcopy import request_queue
from billcopy.bot.launch import Bot, launch
from billcopy.bot.order import StopReason
from billcopy.model import NewRequest
from sandbox.chaos.feeding import Ask, asks
from tests.benchmarks.bench import Bench, running
from tests.benchmarks.requests import Memory

MEMORY_REQUESTS = 500
STRETCHES, STRETCH_REQUESTS = 2, 60
EVERY = 20  # one request in so many meets a fault: 5 %
# What is played in turn to the request just taken; each ends by itself.
FAULTS: tuple[dict[str, Any], ...] = (
    {"http_500": 1},
    {"session_expiry_after": 2},
    {"send_then_crash": 1},
    {"says_sent_but_did_not": 1},
)


def _submit(bench: Bench, wanted: list[Ask]) -> None:
    for ask in wanted:
        request = NewRequest(
            portal="practice",
            account=ask.account,
            period_from=ask.period_from,
            period_to=ask.period_to,
            source="bench",
            source_key=f"{ask.account}/{ask.period_from}",
        )
        request_queue.submit(bench.desk, request, actor="bench")


def _run(
    bench: Bench,
    name: str,
    say: Callable[[str], None],
    *,
    linger_seconds: int = 0,
    on_start: Callable[[Bot], None] | None = None,
) -> float:
    """Drain the queue; returns requests a minute, from the first claim to the last settlement."""
    while True:
        order = bench.order(dag_run_id=name, linger_seconds=linger_seconds)
        stop = launch(order, on_line=say, on_start=on_start)
        assert stop is StopReason.DRAINED, stop
        (left, finished, undelivered, seconds), *_ = _look(bench, name)
        assert not undelivered, f"{undelivered} requests were not delivered"
        if not left:
            return 60.0 * finished / seconds


def _look(bench: Bench, name: str) -> list[Any]:
    with contextlib.closing(bench.server.connect("billcopy")) as admin:
        cursor = admin.cursor()
        cursor.execute(
            "select count(distinct r.id) filter (where r.finished_at is null),"
            " count(distinct r.id) filter (where r.finished_at is not null),"
            " count(distinct r.id) filter (where r.finished_at is not null"
            " and r.state <> 'delivered'),"
            " extract(epoch from max(a.ended_at) - min(a.started_at))::float"
            " from billcopy.attempts a inner join billcopy.bot_runs b on b.id = a.bot_run_id"
            " inner join billcopy.requests r on r.id = a.request_id where b.dag_run_id = %s",
            (name,),
        )
        return cursor.fetchall()


def _mean(samples: list[float]) -> float:
    return sum(samples) / len(samples)


def measure_memory() -> dict[str, Any]:
    """MiB of the bot's processes early and late in a long run."""
    with running() as bench:
        _submit(bench, list(itertools.islice(asks(Random(1)), MEMORY_REQUESTS)))
        memory = Memory()
        _run(bench, "endurance", memory.line, on_start=memory.started)
        samples = memory.samples
        return {
            "requests": len(samples),
            "second_100_mib": round(_mean(samples[100:200])),
            "last_100_mib": round(_mean(samples[-100:])),
            "ratio": round(_mean(samples[-100:]) / _mean(samples[100:200]), 3),
        }


def measure_faults() -> dict[str, Any]:
    """Requests a minute with a fault in every twentieth request, relative to none.

    Clean and faulty stretches alternate, so that a busy moment of the machine meets both.
    """
    with running() as bench:
        wanted = asks(Random(1))
        taken = itertools.count(1)
        faults = itertools.cycle(FAULTS)

        def play(said: str) -> None:
            if ": account" in said and next(taken) % EVERY == 0:
                url = f"{bench.portal_url}/_sandbox/faults"
                httpx.put(url, json=next(faults), trust_env=False).raise_for_status()

        figures: dict[str, list[float]] = {"clean": [], "with_5_percent_faults": []}
        for stretch in range(STRETCHES):
            for kind, say in (("clean", lambda _: None), ("with_5_percent_faults", play)):
                _submit(bench, list(itertools.islice(wanted, STRETCH_REQUESTS)))
                figures[kind].append(_run(bench, f"{kind} {stretch}", say, linger_seconds=5))
        clean, faulty = (statistics.harmonic_mean(each) for each in figures.values())
        return {
            **{f"{k}_a_minute": [round(each, 1) for each in v] for k, v in figures.items()},
            "faults_played": (next(taken) - 1) // EVERY,
            "ratio": round(faulty / clean, 2),
        }
