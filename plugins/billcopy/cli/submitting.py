"""The command that enters requests: one by its options, or a file of them."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from billcopy import intake_text, request_queue, settings
from billcopy.cli import connections, options
from billcopy.cli.output import as_json, say, table
from billcopy.errors import InputError
from billcopy.model import NORMAL, NewRequest
from billcopy.submission import RowReport, submit_rows


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


COMMANDS = (submit,)
