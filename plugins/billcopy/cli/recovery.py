"""Commands that tell the queue what happened without it: a restore, a copy sent by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from billcopy import request_queue
from billcopy.cli import connections, options
from billcopy.cli.output import say


def restored(
    *,
    portal: options.Portal,
    since: Annotated[
        datetime,
        typer.Option(
            "--since",
            parser=options.start,
            metavar="WHEN",
            help="When the backup was made: YYYY-MM-DDTHH:MM+HH:MM.",
        ),
    ],
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Say that the database was put back from a backup; before any bot runs again.

    What was sent since the backup is then found in the bank's own log instead of sent again.
    """
    with connections.operations() as connection:
        told = request_queue.mark_restored(
            connection, portal, since=since, actor=actor, reason=reason
        )
    say(f"{portal} is restored; the bank's log counts since {told.since:%Y-%m-%d %H:%M:%S %Z}.")
    say(f"{told.waiting} requests wait, {told.taken_back} of them were in hand at the backup.")
    say(f"Nothing is claimed before {told.opens_at:%H:%M:%S %Z}; then the bot reads the log first.")
    say("Requests entered since the backup are gone: submit them again, nothing is sent twice.")


def sent_by_hand(
    *,
    delivery_id: options.DeliveryId,
    recipient: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="ADDRESS", help="Needed where the request names no address itself."
        ),
    ] = None,
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Record that a person sent a planned delivery in the bank's portal."""
    with connections.operations() as connection:
        told = request_queue.record_sent_by_hand(
            connection, delivery_id, recipient=recipient, actor=actor, reason=reason
        )
    say(f"Delivery {delivery_id} is confirmed; request {told.request_id} is {told.state}.")


COMMANDS = (restored, sent_by_hand)
