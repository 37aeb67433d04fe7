"""The ways to kill that need no Airflow: parts of the bot, its backend, its time."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Mapping
from random import Random

import psycopg2

from sandbox.chaos import timings
from sandbox.chaos.living import Process, bots
from sandbox.chaos.world import World

Strike = Callable[[World, Random], str | None]
"""Kills something and says what; None if there was nothing to kill."""

_BACKENDS = """
select a.pid from pg_stat_activity as a where a.usename = 'billcopy_bot' and a.datname = 'billcopy'
order by exists (select from pg_locks as l where l.pid = a.pid and l.locktype = 'advisory') desc
"""


def kill(victim: Process) -> bool:
    """SIGKILL, if it is still the one that was found."""
    if not victim.lives():
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim.pid, signal.SIGKILL)
        return True
    return False


def of_the_bot(*roles: str) -> Strike:
    """Kill one process of the bot with one of these roles."""

    def strike(world: World, random: Random) -> str | None:
        living = bots(world.home)
        victims = [one for role in roles for one in living.get(role, [])]
        if not victims:
            return None
        victim = random.choice(victims)
        return f"{victim.role} {victim.pid}" if kill(victim) else None

    return strike


def backend(world: World, random: Random) -> str | None:
    """Cut one of the bot's connections: the writing one, or the one that renews the lease."""
    try:
        found = world.query(_BACKENDS.replace("'billcopy'", "%s"), world.admin["dbname"])
        if not found:
            return None
        (pid,) = found[0] if random.random() < 0.7 else random.choice(found)
        world.query("select pg_terminate_backend(%s)", pid)
    except psycopg2.Error:
        return None
    return f"backend {pid}"


def freeze(world: World, random: Random) -> str | None:
    """Stop a bot's own process until its lease has long run out, then let it go on."""
    victims = bots(world.home).get("robot", [])
    if not victims:
        return None
    victim = random.choice(victims)
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim.pid, signal.SIGSTOP)
        least = timings.LEASE_SECONDS + timings.GRACE_SECONDS
        seconds = random.uniform(least - 1, least + 6)
        time.sleep(seconds)
        if victim.lives():
            os.kill(victim.pid, signal.SIGCONT)
            return f"robot {victim.pid} frozen for {seconds:.1f} s, thawed"
        return f"robot {victim.pid} frozen, ended by the rescue"
    return None


OF_THE_BOT: Mapping[str, Strike] = {
    "robot": of_the_bot("robot"),
    "chromium": of_the_bot("chromium", "chromium helper"),
    "node": of_the_bot("node"),
    "reaper": of_the_bot("reaper"),
    "backend": backend,
    "freeze": freeze,
}
