"""After the clicks: read the portal's own log once, and let it say what was sent."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from billcopy import reconciliation
from billcopy.bot.work import BotWork
from billcopy.errors import PageDrift, Refused
from billcopy.model import Delivery, SentLogRow
from billcopy.portal_profile import Profile
from billcopy.reconciliation import Found, LogRules

_OPEN = ("sending", "in_doubt")
KINDS = {"row_id": "sent_log", "fields": "sent_log", "invoice_note": "invoice_note"}


def to_prove(work: BotWork) -> list[Delivery]:
    """Deliveries that may have been sent and wait for their row in the log.

    Raises:
        Refused: the portal keeps no log, and something of an earlier attempt is in doubt.
    """
    if not work.ledger.may_send:
        return work.rehearsed
    waiting = [one for one in work.deliveries() if one.state in _OPEN]
    if work.profile.sent_log.proof != "screen":
        return waiting
    if any(one.state == "in_doubt" for one in waiting):
        raise Refused("IN_DOUBT")
    return []


def wait_for_log(work: BotWork, deliveries: Sequence[Delivery]) -> str:
    """Wait until the log must show the last click; the day to read it from, as written there."""
    if work.last_click:
        due = work.last_click + work.profile.sent_log.lag.total_seconds()
        time.sleep(max(0.0, due - time.monotonic()))
    return work.profile.date_text(_since(work, deliveries).date())


def _since(work: BotWork, deliveries: Sequence[Delivery]) -> datetime:
    rules = _rules(work)
    moments = [one.sending_at for one in deliveries if one.sending_at is not None]
    zone: ZoneInfo = work.profile.time_zone
    earliest = min(moments, default=work.ledger.now())
    return (earliest - rules.clock_skew - rules.precision).astimezone(zone)


def prove(
    work: BotWork, deliveries: Sequence[Delivery], log: Mapping[str, Any], looked_at: datetime
) -> None:
    """Match the log with the deliveries: confirm what it shows, report what it lacks.

    Args:
        work: the request in hand.
        deliveries: those in question, all of them at once: no row may prove two.
        log: `rows`, and `complete`: whether the look reached back far enough.
        looked_at: when it began, by the database's clock.

    Raises:
        Refused: more than one row fits a delivery; two people must decide.
        PageDrift: a row's moment or note is not readable.
    """
    request = work.in_hand
    rows = read_rows(work.profile, log)
    complete = log.get("complete") is True
    if not work.ledger.may_send:
        reach = "complete" if complete else "incomplete"
        work.say(f"request {request.request_id}: sent log readable, {len(rows)} row(s), {reach}")
        return
    kind = KINDS[work.profile.sent_log.proof]
    used = work.ledger.used_proofs(request, kind, reconciliation.proof_values(rows))
    work.step("sent log read", rows=len(rows), complete=complete)
    matches = reconciliation.match(rows, deliveries, used=used, rules=_rules(work))
    for one in matches:
        if one.found is Found.SENT and one.proof is not None:
            work.ledger.confirm(request, one.delivery, kind, one.proof)
            work.say_of(one.delivery, "confirmed by the bank's log")
        elif one.found is Found.AMBIGUOUS:
            work.say_of(one.delivery, "more than one row of the bank's log fits")
        elif one.found is Found.UNCLEAR:
            work.say_of(one.delivery, "a row of the bank's log nearly fits; not sent again")
        elif complete:
            state = work.ledger.report_absent(request, one.delivery, looked_at)
            not_sent = state == "planned"
            work.say_of(one.delivery, "was not sent" if not_sent else "not in the bank's log yet")
    if any(one.found is Found.AMBIGUOUS for one in matches):
        raise Refused("IN_DOUBT")


def _rules(work: BotWork) -> LogRules:
    return LogRules(precision=work.profile.sent_log.precision, sender=work.sender)


def read_rows(profile: Profile, log: Mapping[str, Any]) -> list[SentLogRow]:
    """The log's rows as a portal folder's keyword returned them; notes about other things left out.

    Raises:
        PageDrift: a row's moment or note is not readable.
    """
    listed = (_fields(profile, row) for row in log.get("rows") or [])
    return [_row(profile, row) for row in listed if row is not None]


def _fields(profile: Profile, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row with its note taken apart, where it is one; None if it is about something else."""
    if "note" not in row:
        return row
    if (rules := profile.sent_log.note) is None:
        raise PageDrift("Read Sent Log returned a note, but profile.yaml has no sent_log.note.")
    parts = rules.read(str(row["note"]))
    return None if parts is None else {**row, **parts}


def _row(profile: Profile, row: Mapping[str, Any]) -> SentLogRow:
    has_id = profile.sent_log.proof == "row_id"
    return SentLogRow(
        row_id=str(row.get("id") or "").strip() if has_id else None,
        invoice_number=str(row.get("invoice") or "").strip(),
        recipient=str(row.get("recipient") or "").strip(),
        sent_at=profile.read_moment(str(row.get("sent_at") or "")),
        sender=str(row.get("sender") or "").strip() or None,
    )
