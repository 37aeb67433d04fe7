"""The ways to kill that need the whole stack: Airflow's processes, Postgres, the portal."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import httpx
import psycopg2

from sandbox.chaos import strikes
from sandbox.chaos.living import Process, below, bots, parent_of, process
from sandbox.chaos.restoring import Restores
from sandbox.chaos.strikes import Strike
from sandbox.chaos.world import FAULTS, World
from sandbox.plan import Plan
from sandbox.secrets_and_settings import hand_over_portal_password
from sandbox.secrets_server.provision import read_portal_password

BACK_SECONDS = 60


def runner_of(plan: Plan) -> int:
    """The stack's runner: the child of ours that was told to run this home."""
    for one in below(os.getpid()):
        if "sandbox.up" in one.words and str(plan.home) in one.words:
            return one.pid
    raise RuntimeError("the stack's runner is not below this process")


@dataclass(frozen=True)
class StackStrikes:
    """Strikes on one stack, whose runner is the process `root`; copies grow so old at least."""

    plan: Plan
    root: int
    copy_seconds: float = 0

    def all(self) -> Mapping[str, Strike]:
        """Every target by name."""
        return {
            **strikes.OF_THE_BOT,
            "task": self._above_the_bot(1),
            "supervisor": self._above_the_bot(2),
            "scheduler": self._program("scheduler"),
            "api-server": self._program("api-server"),
            "triggerer": self._program("triggerer"),
            "postgres": self._postgres,
            "portal": self._portal,
            "restore": Restores(self.copy_seconds),
        }

    def server(self, name: str) -> Process | None:
        """One of the stack's programs, the child of its guard."""
        for guard in below(self.root):
            if "sandbox.guarded" not in guard.words or f"{self.plan.home}" not in str(guard.words):
                continue
            if guard.words[guard.words.index("--name") + 1] == name:
                return next(
                    (one for one in below(guard.pid) if parent_of(one.pid) == guard.pid), None
                )
        return None

    def _above_the_bot(self, generations: int) -> Strike:
        def strike(world: World, random: Random) -> str | None:
            reapers = bots(world.home).get("reaper", [])
            if not reapers:
                return None
            victim: Process = random.choice(reapers)
            for _ in range(generations):
                pid = parent_of(victim.pid)
                above = process(pid) if pid else None
                # An orphaned bot hangs below a guard: that one is ours, and all above it.
                if above is None or "sandbox.guarded" in above.words:
                    return None
                victim = above
            what = "task" if generations == 1 else "supervisor"
            return f"{what} {victim.pid} ({victim.words[0][:40]})" if strikes.kill(victim) else None

        return strike

    def _program(self, name: str) -> Strike:
        def strike(_world: World, _random: Random) -> str | None:
            victim = self.server(name)
            return f"{name} {victim.pid}" if victim and strikes.kill(victim) else None

        return strike

    def _postgres(self, world: World, random: Random) -> str | None:
        """The server: a crash, or a fast shutdown; then wait until it is back."""
        wrapper = self.server("postgres")
        if wrapper is None:
            return None
        postmaster = next(
            (one for one in below(wrapper.pid) if parent_of(one.pid) == wrapper.pid), None
        )
        crash = random.random() < 0.5
        if crash and postmaster is not None:
            strikes.kill(postmaster)
        strikes.kill(wrapper)
        if not _eventually(lambda: _answers(world)):
            raise RuntimeError("Postgres did not come back")
        return "postgres, crash" if crash else "postgres, fast shutdown"

    def _portal(self, world: World, _random: Random) -> str | None:
        """The portal ends, is told its password again and comes back; its lag is set anew."""
        victim = self.server("practice-portal")
        if victim is None:
            return None
        os.kill(victim.pid, signal.SIGTERM)
        token = (self.plan.home / "vault" / "root_token").read_text()
        password = read_portal_password(self.plan.vault_url, token)
        assert password is not None
        hand_over_portal_password(self.plan, password)
        if not _eventually(lambda: world.faults(**FAULTS)):
            raise RuntimeError("the portal did not come back")
        return f"portal {victim.pid} restarted"


def _answers(world: World) -> bool:
    try:
        return bool(world.query("select 1"))
    except psycopg2.Error:
        return False


def _eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + BACK_SECONDS
    while time.monotonic() < deadline:
        try:
            if condition():
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    return False
