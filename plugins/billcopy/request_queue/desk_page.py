"""What a representative's page reads; login `billcopy_desk`. Personal data come masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from billcopy.database import Connection, row, rows
from billcopy.model import DeskPortal, Found, ListedRequest, NewRequest

Same = Literal["account", "reference"]


def desk_portals(connection: Connection) -> list[DeskPortal]:
    """Every portal, by its title."""
    return [DeskPortal(**found) for found in rows(connection, "desk_portals")]


def list_requests(
    connection: Connection,
    *,
    states: Sequence[str] | None = None,
    needs_a_person: bool = False,
    requested_by: str | None = None,
    same: Same | None = None,
    as_request_id: int | None = None,
    before_id: int | None = None,
    limit: int = 25,
) -> list[ListedRequest]:
    """Requests, newest first, up to 200; None means any.

    `needs_a_person`: only those of the worklist.
    `same` with `as_request_id`: those for the same account, or with the same reference, as that
    request, so that neither has to be written into an address.
    """
    found = rows(
        connection,
        "list_requests",
        states=None if states is None else list(states),
        needs_a_person=needs_a_person,
        requested_by=requested_by,
        same=same,
        as_request_id=as_request_id,
        before_id=before_id,
        at_most=limit,
    )
    return [ListedRequest(**one) for one in found]


def count_open_requests(
    connection: Connection, *, requested_by: str | None = None
) -> dict[str, int]:
    """How many requests are open, by state."""
    found = rows(connection, "count_open_requests", requested_by=requested_by)
    return {one["state"]: one["requests"] for one in found}


def count_needing_a_person(connection: Connection, *, requested_by: str | None = None) -> int:
    """How many requests are on the worklist."""
    return int(row(connection, "count_needing_a_person", requested_by=requested_by)["requests"])


def find_request(connection: Connection, text: str) -> Found | None:
    """The newest request with this number, this whole reference, or this account number."""
    found: dict[str, Any] = row(connection, "find_request", text=text)
    return Found(**found) if found["request_id"] is not None else None


def asks_the_same(connection: Connection, request_id: int, request: NewRequest) -> bool:
    """Whether that request is for this account, period and recipient."""
    return bool(
        row(
            connection,
            "asks_the_same",
            request_id=request_id,
            portal=request.portal,
            account=request.account,
            period_from=request.period_from,
            period_to=request.period_to,
            recipient=request.recipient,
        )["same"]
    )
