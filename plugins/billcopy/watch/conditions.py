"""The conditions somebody is told about: how bad, in which words, and what to do next.

docs/alarms.md is the same table for people; a test compares the two. Whether a condition holds is
judged by the database (sql/functions/71_conditions.sql), but for the disk, which only we can see.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from billcopy.settings import Settings

Severity = Literal["critical", "warning"]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One row of the table; `{…}` in its texts are `key` and the facts of the moment.

    `runbook` is the anchor of a heading in docs/operations.md, `limit` the setting that says from
    when on it holds; none: it holds as soon as it happens.
    """

    severity: Severity
    title: str
    text: str
    next_action: str
    runbook: str
    limit: str | None = None


CONDITIONS: Mapping[str, Condition] = {
    "oldest_queued": Condition(
        severity="warning",
        title="requests wait too long",
        text="{waiting} request(s) wait too long at portal {key}, the oldest for {minutes} min.",
        next_action="Read the note of the newest run of deliver_bill_copies.",
        runbook="first-things-to-look-at",
        limit="alarm_oldest_queued_minutes",
    ),
    "nothing_confirmed": Condition(
        severity="critical",
        title="nothing is confirmed",
        text="Nothing was confirmed at portal {key} for {minutes} min, though {due} request(s)"
        " are due.",
        next_action="Look at `python -m billcopy status`, then at the newest run's note.",
        runbook="first-things-to-look-at",
        limit="alarm_nothing_confirmed_minutes",
    ),
    "breaker_open": Condition(
        severity="critical",
        title="breaker open",
        text="Portal {key} is closed by its breaker, {until}. {why}",
        next_action="Remove the cause; if it does not open by itself: `python -m billcopy"
        " close-breaker {key}`.",
        runbook="breaker-and-maintenance",
    ),
    "orphan": Condition(
        severity="critical",
        title="sent log and deliveries differ",
        text="At portal {key} the bank's sent log has {rows} row(s) without a delivery of ours, and"
        " {deliveries} confirmed delivery(ies) have no row in it.",
        next_action="List them with `python -m billcopy reconciliation {key}`, find out who sent"
        " them, then acknowledge the alarm.",
        runbook="reconciliation",
    ),
    "duplicate_seen": Condition(
        severity="critical",
        title="a bill went out twice",
        text="The same bill went to the same recipient twice ({key}): {what}.",
        next_action="Stop the portal if it is not a single case; then find out why, and"
        " acknowledge the alarm.",
        runbook="reconciliation",
    ),
    "in_doubt": Condition(
        severity="warning",
        title="deliveries stay in doubt",
        text="{deliveries} delivery(ies) at portal {key} are in doubt, the oldest for {minutes}"
        " min.",
        next_action="Two people decide about those on the desk's list *Needs a person*; the others"
        " the bot looks up in the bank's log, as soon as it can.",
        runbook="in-doubt-two-people-decide",
        limit="alarm_in_doubt_minutes",
    ),
    "rescue_loop": Condition(
        severity="warning",
        title="rescued again and again",
        text="Request {request} was taken back from a dead bot {rescues} times within an hour.",
        next_action="Look where the bot dies: `python -m billcopy story {request}`; hold the"
        " request meanwhile.",
        runbook="a-bot-died-rescue",
        limit="alarm_rescues_an_hour",
    ),
    "password_expiring": Condition(
        severity="warning",
        title="password about to expire",
        text="The password of portal {key} (version {version}) expires on {when}.",
        next_action="Change it at the bank, and put the new one into Vault with its expires_at.",
        runbook="password-about-to-expire",
        limit="alarm_password_days",
    ),
    "disk_low": Condition(
        severity="critical",
        title="disk low",
        text="{free_mb} MB are left on the volume of the {key} ({folder}). Bots claim nothing"
        " below {limit_mb} MB.",
        next_action="Make room; the bots go on by themselves at the next run.",
        runbook="disk-low",
        limit="min_free_bytes",
    ),
    "scheduler_silent": Condition(
        severity="critical",
        title="Airflow's scheduler is silent",
        text="rescue_expired_leases has not run for {minutes} min: no request is worked on or"
        " rescued.",
        next_action="Look whether the scheduler runs and whether rescue_expired_leases is paused.",
        runbook="scheduler-silent",
        limit="alarm_scheduler_silent_minutes",
    ),
    "reconciliation_overdue": Condition(
        severity="warning",
        title="reconciliation overdue",
        text="Portal {key}: our deliveries were not compared with the bank's sent log for too long;"
        " {last}.",
        next_action="Read the log of the newest run of reconcile_sent_log.",
        runbook="reconciliation",
        limit="alarm_reconciliation_hours",
    ),
}


def limits(settings: Settings) -> dict[str, float]:
    """What the database judges by: seconds, but days for a password and a count of rescues."""
    return {
        "oldest_queued": settings.alarm_oldest_queued_minutes * 60,
        "nothing_confirmed": settings.alarm_nothing_confirmed_minutes * 60,
        "in_doubt": settings.alarm_in_doubt_minutes * 60,
        "rescue_loop": settings.alarm_rescues_an_hour,
        "password_expiring": settings.alarm_password_days,
        "scheduler_silent": settings.alarm_scheduler_silent_minutes * 60,
        "reconciliation_overdue": settings.alarm_reconciliation_hours * 3600,
    }


def as_alarm(condition: str, key: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """What an alarm says about a condition that holds."""
    row = CONDITIONS[condition]
    words = {**facts, "key": key}
    return {
        "condition": condition,
        "key": key,
        "severity": row.severity,
        "text": row.text.format_map(words),
        "next_action": row.next_action.format_map(words),
        "runbook": row.runbook,
    }


def anchor(heading: str) -> str:
    """A heading's anchor, as GitHub and GitLab make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
