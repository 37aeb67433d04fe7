"""What the bot does: claim, plan, send, confirm, settle; login `billcopy_bot`.

Repeating confirm, settle and renew with the same request in hand and the same values succeeds, so
that a lost answer can be asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from billcopy.database import Connection, Json, row, rows
from billcopy.errors import ErrorClass
from billcopy.model import (
    ClaimedRequest,
    Delivery,
    FoundInvoice,
    Permission,
    Selection,
    Settled,
)

NO_DEADLINE = datetime.max.replace(tzinfo=UTC)


def _in_hand(request: ClaimedRequest) -> dict[str, int]:
    return {
        "request_id": request.request_id,
        "bot_run_id": request.bot_run_id,
        "epoch": request.epoch,
    }


def start_bot_run(
    connection: Connection,
    *,
    portal: str,
    host: str,
    boot_id: str,
    process_group: int,
    process_started_at: float,
    dag_run_id: str | None,
    selection: Selection,
    limit: int,
    versions: Mapping[str, str],
    actor: str,
) -> int:
    """Record the process that will hold leases; returns the bot run's number.

    `process_started_at` counts clock ticks since boot, as /proc/PID/stat does.

    Raises:
        NotFound: the portal is not registered.
    """
    return int(
        row(
            connection,
            "start_bot_run",
            portal=portal,
            host=host,
            boot_id=boot_id,
            process_group=process_group,
            process_started_at=process_started_at,
            dag_run_id=dag_run_id,
            request_limit=limit,
            versions=Json(dict(versions)),
            actor=actor,
            **selection.parameters(),
        )["bot_run_id"]
    )


def finish_bot_run(
    connection: Connection, bot_run_id: int, *, stop_reason: str, blocked_requests: int | None
) -> None:
    """Record why the bot run stopped and how many requests the guard refused."""
    row(
        connection,
        "finish_bot_run",
        bot_run_id=bot_run_id,
        stop_reason=stop_reason,
        blocked_requests=blocked_requests,
    )


def take_portal_lock(connection: Connection, portal: str) -> bool:
    """Try to become the portal's one bot, for as long as this connection lives."""
    return bool(row(connection, "take_portal_lock", portal=portal)["taken"])


def holds_portal_lock(connection: Connection, portal: str) -> bool:
    """Whether this very connection holds the portal's lock."""
    return bool(row(connection, "holds_portal_lock", portal=portal)["held"])


def portal_refusal(connection: Connection, portal: str) -> str | None:
    """Why nothing may be claimed or sent now: a reason's code, or None."""
    code: str | None = row(connection, "portal_refusal", portal=portal)["reason_code"]
    return code


def portal_timings(connection: Connection, portal: str) -> dict[str, timedelta]:
    """lease, renew_every, attempt_deadline, click_budget, settle_window of the portal."""
    return row(connection, "portal_timings", portal=portal)


def database_now(connection: Connection) -> datetime:
    """The database's clock; ask before a look at the portal's log, to date the look."""
    now: datetime = row(connection, "database_now")["now"]
    return now


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
    until: datetime = row(connection, "renew_lease", **_in_hand(request))["lease_until"]
    return until


def plan_deliveries(
    connection: Connection,
    request: ClaimedRequest,
    invoices: Sequence[FoundInvoice],
    ignored_kinds: Collection[str],
) -> Permission:
    """Record what the portal listed; verdict "planned" or "held". May run at every attempt."""
    listed = [
        {"number": one.number, "issued_on": one.issued_on.isoformat(), "kind": one.kind}
        for one in invoices
    ]
    return Permission(
        **row(
            connection,
            "plan_deliveries",
            **_in_hand(request),
            invoices=Json(listed),
            ignored_kinds=list(ignored_kinds),
        )
    )


def deliveries(connection: Connection, request: ClaimedRequest) -> list[Delivery]:
    """All deliveries of the request in hand: the doubtful first, then by invoice date."""
    return [Delivery(**one) for one in rows(connection, "deliveries_in_hand", **_in_hand(request))]


def begin_delivery(
    connection: Connection, request: ClaimedRequest, delivery_id: int, *, recipient: str
) -> Permission:
    """Ask at the one door. Only the verdict "go" allows one click, until `deadline_at`.

    `recipient` is the address the send form shows. Without an answer there is no click, and a
    second ask for the same delivery is refused.

    Raises:
        IllegalTransition: it is not planned (any more).
        FormMismatch: the form shows another recipient than the request's.
    """
    return Permission(
        **row(
            connection,
            "begin_delivery",
            **_in_hand(request),
            delivery_id=delivery_id,
            recipient=recipient,
        )
    )


def record_click(
    connection: Connection,
    request: ClaimedRequest,
    delivery_id: int,
    *,
    clicked_at: datetime,
    confirmation: str | None,
) -> None:
    """Record the click and what the screen said then, masked by the caller."""
    row(
        connection,
        "record_click",
        **_in_hand(request),
        delivery_id=delivery_id,
        clicked_at=clicked_at,
        confirmation=confirmation,
    )


def confirm(
    connection: Connection,
    request: ClaimedRequest,
    delivery_id: int,
    *,
    proof_kind: str,
    proof_value: str,
) -> None:
    """Confirm with a proof: kind sent_log, invoice_note or screen, value unique per portal.

    Raises:
        ProofUsed: this proof proves another delivery already.
    """
    row(
        connection,
        "confirm_delivery",
        **_in_hand(request),
        delivery_id=delivery_id,
        proof_kind=proof_kind,
        proof_value=proof_value,
    )


def report_absent(
    connection: Connection, request: ClaimedRequest, delivery_id: int, *, looked_at: datetime
) -> str:
    """A complete look, begun at `looked_at` by the database's clock, did not find it.

    Returns its state now: "planned" where the look came after the settle window.
    """
    parameters = {"delivery_id": delivery_id, "looked_at": looked_at}
    return str(row(connection, "report_absent", **_in_hand(request), **parameters)["state"])


def reject_delivery(
    connection: Connection, request: ClaimedRequest, delivery_id: int, *, reason_code: str
) -> None:
    """A business error of this one invoice; the others go on."""
    parameters = {"delivery_id": delivery_id, "reason_code": reason_code}
    row(connection, "reject_delivery", **_in_hand(request), **parameters)


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
            **_in_hand(request),
            error_class=error_class,
            reason_code=reason_code,
            detail=detail,
        )
    )


def used_proofs(
    connection: Connection, portal: str, kind: str, values: Collection[str]
) -> set[str]:
    """Which of these proofs prove a delivery already."""
    found = rows(connection, "used_proofs", portal=portal, kind=kind, values=list(values))
    return {one["proof"] for one in found}


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
        **_in_hand(request),
        step=step,
        delivery_id=delivery_id,
        detail=Json(dict(detail or {})),
    )


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
        **_in_hand(request),
        delivery_id=delivery_id,
        kind=kind,
        url=url,
        digest=digest,
    )


def record_credential_read(
    connection: Connection, bot_run_id: int, *, path: str, version: int, outcome: str
) -> None:
    """Record that a password was read, accepted or refused, by its version."""
    row(
        connection,
        "record_credential_read",
        bot_run_id=bot_run_id,
        path=path,
        version=version,
        outcome=outcome,
    )


def refused_secret_version(connection: Connection, portal: str) -> int | None:
    """The version of the password that nobody may try again."""
    version: int | None = row(connection, "refused_secret_version", portal=portal)["version"]
    return version


def open_breaker(
    connection: Connection,
    bot_run_id: int,
    *,
    reason_code: str,
    detail: str,
    until: datetime | None = None,
    secret_version: int | None = None,
) -> None:
    """Keep everybody from the portal, until then or until a person closes it."""
    row(
        connection,
        "open_breaker",
        bot_run_id=bot_run_id,
        reason_code=reason_code,
        detail=detail,
        until=until,
        secret_version=secret_version,
    )
