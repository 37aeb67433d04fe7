"""Plan, the one door to a click, proof or absence; login `billcopy_bot`.

Repeating confirm with the same proof succeeds, so that a lost answer can be asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from billcopy.database import Connection, Json, row, rows
from billcopy.model import ClaimedRequest, Delivery, FoundInvoice, Permission
from billcopy.request_queue.claim import in_hand


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
            **in_hand(request),
            invoices=Json(listed),
            ignored_kinds=list(ignored_kinds),
        )
    )


def deliveries(connection: Connection, request: ClaimedRequest) -> list[Delivery]:
    """All deliveries of the request in hand: the doubtful first, then by invoice date."""
    return [Delivery(**one) for one in rows(connection, "deliveries_in_hand", **in_hand(request))]


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
            **in_hand(request),
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
        **in_hand(request),
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
        **in_hand(request),
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
    return str(row(connection, "report_absent", **in_hand(request), **parameters)["state"])


def reject_delivery(
    connection: Connection, request: ClaimedRequest, delivery_id: int, *, reason_code: str
) -> None:
    """A business error of this one invoice; the others go on."""
    parameters = {"delivery_id": delivery_id, "reason_code": reason_code}
    row(connection, "reject_delivery", **in_hand(request), **parameters)


def used_proofs(
    connection: Connection, portal: str, kind: str, values: Collection[str]
) -> set[str]:
    """Which of these proofs prove a delivery already."""
    found = rows(connection, "used_proofs", portal=portal, kind=kind, values=list(values))
    return {one["proof"] for one in found}
