"""What operations and the DAGs do; login `billcopy_ops`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from billcopy.database import Connection, Json, row, rows
from billcopy.model import Rescued, Selection


def register_portal(
    connection: Connection,
    *,
    name: str,
    title: str,
    account_pattern: str,
    account_example: str,
    recipient_policy: str,
    time_zone: str,
    actor: str,
) -> None:
    """Enter a portal folder; again takes over what its profile says now."""
    row(
        connection,
        "register_portal",
        name=name,
        title=title,
        account_pattern=account_pattern,
        account_example=account_example,
        recipient_policy=recipient_policy,
        time_zone=time_zone,
        actor=actor,
    )


def configure_portal(
    connection: Connection, portal: str, changes: Mapping[str, Any], *, actor: str, reason: str
) -> None:
    """Change limits and timings by their columns' names; intervals as texts such as "5 s".

    Raises:
        InputError: a name is not a setting of a portal.
    """
    row(
        connection,
        "configure_portal",
        portal=portal,
        changes=Json(dict(changes)),
        actor=actor,
        reason=reason,
    )


def stop_portal(connection: Connection, portal: str, *, actor: str, reason: str) -> None:
    """Throw the stop switch: nothing is claimed or sent from now on."""
    row(connection, "stop_portal", portal=portal, actor=actor, reason=reason)


def resume_portal(connection: Connection, portal: str, *, actor: str, reason: str) -> None:
    """End a stop."""
    row(connection, "resume_portal", portal=portal, actor=actor, reason=reason)


def close_breaker(connection: Connection, portal: str, *, actor: str, reason: str) -> None:
    """Say that the trouble is over."""
    row(connection, "close_breaker", portal=portal, actor=actor, reason=reason)


def count_claimable(connection: Connection, portal: str, selection: Selection) -> int:
    """How many requests a bot run could claim now; 0 while the portal is closed."""
    found = row(connection, "count_claimable", portal=portal, **selection.parameters())
    return int(found["claimable"])


def next_due_at(connection: Connection, portal: str) -> datetime | None:
    """When the next queued request may be claimed; None: none is queued."""
    due_at: datetime | None = row(connection, "next_due_at", portal=portal)["due_at"]
    return due_at


def count_expired_leases(connection: Connection, portal: str) -> int:
    """How many requests of a portal `rescue` would take back now."""
    return sum(found["portal"] == portal for found in rows(connection, "expired_leases"))


def rescue(
    connection: Connection,
    *,
    actor: str,
    end_bot: Callable[[Rescued], None] = lambda _: None,
) -> list[Rescued]:
    """Take back every request whose bot stopped renewing; what it was sending is in doubt then.

    `end_bot` is called before each, to end the process group that held it where it is on this
    machine. If it raises, that request is left alone, the others are rescued all the same, and the
    first such error is raised at the end.
    """
    rescued = []
    not_ended: list[Exception] = []
    for found in rows(connection, "expired_leases"):
        held = Rescued(
            request_id=found["request_id"],
            bot_run_id=found["bot_run_id"],
            state="claimed",
            host=found["host"],
            boot_id=found["boot_id"],
            process_group=found["process_group"],
            process_started_at=found["process_started_at"],
        )
        try:
            end_bot(held)
        except (OSError, TimeoutError) as error:
            not_ended.append(error)
            continue
        state = row(
            connection,
            "rescue_request",
            request_id=found["request_id"],
            epoch=found["epoch"],
            actor=actor,
        )["state"]
        if state is not None:
            rescued.append(Rescued(**{**held.__dict__, "state": state}))
    if not_ended:
        raise not_ended[0]
    return rescued


def requeue(
    connection: Connection,
    *,
    selection: Selection,
    states: Collection[str] = ("failed", "partial"),
    portal: str | None = None,
    even_expired: bool = False,
    actor: str,
    reason: str,
) -> list[tuple[int, str]]:
    """Put finished requests back: (request, requeued | twin_open | too_old | erased | wrong_state).

    Raises:
        InputError: the selection names neither requests nor a time, or a state may not be requeued.
    """
    found = rows(
        connection,
        "requeue_requests",
        portal=portal,
        states=list(states),
        even_expired=even_expired,
        actor=actor,
        reason=reason,
        **selection.parameters(),
    )
    return [(one["request_id"], one["outcome"]) for one in found]


def decide_doubt(
    connection: Connection,
    delivery_id: int,
    decision: str,
    *,
    instead_of: int | None = None,
    actor: str,
    reason: str,
) -> int:
    """The first of two people: sent, not_sent or give_up; returns the decision's number.

    `instead_of` is the open decision that this person has read; None: there was none.

    Raises:
        NotFound: there is no such delivery.
        IllegalTransition: it does not wait for people, or somebody has decided something else.
    """
    parameters = {"delivery_id": delivery_id, "decision": decision, "instead_of": instead_of}
    parameters |= {"actor": actor, "reason": reason}
    return int(row(connection, "decide_doubt", **parameters)["decision_id"])


def approve_doubt(connection: Connection, decision_id: int, *, actor: str, reason: str) -> str:
    """The second of two people, about the decision they have read; returns what it was.

    Raises:
        NotPermitted: it is the person who asked.
        NotFound: there is no such decision, or another took its place.
        IllegalTransition: the delivery has changed since, or does not wait for people.
    """
    parameters = {"decision_id": decision_id, "actor": actor, "reason": reason}
    return str(row(connection, "approve_doubt", **parameters)["decision"])


def erase_subject(connection: Connection, request_id: int, *, actor: str, reason: str) -> None:
    """Erase the personal data of one finished request; the masked trail stays."""
    row(connection, "erase_subject", request_id=request_id, actor=actor, reason=reason)


def dag_run_summary(connection: Connection, dag_run_id: str) -> dict[str, int]:
    """Requests by state, and confirmed, duplicate and in_doubt invoices of one DAG run."""
    summary: dict[str, int] = row(connection, "dag_run_summary", dag_run_id=dag_run_id)["summary"]
    return summary
