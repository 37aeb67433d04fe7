"""Which request is in hand, until it is settled; login `billcopy_bot`.

Repeating renew and settle with the same request in hand succeeds, so that a lost answer can be
asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from billcopy.database import Connection, Json, row, rows
from billcopy.errors import ErrorClass
from billcopy.model import ClaimedRequest, Selection, Settled

NO_DEADLINE = datetime.max.replace(tzinfo=UTC)


def in_hand(request: ClaimedRequest) -> dict[str, int]:
    """What every write must carry."""
    return {
        "request_id": request.request_id,
        "bot_run_id": request.bot_run_id,
        "epoch": request.epoch,
    }


def claim_next(connection: Connection, bot_run_id: int) -> ClaimedRequest | None:
    """What this bot run holds already, else the next request it may claim, else None."""
    found = rows(connection, "claim_next", bot_run_id=bot_run_id)
    return ClaimedRequest(**found[0]) if found else None


def peek(
    connection: Connection, portal: str, selection: Selection, limit: int
) -> list[ClaimedRequest]:
    """What a dry run walks through: as claim_next would, but nothing is claimed (epoch 0)."""
    found = rows(
        connection, "peek_requests", portal=portal, request_limit=limit, **selection.parameters()
    )
    unclaimed: dict[str, Any] = {
        "epoch": 0,
        "attempt_id": 0,
        "bot_run_id": 0,
        "look_only": True,
        "lease_until": NO_DEADLINE,
        "deadline_at": NO_DEADLINE,
    }
    return [ClaimedRequest(**one, **unclaimed) for one in found]


def renew(connection: Connection, request: ClaimedRequest) -> datetime:
    """Extend the lease, never past the attempt's deadline; returns until when it lasts.

    Raises:
        LeaseLost: it has run out, or somebody else has taken the request over.
    """
    until: datetime = row(connection, "renew_lease", **in_hand(request))["lease_until"]
    return until


def record_step(
    connection: Connection,
    request: ClaimedRequest,
    step: str,
    *,
    delivery_id: int | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record a checkpoint; `detail` must not hold personal data."""
    row(
        connection,
        "record_step",
        **in_hand(request),
        step=step,
        delivery_id=delivery_id,
        detail=Json(dict(detail or {})),
    )


def record_steps(
    connection: Connection, request: ClaimedRequest, steps: Sequence[Mapping[str, Any]]
) -> None:
    """Record what an attempt did, all at once.

    Each of `steps` has `ago` (seconds), `kind` ("keyword" or "failure"), `step` and `detail`, which
    must not hold personal data.
    """
    row(connection, "record_steps", **in_hand(request), steps=Json([dict(one) for one in steps]))


def record_evidence(
    connection: Connection,
    request: ClaimedRequest,
    *,
    kind: str,
    url: str,
    digest: str,
    delivery_id: int | None = None,
) -> None:
    """Record where a piece of evidence was kept, and its SHA-256."""
    row(
        connection,
        "record_evidence",
        **in_hand(request),
        delivery_id=delivery_id,
        kind=kind,
        url=url,
        digest=digest,
    )


def settle(
    connection: Connection,
    request: ClaimedRequest,
    *,
    error_class: ErrorClass | None,
    reason_code: str | None,
    detail: str | None = None,
) -> Settled:
    """End the attempt; the database computes the outcome.

    `error_class` None: no error was seen. `reason_code` may also be one of class "held" or
    "waiting". `detail` must not hold personal data.
    """
    return Settled(
        **row(
            connection,
            "settle_request",
            **in_hand(request),
            error_class=error_class,
            reason_code=reason_code,
            detail=detail,
        )
    )
