"""Commands for requests: submit, follow, hold, release, cancel, put back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from billcopy import intake_text, request_queue, settings
from billcopy.cli import connections, options, story_text
from billcopy.cli.output import as_json, complain, say, table
from billcopy.errors import BillCopyError, InputError
from billcopy.model import NORMAL, NewRequest, Selection
from billcopy.submission import RowReport, submit_rows

REQUEUED_STATES = ("failed", "partial")


def submit(
    *,
    actor: options.Actor,
    portal: Annotated[
        str | None, typer.Option(help="Portal; for a file: where a row names none.")
    ] = None,
    account: Annotated[str | None, typer.Option(help="Account number, exactly.")] = None,
    period_from: Annotated[
        date | None,
        typer.Option("--from", parser=options.day, metavar="YYYY-MM-DD", help="First day."),
    ] = None,
    period_to: Annotated[
        date | None,
        typer.Option("--to", parser=options.day, metavar="YYYY-MM-DD", help="Last day, included."),
    ] = None,
    recipient: Annotated[
        str | None, typer.Option(help="E-mail address; left out: the one the bank has on file.")
    ] = None,
    check_value: Annotated[
        str | None,
        typer.Option(help="The customer's surname or postcode; required with --recipient."),
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Your own number for it.")] = None,
    priority: Annotated[
        int,
        typer.Option(parser=options.priority, metavar="urgent|normal|low", show_default="normal"),
    ] = NORMAL,
    due: Annotated[
        datetime | None,
        typer.Option(parser=options.moment, metavar="YYYY-MM-DD", help="Wanted by."),
    ] = None,
    resend_reason: Annotated[
        str | None, typer.Option(help="Send it again although it was sent lately, because ...")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Submit every row of a CSV file.")
    ] = None,
    xlsx: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Submit every row of an Excel workbook.")
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Submit one request, or a file of them.

    A file has a row of column names: portal, account, period_from, period_to, recipient,
    check_value, reference, priority, due_at, resend_reason, channel. Every row is reported; the
    same file enters once.
    """
    files = [file for file in (csv, xlsx) if file is not None]
    single = {"--account": account, "--from": period_from, "--to": period_to}
    if files:
        if len(files) > 1 or any(single.values()):
            raise typer.BadParameter("give one file, or --account, --from and --to")
        _submit_file(files[0], portal=portal, actor=actor, json=json)
        return
    missing = [name for name, value in {"--portal": portal, **single}.items() if value is None]
    if missing:
        raise typer.BadParameter(f"give {', '.join(missing)}, or a file with --csv or --xlsx")
    assert portal is not None
    assert account is not None
    assert period_from is not None
    assert period_to is not None
    request = NewRequest(
        portal=portal,
        account=account,
        period_from=period_from,
        period_to=period_to,
        recipient=recipient,
        check_value=check_value,
        reference=reference,
        priority=priority,
        due_at=due,
        resend_reason=resend_reason,
        source_key=str(uuid.uuid4()),
    )
    for field, value in (
        ("account", account),
        ("recipient", recipient),
        ("check_value", check_value),
        ("reference", reference),
        ("resend_reason", resend_reason),
    ):
        if value and (rule := intake_text.text_problem(value)):
            raise InputError(field, rule)
    with connections.desk() as connection:
        submitted = request_queue.submit(connection, request, actor=actor)
    if json:
        as_json({"request": submitted.request_id, "entered": submitted.entered})
    else:
        say(f"Request {submitted.request_id} is queued.")


def _submit_file(file: Path, *, portal: str | None, actor: str, json: bool) -> None:
    from billcopy import intake  # pandas is slow to import

    rows = intake.parse(file, default_portal=portal, max_rows=settings.load().max_file_rows)
    with connections.desk() as connection:
        report = submit_rows(connection, rows, actor=actor)
    refused = sum(line.outcome == "refused" for line in report)
    if json:
        as_json([line.as_dict() for line in report])
    else:
        _print_report(report)
    if refused:
        raise typer.Exit(1)


def _print_report(report: list[RowReport]) -> None:
    words = {"entered": "entered", "there": "was there already", "refused": "not entered"}
    shown = [line for line in report if line.outcome != "entered"] or report[:20]
    table(
        ("row", "outcome", "request", "why"),
        [(line.row, words[line.outcome], line.request_id, "; ".join(line.why)) for line in shown],
    )
    counts = {key: sum(line.outcome == key for line in report) for key in words}
    say(
        f"{len(report)} rows: {counts['entered']} entered, {counts['there']} were there already, "
        f"{counts['refused']} not entered."
    )


def status(
    *,
    portal: Annotated[str | None, typer.Option(help="This portal only.")] = None,
    json: options.AsJson = False,
) -> None:
    """Show what waits, what is in hand, and which portal is closed and why."""
    with connections.desk() as connection:
        found = request_queue.status(connection, portal)
    if json:
        as_json(found)
        return
    story_text.print_status(found)


def story(*, request_id: options.RequestId, json: options.AsJson = False) -> None:
    """Tell everything about one request, in the order it happened."""
    with connections.desk() as connection:
        told = request_queue.story(connection, request_id)
    if json:
        as_json(told.__dict__)
        return
    story_text.print_story(told)


def reveal(*, request_id: options.RequestId, actor: options.Actor, reason: options.Reason) -> None:
    """Show a request's account number in full; who asked and why is recorded."""
    with connections.desk() as connection:
        say(request_queue.reveal_account(connection, request_id, actor=actor, reason=reason))


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


COMMANDS = (submit, status, story, requeue, hold, release, cancel, priority, reveal)
