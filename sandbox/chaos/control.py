"""The control: a worker in the naive order under the same kinds of kills. It must send duplicates.

A check that cannot fail proves nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx

from billcopy.settings import PROJECT_ROOT
from sandbox import mail_sink, practice_portal
from sandbox.chaos import timings
from sandbox.chaos.feeding import asks

START_SECONDS = 20


@dataclass(frozen=True, kw_only=True)
class Control:
    """What became of the naive order."""

    kills: int
    invoices: int
    mails: int
    duplicates: int


def run_control(folder: Path, random: Random, *, kills: int) -> Control:
    """The naive worker on a practice portal of its own, killed at the same kinds of moments."""
    jobs = folder / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [
        (number, ask.recipient)
        for _, ask in zip(range(kills), asks(random), strict=False)
        for number in ask.invoices
    ]
    jobs.write_text("".join(f"{number}\t{recipient}\n" for number, recipient in wanted))
    with (
        mail_sink.running(folder / "mail") as sink,
        practice_portal.running(
            folder / "portal", smtp_port=sink.port, sent_log_lag_seconds=timings.LOG_LAG_SECONDS
        ) as portal,
    ):
        order = {
            "url": portal.url,
            "user": portal.username,
            "password": portal.password,
            "jobs": str(jobs),
            "done": str(folder / "done"),
        }
        faults = {"latency_ms": 150, "latency_path": "/invoices/.*/email", "latency_when": "after"}
        httpx.put(f"{portal.url}/_sandbox/faults", json=faults, trust_env=False)
        done = 0
        while done < kills:
            worker = _start(order)
            seen = _sends(portal.url)
            deadline = time.monotonic() + START_SECONDS
            while _sends(portal.url) == seen and worker.poll() is None:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.5))
            if worker.poll() is not None:
                break  # all is sent
            worker.send_signal(signal.SIGKILL)
            worker.wait()
            done += 1
        _start(order).wait()
        arrived = Counter(
            (mail.recipient, number) for mail in sink.mails() for number in mail.invoices
        )
    return Control(
        kills=done,
        invoices=len(wanted),
        mails=arrived.total(),
        duplicates=sum(times - 1 for times in arrived.values()),
    )


def _sends(url: str) -> int:
    return int(httpx.get(f"{url}/_sandbox/state", trust_env=False).json()["send_posts"])


def _start(order: dict[str, str]) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-m", "sandbox.chaos.naive"],
        stdin=subprocess.PIPE,
        text=True,
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT / "plugins")},
    )
    assert worker.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.write(json.dumps(order) + "\n")
        worker.stdin.close()
    return worker
