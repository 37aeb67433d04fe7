"""The bank's sent log against our deliveries: the bot writes (its login), operations read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from billcopy.database import Connection, Json, row, rows


def start_reconciliation(connection: Connection, bot_run_id: int, *, since: datetime) -> int:
    """Begin to compare what was sent since then; its number."""
    return int(row(connection, "start_reconciliation", bot_run_id=bot_run_id, since=since)["id"])


def deliveries_to_compare(connection: Connection, reconciliation_id: int) -> list[dict[str, Any]]:
    """What was confirmed since then: `delivery_id`, `invoice_number`, `account`, `proof_kind`.

    Raises:
        NotPermitted: this connection does not hold the portal's lock.
    """
    return rows(connection, "deliveries_to_compare", reconciliation_id=reconciliation_id)


def compare_sent_log(
    connection: Connection,
    reconciliation_id: int,
    *,
    proof_kind: str,
    log: Sequence[Mapping[str, Any]],
    delivery_ids: Sequence[int],
    complete: bool,
) -> dict[str, int]:
    """Have one look judged; counts `rows_without_delivery`, `deliveries_without_row`, `rows_twice`.

    Args:
        connection: the one that holds the portal's lock.
        reconciliation_id: the comparison at work.
        proof_kind: what rows of this portal prove by.
        log: rows with `proof`, `invoice`, `recipient`, `sent_at` (ISO 8601) and `ours`.
        delivery_ids: the deliveries whose rows this look would have shown.
        complete: whether it would have shown every one of them.
    """
    return row(
        connection,
        "compare_sent_log",
        reconciliation_id=reconciliation_id,
        proof_kind=proof_kind,
        rows=Json([dict(one) for one in log]),
        delivery_ids=list(delivery_ids),
        complete=complete,
    )


def finish_reconciliation(
    connection: Connection,
    reconciliation_id: int,
    *,
    complete: bool,
    whole_log: bool,
    rows_read: int,
    checked: int,
    unchecked: int,
) -> None:
    """Say how far it went."""
    row(
        connection,
        "finish_reconciliation",
        reconciliation_id=reconciliation_id,
        complete=complete,
        whole_log=whole_log,
        rows_read=rows_read,
        checked=checked,
        unchecked=unchecked,
    )


def list_reconciliations(
    connection: Connection, portal: str, *, count: int = 5
) -> list[dict[str, Any]]:
    """The newest comparisons of a portal, the newest first."""
    return rows(connection, "list_reconciliations", portal=portal, count=count)


def list_findings(
    connection: Connection, portal: str, *, even_done: bool = False
) -> list[dict[str, Any]]:
    """What differs and waits for a person; `even_done`: also what is gone or looked after."""
    return rows(connection, "list_findings", portal=portal, even_done=even_done)
