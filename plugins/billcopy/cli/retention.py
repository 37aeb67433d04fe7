"""Commands about personal data: erase what is due, keep for a court, a customer's own rights."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from billcopy import retention as passes
from billcopy import settings
from billcopy.cli import connections, options
from billcopy.cli.output import as_json, complain, say, table
from billcopy.database import Connection
from billcopy.request_queue import retention as queue

Account = Annotated[
    str,
    typer.Argument(
        help="Account number, or - to read it from standard input, so that no shell keeps it.",
        metavar="ACCOUNT",
    ),
]
AtPortal = Annotated[
    str | None,
    typer.Option("--portal", metavar="PORTAL", help="Only at this portal.", show_default="all"),
]
_STAYS = {
    "open": "it is open; cancel it or wait until it is finished",
    "under_way": "one of its deliveries may still be under way",
    "legal_hold": "it is on legal hold",
}
UNAVAILABLE = 3


def retention(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what is due; change nothing.")
    ] = False,
    json: options.AsJson = False,
    actor: options.Actor,
    reason: options.Reason = "retention",
) -> None:
    """Erase the personal data whose time is over; the masked history stays."""
    asked = passes.begin(settings.load(), actor=actor, reason=reason)
    with connections.operations() as connection:
        found = passes.look(connection, asked) if dry_run else passes.erase(connection, asked)
    if json:
        as_json([place.__dict__ for place in found])
    else:
        table(
            ("place", "due", "erased", "on legal hold", ""),
            [(one.name, one.due, one.erased, one.held, passes.WHAT[one.name]) for one in found],
        )
        if dry_run:
            say("Nothing was changed.")
    problems = [f"{one.name}: {one.problem}" for one in found if one.problem]
    for problem in problems:
        complain(problem)
    if problems:
        raise typer.Exit(UNAVAILABLE)


def legal_hold(
    *, request_ids: options.RequestIds, actor: options.Actor, reason: options.Reason
) -> None:
    """Keep requests with all their data, whatever their age, until the hold is lifted."""
    with connections.operations() as connection:
        for number in request_ids:
            there = queue.set_legal_hold(connection, number, actor=actor, reason=reason)
            late = "" if there else " Its personal data were erased before."
            say(f"Request {number} is on legal hold.{late}")


def legal_hold_lift(
    *, request_ids: options.RequestIds, actor: options.Actor, reason: options.Reason
) -> None:
    """End a legal hold; the usual times count again."""
    with connections.operations() as connection:
        for number in request_ids:
            queue.lift_legal_hold(connection, number, actor=actor, reason=reason)
            say(f"Request {number} is not on legal hold any more.")


subject = typer.Typer(
    no_args_is_help=True,
    help="What a customer may ask for: all that is held about an account, and its erasure.",
)


@subject.command()
def export(
    *,
    account: Account,
    portal: AtPortal = None,
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Print everything that is held about an account, as JSON; recorded."""
    with connections.operations() as connection:
        as_json(
            queue.export_subject(
                connection, _account(account), portal=portal, actor=actor, reason=reason
            )
        )


@subject.command()
def erase(
    *,
    account: Account,
    portal: AtPortal = None,
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Erase the personal data and the evidence of an account's finished requests, now."""
    asked = passes.begin(settings.load(), actor=actor, reason=reason)
    with connections.operations() as connection:
        found = queue.erase_subjects_of(
            connection, _account(account), portal=portal, actor=actor, reason=reason
        )
        gone = [number for number, outcome in found.items() if outcome not in _STAYS]
        pieces, refused = _delete_evidence(connection, asked, gone)
    for number in gone:
        say(f"Request {number}: erased.")
    for number, outcome in found.items():
        if outcome in _STAYS:
            say(f"Request {number} stays: {_STAYS[outcome]}.")
    say(f"{len(gone)} of {len(found)} requests are erased, {pieces} pieces of evidence deleted.")
    if gone:
        say("Their hashes go by themselves when the duplicate window is over.")
    if refused:
        complain(f"Not all evidence could be deleted: {refused}")
        complain("The next retention pass tries again; so does this command, given again.")
        raise typer.Exit(UNAVAILABLE)


def _delete_evidence(
    connection: Connection, asked: passes.Pass, request_ids: Sequence[int]
) -> tuple[int, OSError | None]:
    """How many pieces went, and why not all did."""
    pieces = 0
    try:
        for count in passes.erase_evidence(connection, asked, request_ids=request_ids):
            pieces += count
    except OSError as error:
        return pieces, error
    return pieces, None


def _account(given: str) -> str:
    return sys.stdin.readline().strip() if given == "-" else given


COMMANDS = (retention, legal_hold, legal_hold_lift)
