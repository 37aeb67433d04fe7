"""The strike `restore`: an older copy of the queue is put back, as operations would do it.

A turn makes the copy; a later one puts it back when it is old enough. Airflow's own database stays.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from random import Random

import psycopg2

from billcopy import request_queue
from billcopy.database import Connection, connect_to
from sandbox import copies
from sandbox.chaos import strikes
from sandbox.chaos.living import bots
from sandbox.chaos.world import ACTOR, World

_LOGINS = ("billcopy_bot", "billcopy_desk")  # what may claim, and what may submit
TRIES = 20


class Restores:
    """One world's copies, put back when they are `age_seconds` old; called, it is a strike."""

    def __init__(self, age_seconds: float = 0) -> None:
        self._age_seconds = age_seconds
        self._copied_at: float | None = None

    def __call__(self, world: World, random: Random) -> str | None:
        """Make a copy, or put the one that was made back and say so to the queue."""
        if self._copied_at is None:
            self._copied_at = _now(world)
            _patiently(world, copies.keep)
            return None
        if _now(world) - self._copied_at < self._age_seconds:
            return None
        since, self._copied_at = self._copied_at, None
        old_bots_live = random.random() < 0.5
        with _nobody_comes_in(world):
            if not old_bots_live:
                _end_the_bots(world)
            _patiently(world, copies.put_back)
            with contextlib.closing(connect_to(world.ops)) as connection:
                told = request_queue.mark_restored(
                    connection,
                    "practice",
                    since=datetime.fromtimestamp(since, UTC),
                    actor=ACTOR,
                    reason="the copy was put back",
                )
        restored_at = _now(world)
        world.lost.append((since, restored_at))
        how = "old bots alive" if old_bots_live else "old bots ended"
        return f"database {restored_at - since:.0f} s older, {told.waiting} wait, {how}"


def _now(world: World) -> float:
    return float(world.query("select extract(epoch from clock_timestamp())::float")[0][0])


@contextlib.contextmanager
def _nobody_comes_in(world: World) -> Iterator[None]:
    """No bot and no representative can sign in to the database meanwhile."""
    for login in _LOGINS:
        world.query(f"alter role {login} nologin")
    try:
        yield
    finally:
        for login in _LOGINS:
            world.query(f"alter role {login} login")


def _end_the_bots(world: World) -> None:
    for victim in bots(world.home).get("reaper", []):
        strikes.kill(victim)


def _patiently(world: World, copying: Callable[[Connection, str], None]) -> None:
    """Programs of the stack connect again at once; one of them may be in the way."""
    for left in range(TRIES - 1, -1, -1):
        try:
            with contextlib.closing(_admin(world)) as admin:
                copying(admin, world.admin["dbname"])
            return
        except psycopg2.Error:
            if not left:
                raise
            time.sleep(0.5)


def _admin(world: World) -> Connection:
    connection: Connection = psycopg2.connect(
        **{**world.admin, "dbname": "postgres"}, connect_timeout=5
    )
    connection.autocommit = True
    return connection
