"""Reads what came of a run: for the judge, and the seconds from each death to the next claim."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.chaos.feeding import Ask
from sandbox.chaos.judge import Event, Sent, Trail, Verdict, judge
from sandbox.chaos.moments import InHand
from sandbox.chaos.world import World

# How an attempt ends that somebody else ended: taken back, given back by a bot that was told to
# stop, or ended by the fault that the kill was to it.
_CUT_SHORT = ("rescued", "released", "retried")


@dataclass(frozen=True, kw_only=True)
class Death:
    """One kill: what, when it was meant to fall, what was in hand. `at` by the database's clock."""

    number: int
    target: str
    moment: str
    victim: str
    at: float
    in_hand: InHand | None


def trails(world: World) -> dict[int, Trail]:
    """All requests with what belongs to them."""
    deliveries: dict[int, dict[str, tuple[str, str, str | None]]] = defaultdict(dict)
    for request, number, invoice, state, proof in world.query(
        "select request_id, id::text, invoice_number, state, proof_kind from billcopy.deliveries"
    ):
        deliveries[request][number] = (invoice, state, proof)
    attempts: dict[int, list[bool]] = defaultdict(list)
    for request, ended in world.query(
        "select request_id, ended_at is not null from billcopy.attempts order by id"
    ):
        attempts[request].append(ended)
    events: dict[int, list[Event]] = defaultdict(list)
    for request, at, entity, entity_id, before, after in world.query(
        "select request_id, at, entity, entity_id, from_state, to_state from billcopy.events"
        " where request_id is not null order by id"
    ):
        events[request].append(
            Event(at=at, entity=entity, entity_id=entity_id, from_state=before, to_state=after)
        )
    return {
        request: Trail(
            state=state,
            deliveries=deliveries[request],
            attempts=attempts[request],
            events=events[request],
        )
        for request, state in world.query("select id, state from billcopy.requests")
    }


def verdict(world: World, asked: Mapping[int, Ask]) -> Verdict:
    """Ask the three witnesses and judge."""
    legal = {
        "request": set(
            world.query("select from_state, to_state from billcopy.request_transitions")
        ),
        "delivery": set(
            world.query("select from_state, to_state from billcopy.delivery_transitions")
        ),
    }
    mails: list[Sent] = [
        (mail.recipient, number) for mail in world.mails() for number in mail.invoices
    ]
    log = [(row["recipient"], row["invoice"]) for row in world.portal_state()["sent"]]
    return judge(asked, mails=mails, log=log, trails=trails(world), legal=legal)


def resumed_after(world: World, deaths: Sequence[Death]) -> list[float]:
    """Seconds from each death that cost a bot its request to that request's next claim.

    What a restore undid is not in the database any more, and does not count.
    """
    began = {
        (request, epoch): (at, ended_as)
        for request, epoch, at, ended_as in world.query(
            "select request_id, epoch, extract(epoch from started_at)::float, ended_as"
            " from billcopy.attempts"
        )
    }
    found = []
    for death in deaths:
        if death.in_hand is None or any(began <= death.at <= ended for began, ended in world.lost):
            continue
        this = (death.in_hand.request_id, death.in_hand.epoch)
        after = began.get((this[0], this[1] + 1))
        if began.get(this, (0, None))[1] in _CUT_SHORT and after is not None:
            found.append(after[0] - death.at)
    return found


def story(world: World, request_id: int) -> str:
    """The whole story of one request as text, for a failed run's report."""
    rows = world.query(
        "select at, entity, event, from_state, to_state, reason_code, actor"
        " from billcopy.events where request_id = %s order by id",
        request_id,
    )
    return json.dumps(rows, default=str, indent=1)
