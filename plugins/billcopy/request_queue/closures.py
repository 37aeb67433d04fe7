"""When a portal is closed and why; what waits for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from billcopy.database import Connection, row, rows


@dataclass(frozen=True, kw_only=True)
class Closure:
    """Why a portal is closed; `until` None: a person opens it, `opened_by` says how."""

    refusal: str
    why: str
    since: datetime | None
    until: datetime | None
    opened_by: str


@dataclass(frozen=True, kw_only=True)
class WeeklyWindow:
    """The same hours every week by the clock of a time zone.

    `weekday` is 1 (Monday) to 7 (Sunday). It ends at `local_end` by that clock, or after `lasts`
    whatever the clock does meanwhile; exactly one of the two is given. `valid_from` None: today.
    """

    weekday: int
    local_start: time
    local_end: time | None = None
    lasts: timedelta | None = None
    time_zone: str
    valid_from: date | None = None
    valid_to: date | None = None


def portal_closure(connection: Connection, portal: str) -> Closure | None:
    """Why the portal is closed now; None: it is open."""
    found = row(connection, "portal_closure", portal=portal)
    return Closure(**found) if found["refusal"] else None


def schedule_maintenance(
    connection: Connection,
    portal: str,
    starts_at: datetime,
    ends_at: datetime,
    *,
    time_zone: str = "UTC",
    actor: str,
    reason: str,
) -> int:
    """Nothing is claimed within the window; returns its number.

    Raises:
        InputError: it ends before it begins, or is over.
    """
    found = row(
        connection,
        "schedule_maintenance",
        portal=portal,
        starts_at=starts_at,
        ends_at=ends_at,
        time_zone=time_zone,
        actor=actor,
        reason=reason,
    )
    return int(found["id"])


def schedule_weekly_maintenance(
    connection: Connection, portal: str, window: WeeklyWindow, *, actor: str, reason: str
) -> int:
    """The same every week; returns its number.

    Raises:
        InputError: a value breaks a rule.
    """
    found = row(
        connection,
        "schedule_weekly_maintenance",
        portal=portal,
        actor=actor,
        reason=reason,
        **window.__dict__,
    )
    return int(found["id"])


def remove_maintenance(connection: Connection, window_id: int, *, actor: str, reason: str) -> str:
    """Call a window off; returns its portal.

    Raises:
        NotFound: there is none with this number, or it was removed before.
    """
    parameters = {"window_id": window_id, "actor": actor, "reason": reason}
    return str(row(connection, "remove_maintenance", **parameters)["portal"])


def list_maintenance(connection: Connection, portal: str | None = None) -> list[dict[str, Any]]:
    """Windows that are open or to come, by their columns' names."""
    return rows(connection, "list_maintenance", portal=portal)


def worklist(connection: Connection, portal: str | None = None) -> list[dict[str, Any]]:
    """What waits for a person, the longest waiting first; each with its `next_action`."""
    return rows(connection, "worklist", portal=portal)


def look_after(connection: Connection, request_id: int, *, actor: str, reason: str) -> None:
    """Take a failed request off the worklist: a person has seen to it in another way.

    Raises:
        IllegalTransition: it did not fail.
    """
    row(connection, "look_after", request_id=request_id, actor=actor, reason=reason)
