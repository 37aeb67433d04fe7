"""Commands for deliveries that may have been sent: two people decide, the second one approves."""

from __future__ import annotations

from typing import Annotated

import typer

from billcopy import request_queue
from billcopy.cli import connections, options
from billcopy.cli.output import say

_WORDS = {
    "sent": "counts as sent",
    "not_sent": "was not sent and will be sent again",
    "give_up": "is given up",
}


def decide_doubt(
    *,
    delivery_id: options.DeliveryId,
    sent: Annotated[bool, typer.Option("--sent", help="It was sent.")] = False,
    not_sent: Annotated[
        bool, typer.Option("--not-sent", help="It was not sent: send it again.")
    ] = False,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="Nobody can tell: never send it again.")
    ] = False,
    instead_of: Annotated[
        int | None,
        typer.Option(
            help="The decision you have read and do not agree with.", min=1, max=options.LARGEST
        ),
    ] = None,
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Say what became of a delivery in doubt; takes effect when another person approves."""
    chosen = [
        word for word, on in (("sent", sent), ("not_sent", not_sent), ("give_up", give_up)) if on
    ]
    if len(chosen) != 1:
        raise typer.BadParameter("give one of --sent, --not-sent, --give-up")
    who = {"actor": actor, "reason": reason}
    with connections.operations() as connection:
        number = request_queue.decide_doubt(
            connection, delivery_id, chosen[0], instead_of=instead_of, **who
        )
    said = f"Decision {number}: delivery {delivery_id} {_WORDS[chosen[0]]}"
    say(f"{said}, once another person approves:")
    say(f"  python -m billcopy approve-doubt {number} --actor SOMEBODY-ELSE --reason ...")


def approve_doubt(
    *, decision_id: options.DecisionId, actor: options.Actor, reason: options.Reason
) -> None:
    """Approve, as the second person, what the first one decided."""
    with connections.operations() as connection:
        decision = request_queue.approve_doubt(connection, decision_id, actor=actor, reason=reason)
    say(f"The delivery {_WORDS.get(decision, 'is decided')}.")


COMMANDS = (decide_doubt, approve_doubt)
