"""Waits until the product has cleared up by itself."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg2

from sandbox.chaos.living import BOT_ROLES, Process, bots
from sandbox.chaos.world import World

LOOK_SECONDS = 0.5
_OPEN = "select state, count(*) from billcopy.requests group by state"


def drain(world: World, *, seconds: float) -> bool:
    """Wait until no request is queued or claimed; False if some still are by then."""
    return _until(seconds, lambda: not {"queued", "claimed"} & _states(world).keys())


def _states(world: World) -> dict[str, int]:
    try:
        return dict(world.query(_OPEN))
    except psycopg2.Error:
        return {"queued": -1}


def no_bot_left(world: World, *, seconds: float) -> bool:
    """Wait until no process of any bot lives."""
    return _until(seconds, lambda: not left_of_bots(world))


def left_of_bots(world: World) -> list[Process]:
    """What lives of any bot."""
    found = bots(world.home)
    roles = (*BOT_ROLES, "chromium helper")
    return [one for role in roles for one in found.get(role, []) if one.lives()]


def _until(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    return True
