"""What a representative does with requests; login `billcopy_desk`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from billcopy.database import Connection, row
from billcopy.model import NewRequest, Story, Submitted


def submit(connection: Connection, request: NewRequest, *, actor: str) -> Submitted:
    """Enter a request; the same source and source key enter once.

    Raises:
        InputError: a value breaks a rule; field and rule are named.
        AlreadyOpen: the same portal, account, period and recipient are open already.
    """
    return Submitted(**row(connection, "submit_request", **asdict(request), actor=actor))


def cancel(connection: Connection, request_id: int, *, actor: str, reason: str) -> str:
    """Cancel now, or ask the bot to where it has it in hand; returns the state it has now."""
    parameters = {"request_id": request_id, "actor": actor, "reason": reason}
    return str(row(connection, "cancel_request", **parameters)["state"])


def hold(connection: Connection, request_id: int, *, actor: str, reason: str) -> str:
    """Keep a queued request from the bot; returns the state it has now."""
    parameters = {"request_id": request_id, "actor": actor, "reason": reason}
    return str(row(connection, "hold_request", **parameters)["state"])


def release(connection: Connection, request_id: int, *, actor: str, reason: str) -> str:
    """Give a held request back to the queue; waives the limit that held it."""
    parameters = {"request_id": request_id, "actor": actor, "reason": reason}
    return str(row(connection, "release_request", **parameters)["state"])


def retry(connection: Connection, request_id: int, *, actor: str, reason: str) -> str:
    """Give a finished request back: requeued, twin_open, erased or wrong_state."""
    parameters = {"request_id": request_id, "actor": actor, "reason": reason}
    return str(row(connection, "retry_request", **parameters)["outcome"])


def set_priority(
    connection: Connection, request_id: int, priority: int, *, actor: str, reason: str
) -> None:
    """Set 1 (urgent), 2 (normal) or 3 (low)."""
    row(
        connection,
        "set_priority",
        request_id=request_id,
        priority=priority,
        actor=actor,
        reason=reason,
    )


def reveal_account(connection: Connection, request_id: int, *, actor: str, reason: str) -> str:
    """The account number in clear; who asked and why is recorded.

    Raises:
        NotFound: no such request, or its personal data have been erased.
    """
    parameters = {"request_id": request_id, "actor": actor, "reason": reason}
    return str(row(connection, "reveal_account", **parameters)["account"])


def story(connection: Connection, request_id: int) -> Story:
    """Everything the database knows about one request; times are ISO texts.

    Raises:
        NotFound: there is no such request.
    """
    return Story(**row(connection, "story", request_id=request_id)["told"])


def status(connection: Connection, portal: str | None = None) -> list[dict[str, Any]]:
    """One entry per portal: its states counted, its oldest request, why it is closed."""
    found: list[dict[str, Any]] = row(connection, "status", portal=portal)["portals"]
    return found
