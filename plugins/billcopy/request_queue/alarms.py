"""What the watch asks and writes down (login `billcopy_watch`), and what people do about alarms."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from billcopy.database import Connection, Json, row, rows


def conditions_now(connection: Connection, limits: Mapping[str, float]) -> list[dict[str, Any]]:
    """What holds right now: `condition`, `key` and the `facts` its text is made of.

    Args:
        connection: of the watch's login.
        limits: by condition: seconds, or days for password_expiring, a count for rescue_loop.
    """
    return rows(connection, "conditions_now", limits=Json(dict(limits)))


def report_conditions(
    connection: Connection,
    holding: Sequence[Mapping[str, Any]],
    *,
    judged: Collection[str],
    channels: Collection[str],
    remind_after: timedelta,
) -> tuple[int, int]:
    """Open and close alarms and write down whom to tell; how many were opened and closed.

    Only alarms of `judged` conditions are closed: what could not be looked at stays as it is.
    """
    counted = row(
        connection,
        "report_conditions",
        holding=Json([dict(one) for one in holding]),
        judged=list(judged),
        channels=list(channels),
        remind_after=remind_after,
    )
    return counted["opened"], counted["closed"]


def due_notices(connection: Connection, channels: Collection[str]) -> list[dict[str, Any]]:
    """What these channels are still to be told, the oldest first."""
    return rows(connection, "due_notices", channels=list(channels))


def record_notice(connection: Connection, notice_id: int, *, error: str | None) -> None:
    """A notice was sent, or why not: then it is due again."""
    row(connection, "record_notice", notice_id=notice_id, error=error)


def list_alarms(
    connection: Connection, *, closed_since: datetime | None = None
) -> list[dict[str, Any]]:
    """Open alarms, and those closed since a moment if one is given."""
    return rows(connection, "list_alarms", closed_since=closed_since)


def acknowledge_alarm(connection: Connection, alarm_id: int, *, actor: str, reason: str) -> str:
    """A person sees to it: no more reminders; returns its condition.

    Raises:
        NotFound: there is no such alarm.
        IllegalTransition: it is over.
    """
    found = row(connection, "acknowledge_alarm", alarm_id=alarm_id, actor=actor, reason=reason)
    return str(found["condition"])


def record_sign_of_life(connection: Connection, program: str) -> None:
    """Say that a program works; login `billcopy_ops`."""
    row(connection, "record_sign_of_life", program=program)


def take_watch(connection: Connection) -> bool:
    """Whether this connection is the one that tells; it is until it is closed."""
    return bool(row(connection, "take_watch")["taken"])


def watch_figures(connection: Connection) -> list[dict[str, Any]]:
    """What /metrics shows: `figure`, `portal`, `state`, `value`."""
    return rows(connection, "watch_figures")
