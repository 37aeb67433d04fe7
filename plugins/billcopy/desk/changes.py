"""What a representative may do with a request that is logged, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billcopy import request_queue
from billcopy.database import Connection
from billcopy.errors import IllegalTransition, InputError
from billcopy.model import Story

MAX_REASON = 300


@dataclass(frozen=True)
class Change:
    """A button: what it says, and what the page says when it was done."""

    name: str
    label: str
    done: str
    careful: bool = False


CHANGES = {
    change.name: change
    for change in (
        Change("release", "Release into the queue", "It is back in the queue."),
        Change("retry", "Try again", "It is back in the queue and will be tried again."),
        Change("hold", "Set aside", "It is set aside; nothing is sent until somebody releases it."),
        Change("priority", "Set priority", "Its priority is changed."),
        Change("look_after", "Seen to by hand", "It no longer waits for a person."),
        Change("cancel", "Cancel the request", "It is cancelled, or will be.", careful=True),
    )
}
REFUSED = {
    "twin_open": "The same is asked for by another request that is still open.",
    "erased": "Its personal data have been erased; log a new request.",
    "wrong_state": "It has changed meanwhile, and cannot be tried again now.",
}
CHANGED_MEANWHILE = "It has changed meanwhile; this is not possible now. Look at its state above."


def possible(told: Story) -> list[Change]:
    """What can be done with the request in its present state."""
    request = told.request
    state = request["state"]
    doubtful = any(row["state"] in ("sending", "in_doubt") for row in told.deliveries)
    names = []
    if state == "held" and not (doubtful and request["reason_code"] == "IN_DOUBT"):
        names.append("release")
    if state in ("failed", "partial", "rejected") and not request["erased"]:
        names.append("retry")
    if needs_seeing_to(request):
        names.append("look_after")
    if state == "queued":
        names.append("hold")
    if state in ("queued", "held"):
        names.append("priority")
    if state in ("queued", "claimed", "held") and not request["cancel_requested_at"]:
        names.append("cancel")
    return [CHANGES[name] for name in names]


def needs_seeing_to(request: Mapping[str, Any]) -> bool:
    """Whether it failed, its second chance too, and nobody has seen to it."""
    return bool(request["needs_a_person"] and request["state"] != "held")


def apply(connection: Connection, request_id: int, typed: Mapping[str, str], *, actor: str) -> str:
    """Do what the button says; returns the change's name.

    Raises:
        InputError: no reason, or no such change; the field says which.
        IllegalTransition: the request has changed meanwhile; the message is for the page.
        NotFound: there is no such request.
    """
    name, reason = typed.get("change", ""), reason_of(typed)
    who = {"actor": actor, "reason": reason}
    try:
        if name == "hold":
            request_queue.hold(connection, request_id, **who)
        elif name == "release":
            request_queue.release(connection, request_id, **who)
        elif name == "look_after":
            request_queue.look_after(connection, request_id, **who)
        elif name == "cancel":
            request_queue.cancel(connection, request_id, **who)
        elif name == "priority":
            level = {"1": 1, "2": 2, "3": 3}.get(typed.get("priority", ""), 0)
            request_queue.set_priority(connection, request_id, level, **who)
        elif name == "retry":
            outcome = request_queue.retry(connection, request_id, **who)
            if outcome != "requeued":
                raise IllegalTransition(REFUSED.get(outcome, CHANGED_MEANWHILE))
        else:
            raise InputError("change", "is not one of the buttons")
    except IllegalTransition as error:
        known = error.message in REFUSED.values()
        raise IllegalTransition(error.message if known else CHANGED_MEANWHILE) from None
    return name


def reason_of(typed: Mapping[str, str]) -> str:
    """The reason that was typed.

    Raises:
        InputError: there is none, or it cannot be kept.
    """
    reason = typed.get("reason", "").strip()
    if not reason:
        raise InputError("reason", "is missing; it stays in the request's story")
    if len(reason) > MAX_REASON or not reason.isprintable():
        raise InputError("reason", f"must have at most {MAX_REASON} printable characters")
    return reason
