"""One whole run on the real stack: start, feed, kill, drain, judge, stop, and the control."""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from billcopy.settings import PROJECT_ROOT
from sandbox import stack
from sandbox.chaos import findings, living
from sandbox.chaos.campaign import Campaign
from sandbox.chaos.control import Control, run_control
from sandbox.chaos.drain import drain, left_of_bots, no_bot_left
from sandbox.chaos.feeding import Feeder
from sandbox.chaos.judge import Verdict
from sandbox.chaos.stack_strikes import StackStrikes, runner_of
from sandbox.chaos.view import View
from sandbox.chaos.world import world_of
from sandbox.plan import Plan, free_ports

HOME = PROJECT_ROOT / "var" / "chaos"
REPORT = PROJECT_ROOT / "var" / "chaos.json"
LINGER_SECONDS = 8
HEARTBEAT_SECONDS = 60  # a restarted api-server must come back within; the usual 120 only wait
DRAIN_SECONDS = 600.0
DRAIN_SECONDS_A_REQUEST = 4.0  # a restore may have put every one of them back into the queue
BOTS_END_SECONDS = 60.0
CONTROL_KILLS = 10


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a run is asked for."""

    kills: int
    seed: int
    requests: int
    what: tuple[str, ...]
    minutes: float
    copy_minutes: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything a run found out."""

    options: Options
    verdict: Verdict
    control: Control
    deaths: tuple[findings.Death, ...]
    resumed: tuple[float, ...]
    copies: tuple[float, ...]
    left: tuple[str, ...]
    seconds: float

    @property
    def faults(self) -> list[str]:
        """Why the run failed; empty if it did not."""
        faults = [*self.verdict.faults, *(f"left over: {one}" for one in self.left)]
        if len(self.deaths) < self.options.kills:
            faults.append(f"only {len(self.deaths)} of {self.options.kills} kills were made")
        if max(self.copies, default=0) < self.options.copy_minutes * 60:
            faults.append(f"no copy of {self.options.copy_minutes:g} minutes was put back")
        if not self.control.duplicates:
            faults.append("the control sent no duplicate: the check proves nothing")
        return faults

    def figures(self) -> dict[str, Any]:
        """What stands in the report."""
        verdict, resumed = self.verdict, self.resumed
        return {
            "kills": len(self.deaths),
            "seed": self.options.seed,
            "requests": verdict.requests,
            "invoices": verdict.invoices,
            "mails": verdict.mails,
            "duplicates": verdict.duplicates,
            "lost": verdict.lost,
            "left_claimed": verdict.left_claimed,
            "left_processes": len(self.left),
            "control_kills": self.control.kills,
            "control_invoices": self.control.invoices,
            "control_duplicates": self.control.duplicates,
            "deaths_in_mid_request": len(resumed),
            "resumed_median_seconds": round(statistics.median(resumed), 1) if resumed else None,
            "resumed_max_seconds": round(max(resumed), 1) if resumed else None,
            "copies_put_back": len(self.copies),
            "oldest_copy_seconds": round(max(self.copies, default=0)),
            "kills_by_target": dict(Counter(one.target for one in self.deaths)),
            "kills_by_moment": dict(Counter(one.moment for one in self.deaths)),
            "seconds": round(self.seconds),
            "faults": self.faults,
        }

    def write(self, report: Path) -> None:
        """Write the report."""
        content = {**self.figures(), "deaths": [asdict(one) for one in self.deaths]}
        report.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def run(options: Options, view: View) -> Result:
    """Run it; nothing is left over afterwards."""
    began = time.monotonic()
    random = Random(options.seed)
    shutil.rmtree(HOME / "control", ignore_errors=True)
    view.say("The control first: click, then checkpoint, killed at the same moments")
    control = run_control(
        HOME / "control", Random(options.seed), kills=min(options.kills, CONTROL_KILLS)
    )
    view.say(f"The control sent {control.duplicates} duplicates in {control.kills} kills")
    plan = Plan(
        home=HOME,
        ports=free_ports(),
        fresh=True,
        linger_seconds=LINGER_SECONDS,
        restart=True,
        task_heartbeat_timeout=HEARTBEAT_SECONDS,
    )
    left: list[str] = []
    HOME.mkdir(parents=True, exist_ok=True)
    with _log() as log, stack.running(plan, output=log) as _:
        copy_seconds = options.copy_minutes * 60
        world = world_of(plan)
        strikes = StackStrikes(plan, runner_of(plan), copy_seconds)
        world.configure()
        view.say(f"Airflow is {plan.airflow_url}; healthy after {time.monotonic() - began:.0f} s")
        known = strikes.all()
        targets = {name: known[name] for name in options.what or known}
        feeder = Feeder(world, random, at_least=options.requests)
        campaign = Campaign(world, targets, random, say=view.say)
        feeder.start()
        with contextlib.suppress(TimeoutError):
            campaign.run(
                options.kills,
                seconds=options.minutes * 60,
                also=lambda: max(world.copies_put_back, default=0) >= copy_seconds,
            )
        feeder.enough()
        view.say(f"{len(campaign.deaths)} kills made; waiting until the queue is empty")
        drain(world, seconds=DRAIN_SECONDS + DRAIN_SECONDS_A_REQUEST * len(feeder.asked))
        verdict = findings.verdict(world, feeder.asked)
        resumed = findings.resumed_after(world, campaign.deaths)
        if not no_bot_left(world, seconds=BOTS_END_SECONDS):
            left += [_told(one) for one in left_of_bots(world)]
        world.close()
        before = living.below(strikes.root)
    left += [_told(one) for one in {*before, *living.of_home(HOME)} if one.lives()]
    return Result(
        options=options,
        verdict=verdict,
        control=control,
        deaths=tuple(campaign.deaths),
        resumed=tuple(resumed),
        copies=tuple(world.copies_put_back),
        left=tuple(left),
        seconds=time.monotonic() - began,
    )


@contextlib.contextmanager
def _log() -> Iterator[int]:
    with (HOME / "stack.log").open("w") as file:
        yield file.fileno()


def _told(one: living.Process) -> str:
    return f"{one.role or 'process'} {one.pid}: {' '.join(one.words)[:100]}"


def told_targets() -> Sequence[str]:
    """All that can be killed."""
    return list(StackStrikes(Plan(home=HOME, ports=free_ports()), 0).all())
