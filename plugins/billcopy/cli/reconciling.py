"""Commands that hold the bank's sent log against our deliveries, and tell what differs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from billcopy import credentials, portal_profile, request_queue, settings
from billcopy.bot.order import BotOrder, StopReason
from billcopy.cli import bot, connections, options
from billcopy.cli.output import as_json, complain, say, table, when

WORDS = {
    "row_without_delivery": "in the bank's log, but none of our deliveries",
    "delivery_without_row": "confirmed by us, but not in the bank's log",
    "row_twice": "twice in the bank's log",
}


def reconcile(
    *,
    portal: options.Portal,
    since: Annotated[
        datetime,
        typer.Option(
            "--since", parser=options.start, metavar="YYYY-MM-DD", help="Compare from then on."
        ),
    ],
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Compare the bank's sent log with our deliveries, both ways, now.

    A bot signs in and reads; it claims and sends nothing. What differs becomes an alarm;
    `reconciliation` lists it.
    """
    if since > datetime.now(UTC):
        raise typer.BadParameter("--since lies in the future")
    now = settings.load()
    portal_profile.find_folder(portal, now.portal_path)
    order = BotOrder(
        portal=portal,
        portal_url=now.portal_urls.get(portal),
        portal_path=tuple(map(str, now.portal_path)),
        database=bot.database_access(now),
        vault=credentials.access_for_bot(now, portal),
        evidence_url=now.evidence_url,
        work_dir=str(now.work_dir),
        chromium=str(now.chromium) if now.chromium else None,
        lock_wait_seconds=now.lock_wait_seconds,
        actor=f"{actor} ({reason})",
        reconcile_since=since,
    )
    stop = bot.run_to_its_end(order)
    if stop is not StopReason.DRAINED:
        complain(bot.WORDS[stop])
        raise typer.Exit(3 if stop in bot.UNAVAILABLE else 1)
    say("`python -m billcopy reconciliation` lists what differs.")


def reconciliation(
    *,
    portal: options.Portal,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is gone or looked after.")
    ] = False,
    json: options.AsJson = False,
) -> None:
    """List what differs between the bank's sent log and our deliveries, and when we looked."""
    with connections.operations() as connection:
        compared = request_queue.list_reconciliations(connection, portal)
        found = request_queue.list_findings(connection, portal, even_done=everything)
    if json:
        as_json({"reconciliations": compared, "findings": found})
        return
    for one in compared:
        if one["finished_at"] is None:
            say(f"{when(one['started_at'])}  did not end")
            continue
        reach = "all of the log" if one["whole_log"] else "the log of our accounts"
        all_of_it = "" if one["complete"] else ", NOT complete"
        say(
            f"{when(one['started_at'])}  {reach} since {when(one['since'])}{all_of_it}:"
            f" {one['rows_read']} rows, {one['deliveries_checked']} deliveries,"
            f" {one['deliveries_unchecked']} could not be looked for"
        )
    if not compared:
        say(f"{portal} was never compared.")
    if found:
        table(
            ("Sent", "Invoice", "Recipient", "Request", "What"),
            (
                (
                    when(one["sent_at"]),
                    one["invoice_number"],
                    one["recipient_masked"],
                    one["request_id"],
                    WORDS[one["kind"]] + _fate(one["gone_at"], one["looked_after_by"]),
                )
                for one in found
            ),
        )
    say(f"{len(found)} findings.")


def _fate(gone_at: datetime | None, by: str | None) -> str:
    return f" (looked after by {by})" if by else " (gone since)" if gone_at else ""


COMMANDS = (reconcile, reconciliation)
