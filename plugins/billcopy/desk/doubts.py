"""What became of a bill that may have been sent: one person says it, another one agrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from billcopy import request_queue
from billcopy.database import Connection
from billcopy.desk import changes
from billcopy.desk.typed import number
from billcopy.errors import IllegalTransition, InputError, NotFound, NotPermitted
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
    """A bill that waits for a decision; `asked` is what one person has said of it, or None."""

    delivery_id: int
    invoice: str
    asked: str | None
    asked_by: str | None
    why: str | None

    def is_asked_by(self, name: str) -> bool:
        """Whether it was this person, who may not agree with themselves."""
        return (self.asked_by or "").strip().lower() == name.strip().lower()


def waiting(told: Story) -> list[Doubt]:
    """The bills of a request that wait for two people."""
    if told.request["state"] != "held":
        return []
    found = []
    for row in told.deliveries:
        if row["state"] == "in_doubt":
            asked = row["decision_asked"] or {}
            found.append(
                Doubt(
                    delivery_id=row["id"],
                    invoice=row["invoice_number"],
                    asked=asked.get("decision"),
                    asked_by=asked.get("asked_by"),
                    why=asked.get("reason"),
                )
            )
    return found


def decide(operations: Connection, told: Story, typed: Mapping[str, str], *, actor: str) -> str:
    """Say what became of a bill, or agree with what was said; returns which of `DONE` it was.

    `operations` is a connection of the login that may decide.

    Raises:
        InputError: no reason, or none of the buttons.
        IllegalTransition: the bill is not this request's, or has changed since the page was read;
            the message is for the page.
        NotPermitted: the person agrees with themselves; the message is for the page.
    """
    delivery_id = number(typed.get("delivery"))
    if delivery_id not in [one.delivery_id for one in waiting(told)]:
        raise IllegalTransition(CHANGED_MEANWHILE)
    assert delivery_id is not None
    who = {"actor": actor, "reason": changes.reason_of(typed)}
    says, agrees = typed.get("say", ""), typed.get("agree", "")
    try:
        if agrees in SAYINGS:
            request_queue.approve_doubt(operations, delivery_id, agrees, **who)
            return "agreed"
        if says not in SAYINGS:
            raise InputError("say", "is not one of the buttons")
        request_queue.decide_doubt(operations, delivery_id, says, **who)
    except NotPermitted:
        raise NotPermitted(NOT_ALONE) from None
    except (IllegalTransition, NotFound):
        raise IllegalTransition(CHANGED_MEANWHILE) from None
    return "said"
