"""Commands for the machinery: migrations, rescue, erasure, the doctor."""

from __future__ import annotations

from contextlib import closing

import typer

from billcopy import database, request_queue, settings
from billcopy import migrate as migrations
from billcopy.bot import old_bot
from billcopy.cli import connections, options
from billcopy.cli.output import as_json, say

_STYLES = {"ok": "green", "warn": "yellow", "bad": "bold red"}


def migrate() -> None:
    """Bring the database to this version; a second time does no harm."""
    with closing(database.connect(settings.load(), database.Login.MIGRATOR)) as connection:
        done = migrations.migrate(connection)
    for name in done:
        say(f"{name}: applied")
    say("The database is up to date.")


def rescue(*, actor: options.Actor) -> None:
    """Take back requests whose bot stopped renewing; what was being sent becomes in doubt."""
    with connections.operations() as connection:
        rescued = request_queue.rescue(connection, actor=actor, end_bot=old_bot.end)
    for request in rescued:
        bot_run = f"bot run {request.bot_run_id}"
        say(f"Request {request.request_id} was taken back from {bot_run}: {request.state}.")
    say(f"{len(rescued)} requests were rescued.")


def erase(*, request_id: options.RequestId, actor: options.Actor, reason: options.Reason) -> None:
    """Erase account number, recipient and check value of a finished request, for good."""
    with connections.operations() as connection:
        request_queue.erase_subject(connection, request_id, actor=actor, reason=reason)
    say(f"The personal data of request {request_id} is erased; its masked history stays.")


def doctor(*, json: options.AsJson = False) -> None:
    """Look at everything the product needs: one line each, with the cure."""
    from billcopy import doctor as doctors  # it looks at everything, so it imports everything

    findings = []
    for finding in doctors.examine():
        findings.append(finding)
        if not json:
            say(
                f"{finding.level:<5}{finding.name:<19} {finding.words}",
                style=_STYLES[finding.level],
            )
            if finding.cure:
                say(f"{'':<25}{finding.cure}")
    if json:
        as_json([finding.__dict__ for finding in findings])
    if any(finding.level == "bad" for finding in findings):
        raise typer.Exit(3)


COMMANDS = (migrate, doctor, rescue, erase)
