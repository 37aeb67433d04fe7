"""Holds what was asked, what was mailed and what the queue says against each other: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from sandbox.chaos.feeding import Ask

Sent = tuple[str, str]
"""Recipient and invoice number."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One row of the event trail."""

    at: datetime
    entity: str
    entity_id: str
    from_state: str | None
    to_state: str | None


@dataclass(frozen=True, kw_only=True)
class Trail:
    """What the database knows about one request."""

    state: str
    deliveries: Mapping[str, tuple[str, str, str | None]]
    """Delivery id to invoice number, state, and kind of proof."""
    attempts: Sequence[bool]
    """Per attempt whether it has ended."""
    events: Sequence[Event]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The figures, and everything that is not as it must be."""

    requests: int
    invoices: int
    mails: int
    duplicates: int
    lost: int
    left_claimed: int
    faults: tuple[str, ...] = field(default=())


def judge(
    asked: Mapping[int, Ask],
    *,
    mails: Sequence[Sent],
    log: Sequence[Sent],
    trails: Mapping[int, Trail],
    legal: Mapping[str, set[tuple[str, str]]],
) -> Verdict:
    """Compare; `legal` are the transitions of requests and deliveries, `log` the portal's own."""
    wanted = Counter((ask.recipient, number) for ask in asked.values() for number in ask.invoices)
    arrived = Counter(mails)
    faults = [
        f"{number} was mailed to {to} {times} times"
        for (to, number), times in arrived.items()
        if times > 1
    ]
    faults += [f"{number} was never mailed to {to}" for to, number in wanted - arrived]
    faults += [
        f"nobody asked to mail {number} to {to}" for to, number in arrived.keys() - wanted.keys()
    ]
    if Counter(log) != arrived:
        faults.append(f"the portal's log has {len(log)} rows for {len(mails)} mails, or others")
    for request_id, ask in asked.items():
        trail = trails.get(request_id)
        if trail is None:
            faults.append(f"request {request_id} is not in the database")
            continue
        faults += [
            f"request {request_id}: {words}" for words in _of_one(trail, ask, legal, request_id)
        ]
    return Verdict(
        requests=len(asked),
        invoices=wanted.total(),
        mails=len(mails),
        duplicates=sum(times - 1 for times in arrived.values()),
        lost=(wanted - arrived).total(),
        left_claimed=sum(one.state == "claimed" for one in trails.values()),
        faults=tuple(faults),
    )


def _of_one(
    trail: Trail, ask: Ask, legal: Mapping[str, set[tuple[str, str]]], request_id: int
) -> list[str]:
    faults = []
    if trail.state != "delivered":
        faults.append(f"is {trail.state}")
    proven = sorted(
        number
        for number, state, proof in trail.deliveries.values()
        if (state, proof) == ("confirmed", "sent_log")
    )
    if proven != sorted(ask.invoices):
        faults.append(f"proven are {proven}, asked were {sorted(ask.invoices)}")
    if not all(trail.attempts):
        faults.append("an attempt has no end")
    claims = sum(one.entity == "request" and one.to_state == "claimed" for one in trail.events)
    if claims != len(trail.attempts):
        faults.append(f"{claims} claims in the trail, but {len(trail.attempts)} attempts")
    ends = {("request", str(request_id)): trail.state}
    ends |= {("delivery", one): state for one, (_, state, _) in trail.deliveries.items()}
    for (entity, entity_id), state in ends.items():
        events = [one for one in trail.events if (one.entity, one.entity_id) == (entity, entity_id)]
        faults += _chain(entity, events, state, legal[entity])
    return faults


def _chain(
    entity: str, events: Sequence[Event], end: str, legal: set[tuple[str, str]]
) -> list[str]:
    changes = [one for one in events if one.to_state is not None]
    if not changes or changes[0].from_state is not None:
        return [f"the trail of its {entity} has no beginning"]
    faults = []
    for before, after in pairwise(changes):
        if after.from_state != before.to_state:
            faults.append(
                f"gap in the trail of its {entity}: {before.to_state}, {after.from_state}"
            )
        if (after.from_state, after.to_state) not in legal:
            faults.append(f"illegal change of its {entity}: {after.from_state} to {after.to_state}")
        if after.at < before.at:
            faults.append(f"the trail of its {entity} goes back in time")
    if changes[-1].to_state != end:
        faults.append(f"the trail of its {entity} ends as {changes[-1].to_state}, it is {end}")
    return faults
