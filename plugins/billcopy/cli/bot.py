"""The command that runs the bot without Airflow: a rehearsal, unless it is told to claim."""

from __future__ import annotations

import os
import sys
from datetime import date
from typing import Annotated

import typer

from billcopy import credentials, database, portal_profile, settings
from billcopy.bot import launch
from billcopy.bot.order import BotOrder, DatabaseAccess, StopReason, TestRequest
from billcopy.cli import options
from billcopy.cli.output import complain, say
from billcopy.errors import InputError
from billcopy.model import Selection
from billcopy.settings import Settings

WORDS = {
    StopReason.DRAINED: "There was nothing more to do.",
    StopReason.LIMIT: "The limit of requests was reached.",
    StopReason.MAINTENANCE: "The portal is closed for maintenance.",
    StopReason.STOPPED: "The portal is stopped.",
    StopReason.BREAKER: "The portal is closed after trouble; `status` says which.",
    StopReason.LOCK_BUSY: "Another bot is signed in to this portal.",
    StopReason.INFRASTRUCTURE: "Database, Vault, browser or portal did not work; `doctor` looks.",
    StopReason.INTERRUPTED: "The bot was ended from outside.",
    StopReason.BAD_PORTAL_FOLDER: "The portal folder breaks the contract; see `portal-check`.",
    StopReason.DISK_LOW: "The disk is nearly full; nothing more was claimed.",
}
WELL = {StopReason.DRAINED, StopReason.LIMIT}
UNAVAILABLE = {StopReason.INFRASTRUCTURE, StopReason.INTERRUPTED, StopReason.DISK_LOW}


def run_bot(
    *,
    portal: options.Portal,
    request_ids: Annotated[
        list[int] | None,
        typer.Option("--request", help="Only these requests of the queue.", metavar="ID"),
    ] = None,
    account: Annotated[
        str | None, typer.Option(help="Walk a test account instead of the queue's requests.")
    ] = None,
    period_from: Annotated[
        date | None,
        typer.Option("--from", parser=options.day, metavar="YYYY-MM-DD", help="With --account."),
    ] = None,
    period_to: Annotated[
        date | None,
        typer.Option("--to", parser=options.day, metavar="YYYY-MM-DD", help="With --account."),
    ] = None,
    recipient: Annotated[str | None, typer.Option(help="With --account.")] = None,
    check_value: Annotated[str | None, typer.Option(help="With --account.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Requests at most.")] = 5,
    claim: Annotated[
        bool, typer.Option("--claim", help="Take requests from the queue and really send.")
    ] = False,
    headed: Annotated[bool, typer.Option("--headed", help="Show the browser.")] = False,
    slow: Annotated[
        int, typer.Option(min=0, max=10_000, metavar="MS", help="Pause after each click.")
    ] = 0,
    actor: options.Actor,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why by hand; required with --claim.")
    ] = None,
) -> None:
    """Run the bot without Airflow.

    It walks up to the send form and stops before Send, and changes nothing in the queue: for the
    queue's next requests, for those named with --request, or for a test account. With --claim it
    takes requests from the queue and sends, as it does under Airflow.
    """
    if claim and account:
        raise typer.BadParameter("--claim takes requests from the queue; leave out --account")
    if claim and not reason:
        raise typer.BadParameter("--claim sends e-mails; say why with --reason")
    if account and (period_from is None or period_to is None):
        raise typer.BadParameter("--account needs --from and --to")
    if headed and sys.platform == "linux":
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise InputError("--headed", "there is no display here; leave it out")
    rehearse = None
    if account:
        assert period_from is not None
        assert period_to is not None
        rehearse = (
            TestRequest(
                account=account,
                period_from=period_from,
                period_to=period_to,
                recipient=recipient,
                check_value=check_value,
            ),
        )
    now = settings.load()
    portal_profile.find_folder(portal, now.portal_path)
    order = BotOrder(
        portal=portal,
        portal_url=now.portal_urls.get(portal),
        portal_path=tuple(map(str, now.portal_path)),
        database=database_access(now),
        vault=credentials.access_for_bot(now, portal),
        evidence_url=now.evidence_url,
        evidence_max_kb=now.evidence_max_kb,
        min_free_bytes=now.min_free_bytes,
        watched_folders=tuple(map(str, now.watched_folders)),
        work_dir=str(now.work_dir),
        chromium=str(now.chromium) if now.chromium else None,
        limit=limit,
        linger_seconds=0,
        lock_wait_seconds=now.lock_wait_seconds,
        dry_run=not claim and rehearse is None,
        selection=Selection(request_ids=tuple(request_ids) if request_ids else None),
        actor=f"{actor} ({reason})" if reason else actor,
        headed=headed,
        slow_mo_ms=slow,
        rehearse=rehearse,
    )
    stop = run_to_its_end(order)
    (say if stop in WELL else complain)(WORDS[stop])
    if stop not in WELL:
        raise typer.Exit(3 if stop in UNAVAILABLE else 1)


def run_to_its_end(order: BotOrder) -> StopReason:
    """Run a bot and show its lines; Ctrl-C ends it."""
    try:
        return launch.launch(order, on_line=say)
    except KeyboardInterrupt:  # it has been asked to end
        return StopReason.INTERRUPTED


def database_access(now: Settings) -> DatabaseAccess:
    """The bot login's way in, its password as libpq found it in the password file."""
    connection = database.connect(now, database.Login.BOT)
    try:
        password = connection.info.password
    finally:
        connection.close()
    return DatabaseAccess(
        host=now.database_host,
        port=now.database_port,
        dbname=now.database_name,
        user=database.Login.BOT.value,
        password=password or "",
        sslmode=now.database_sslmode,
    )


COMMANDS = (run_bot,)
