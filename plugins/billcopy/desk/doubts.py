"""What became of a bill that may have been sent: one person says it, another one agrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billcopy import request_queue
from billcopy.database import Connection
from billcopy.desk.typed import number
from billcopy.errors import IllegalTransition, NotFound
from billcopy.model import Story

SAYINGS = {
    "sent": "It was sent",
    "not_sent": "It was not sent: send it again",
    "give_up": "Nobody can tell: never send it",
}
DONE = {
    "said": "That is noted. It counts as soon as another person agrees.",
    "agreed": "You agreed, and so it is decided.",
}
NOT_ALONE = "You have said it; another person must agree."
CHANGED_MEANWHILE = "It has changed meanwhile. Read again what stands here."


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """A bill that waits for two people; what one of them has said of it, or None."""

    delivery_id: int
    invoice: str
    decision_id: int | None
    decision: str | None
    said_by: str | None
    why: str | None
    is_cancelled: bool

    def is_said_by(self, name: str) -> bool:
        """Whether it was this person, who may not agree with themselves."""
        return (self.said_by or "").strip().lower() == name.strip().lower()

    @property
    def sayings(self) -> Mapping[str, str]:
        """What can be said of it; what is to be cancelled is not sent again."""
        return {**SAYINGS, "not_sent": "It was not sent"} if self.is_cancelled else SAYINGS


def waiting(told: Story) -> list[Doubt]:
    """The bills of a request that wait for two people."""
    request = told.request
    if request["state"] != "held" or request["reason_code"] != "IN_DOUBT":
        return []
    found = []
    for row in told.deliveries:
        if row["state"] == "in_doubt":
            said = row["decision_asked"] or {}
            found.append(
                Doubt(
                    delivery_id=row["id"],
                    invoice=row["invoice_number"],
                    decision_id=said.get("id"),
                    decision=said.get("decision"),
                    said_by=said.get("asked_by"),
                    why=said.get("reason"),
                    is_cancelled=bool(request["cancel_requested_at"]),
                )
            )
    return found


def check(told: Story, typed: Mapping[str, str], *, actor: str) -> Doubt:
    """The bill that is decided about, if it still stands as the person has read it.

    Raises:
        IllegalTransition: it does not, or they would agree with themselves, or that is none of the
            buttons; the message is for the page.
    """
    delivery_id = number(typed.get("delivery"))
    doubt = next((one for one in waiting(told) if one.delivery_id == delivery_id), None)
    if doubt is None or doubt.decision_id != number(typed.get("read")):
        raise IllegalTransition(CHANGED_MEANWHILE)
    if typed.get("say") in SAYINGS:
        return doubt
    if typed.get("say") != "agree" or doubt.decision_id is None:
        raise IllegalTransition(CHANGED_MEANWHILE)
    if doubt.is_said_by(actor):
        raise IllegalTransition(NOT_ALONE)
    return doubt


def decide(
    operations: Connection, doubt: Doubt, typed: Mapping[str, str], *, actor: str, reason: str
) -> str:
    """Say what became of a bill, or agree with what was said; returns which of `DONE` it was.

    `operations` is a connection of the login that may decide.

    Raises:
        IllegalTransition: it has changed since the check; the message is for the page.
    """
    who = {"actor": actor, "reason": reason}
    try:
        if typed["say"] == "agree" and doubt.decision_id is not None:
            request_queue.approve_doubt(operations, doubt.decision_id, **who)
            return "agreed"
        request_queue.decide_doubt(
            operations, doubt.delivery_id, typed["say"], instead_of=doubt.decision_id, **who
        )
    except (IllegalTransition, NotFound):
        raise IllegalTransition(CHANGED_MEANWHILE) from None
    return "said"
