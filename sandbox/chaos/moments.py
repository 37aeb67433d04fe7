"""Waits for a moment worth dying in, seen in the database from outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import psycopg2

from sandbox.chaos import timings
from sandbox.chaos.world import World

POLL_SECONDS = 0.01
_IN_HAND = """
select
    r.id, r.lease_epoch,
    count(*) filter (where d.state = 'planned'),
    count(*) filter (where d.state = 'sending' and d.clicked_at is null),
    count(*) filter (where d.state in ('sending', 'in_doubt') and d.clicked_at is not null),
    count(*) filter (where d.state = 'confirmed')
from billcopy.requests as r left join billcopy.deliveries as d on r.id = d.request_id
where r.state = 'claimed' and r.lease_until > clock_timestamp() group by r.id
"""


@dataclass(frozen=True)
class InHand:
    """The request that a bot has in hand, and how far its deliveries are."""

    request_id: int
    epoch: int
    planned: int
    permitted: int
    clicked: int
    confirmed: int


def in_hand(world: World) -> InHand | None:
    """The request in hand, if there is one and the database answers."""
    try:
        found = world.query(_IN_HAND)
    except psycopg2.Error:
        return None
    return InHand(*found[0]) if found else None


MOMENTS: dict[str, Callable[[InHand], bool]] = {
    "before intent": lambda it: it.planned > 0 and not it.permitted,
    "after intent": lambda it: it.permitted > 0,
    "during the click": lambda it: it.permitted > 0,
    "after the click": lambda it: it.clicked > 0,
    "before confirm": lambda it: it.clicked > 0 and not it.planned and not it.permitted,
    "before settle": lambda it: it.confirmed > 0 and not (it.planned or it.permitted or it.clicked),
    "random": lambda _it: True,
}
_FURTHER = {  # seconds after the moment was seen
    "before intent": 0.4,
    "during the click": timings.LATENCY_MS / 1000 * 0.8,
    "after the click": 0.2,
    "before confirm": 1.2,
    "random": 3.0,
}


def wait_for(world: World, moment: str, random: Random, *, seconds: float) -> InHand | None:
    """Wait for the moment, then a little more; what was in hand then, or None if it did not come.

    A send that a kill is to fall into is slowed down: by chance before the bank acts on it, or
    after, so that the mail goes out when nobody waits for the answer any more.
    """
    slow = moment == "during the click"
    if slow:
        when = random.choice(["before", "after"])
        world.faults(
            latency_ms=timings.LATENCY_MS, latency_path="/invoices/.*/email", latency_when=when
        )
    try:
        give_up_at = time.monotonic() + seconds
        while time.monotonic() < give_up_at:
            found = in_hand(world)
            if found is not None and MOMENTS[moment](found):
                time.sleep(random.uniform(0, _FURTHER.get(moment, 0.0)))
                return in_hand(world) or found
            time.sleep(POLL_SECONDS if found else 0.2)
        return None
    finally:
        if slow:
            world.faults(latency_ms=0)
