"""What a person tells the queue after something happened without it; login `billcopy_ops`."""

from __future__ import annotations

from datetime import datetime

from billcopy.database import Connection, row
from billcopy.model import Restored, SentByHand


def mark_restored(
    connection: Connection, portal: str, *, since: datetime, actor: str, reason: str
) -> Restored:
    """Say that this database is a copy of the state at `since`; before anything else is done.

    From now on nothing is sent at this portal before the bank's log has been looked at.

    Raises:
        InputError: there is no such portal, or `since` lies in the future.
    """
    return Restored(
        **row(connection, "mark_restored", portal=portal, since=since, actor=actor, reason=reason)
    )


def record_sent_by_hand(
    connection: Connection, delivery_id: int, *, recipient: str | None, actor: str, reason: str
) -> SentByHand:
    """Record that a person sent a planned delivery in the bank's portal.

    Raises:
        IllegalTransition: it is not planned, or the bot has its request in hand.
        InputError: neither the call nor the request names the recipient, or they differ.
        NotFound: there is no such delivery.
    """
    return SentByHand(
        **row(
            connection,
            "record_sent_by_hand",
            delivery_id=delivery_id,
            recipient=recipient,
            actor=actor,
            reason=reason,
        )
    )
