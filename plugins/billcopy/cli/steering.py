"""Commands that steer requests: hold, release, cancel, put back, make urgent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer

from billcopy import request_queue
from billcopy.cli import connections, options
from billcopy.cli.output import complain, say
from billcopy.errors import BillCopyError
from billcopy.model import Selection

REQUEUED_STATES = ("failed", "partial")


def hold(*, request_ids: options.RequestIds, actor: options.Actor, reason: options.Reason) -> None:
    """Set queued requests aside until somebody releases them."""
    _each(request_ids, request_queue.hold, actor=actor, reason=reason, done="is held")


def release(
    *, request_ids: options.RequestIds, actor: options.Actor, reason: options.Reason
) -> None:
    """Give held requests back to the queue."""
    _each(request_ids, request_queue.release, actor=actor, reason=reason, done="is queued")


def cancel(
    *, request_ids: options.RequestIds, actor: options.Actor, reason: options.Reason
) -> None:
    """Cancel requests; what the bot has in hand stops before its next click."""
    _each(request_ids, request_queue.cancel, actor=actor, reason=reason, done="is")


def priority(
    *,
    request_id: options.RequestId,
    to: Annotated[int, typer.Option(parser=options.priority, metavar="urgent|normal|low")],
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Change a request's priority; an urgent one is next."""
    with connections.desk() as connection:
        request_queue.set_priority(connection, request_id, to, actor=actor, reason=reason)
    say(f"Request {request_id} has priority {to}.")


def requeue(
    *,
    request_ids: Annotated[
        list[int] | None,
        typer.Argument(help="Request numbers.", metavar="[ID]", show_default=False),
    ] = None,
    received_from: Annotated[
        datetime | None,
        typer.Option(parser=options.start, metavar="WHEN", help="Received at or after."),
    ] = None,
    received_to: Annotated[
        datetime | None, typer.Option(parser=options.start, metavar="WHEN", help="Received before.")
    ] = None,
    states: Annotated[
        str, typer.Option(help="States to put back, separated by commas.")
    ] = ",".join(REQUEUED_STATES),
    portal: Annotated[str | None, typer.Option(help="This portal only.")] = None,
    even_old: Annotated[bool, typer.Option("--even-old", help="Also what is too old.")] = False,
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Put finished requests back into the queue: by number, or by when they were received."""
    if not request_ids and received_from is None:
        raise typer.BadParameter("give request numbers, or --received-from")
    selection = Selection(
        request_ids=tuple(request_ids) if request_ids else None,
        received_from=received_from,
        received_to=received_to,
    )
    with connections.operations() as connection:
        outcomes = request_queue.requeue(
            connection,
            selection=selection,
            states=tuple(state.strip() for state in states.split(",")),
            portal=portal,
            even_expired=even_old,
            actor=actor,
            reason=reason,
        )
    words = {
        "requeued": "is queued",
        "wrong_state": "is in none of these states",
        "twin_open": "was left: the same request is open already",
        "erased": "was left: its account number has been erased",
        "too_old": "was left: it is too old (--even-old takes it)",
    }
    unknown = sorted(set(request_ids or ()) - {request_id for request_id, _ in outcomes})
    for request_id in unknown:
        complain(f"NOT_FOUND: there is no request {request_id}")
    for request_id, outcome in outcomes:
        say(f"Request {request_id} {words.get(outcome, outcome)}.")
    done = sum(outcome == "requeued" for _, outcome in outcomes)
    say(f"{done} of {len(outcomes)} requests are back in the queue.")
    if request_ids and done < len(request_ids):
        raise typer.Exit(1)


def _each(
    request_ids: list[int], change: Callable[..., Any], *, actor: str, reason: str, done: str
) -> None:
    refused = False
    with connections.desk() as connection:
        for request_id in request_ids:
            try:
                state = change(connection, request_id, actor=actor, reason=reason)
            except BillCopyError as error:
                if len(request_ids) == 1 or error.code == "DATABASE_UNAVAILABLE":
                    raise
                complain(f"{error.code}: {error.message}")
                refused = True
            else:
                say(f"Request {request_id} {done if done != 'is' else f'is {state}'}.")
    if refused:
        raise typer.Exit(1)


COMMANDS = (requeue, hold, release, cancel, priority)
