"""One pass of the watch: judge conditions, open and close alarms, tell whoever is to be told."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from billcopy import disk, request_queue
from billcopy.database import Connection
from billcopy.disk import Room
from billcopy.settings import Settings
from billcopy.watch import notify
from billcopy.watch.conditions import CONDITIONS, as_alarm, limits
from billcopy.watch.notify import Channel

MEGABYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one pass saw; `problem` says why it saw nothing, `untold` who could not be told, why."""

    at: float = field(default_factory=time.time)
    problem: str | None = None
    tells: bool = False
    alarms: Sequence[dict[str, Any]] = ()
    figures: Sequence[dict[str, Any]] = ()
    rooms: Sequence[Room] = ()
    untold: dict[str, str] = field(default_factory=dict)


def watch_once(
    connection: Connection, settings: Settings, channels: Sequence[Channel], *, tells: bool = True
) -> Look:
    """Judge, report, tell. What a channel does not take is tried again at the next pass.

    Args:
        connection: of login `billcopy_watch`.
        settings: limits, folders, and how often somebody is reminded.
        channels: whom to tell.
        tells: False: another watch does; only look.

    Raises:
        DatabaseUnavailable: nothing could be looked at.
    """
    found = disk.rooms(
        disk.places(settings.work_dir, settings.evidence_url, settings.watched_folders)
    )
    untold: dict[str, str] = {}
    if tells:
        request_queue.report_conditions(
            connection,
            _holding(connection, settings, found),
            judged=CONDITIONS,
            channels=[channel.name for channel in channels],
            remind_after=timedelta(hours=settings.alarm_remind_hours),
        )
        untold = _tell(connection, settings, channels)
    return Look(
        tells=tells,
        alarms=request_queue.list_alarms(connection),
        figures=request_queue.watch_figures(connection),
        rooms=found,
        untold=untold,
    )


def _holding(
    connection: Connection, settings: Settings, found: Sequence[Room]
) -> list[dict[str, str]]:
    seen = request_queue.conditions_now(connection, limits(settings))
    low = {
        room.name: {
            "free_mb": room.free_bytes // MEGABYTE,
            "limit_mb": settings.min_free_bytes // MEGABYTE,
            "folder": room.folder,
        }
        for room in disk.too_low(found, settings.min_free_bytes)
    }
    return [as_alarm(one["condition"], one["key"], one["facts"]) for one in seen] + [
        as_alarm("disk_low", name, facts) for name, facts in low.items()
    ]


def _tell(
    connection: Connection, settings: Settings, channels: Sequence[Channel]
) -> dict[str, str]:
    """Send what is due, in order; after a failure a channel is left alone until the next pass."""
    by_name = {channel.name: channel for channel in channels}
    untold: dict[str, str] = {}
    for notice in request_queue.due_notices(connection, by_name):
        name = notice["channel"]
        if name in untold:
            continue
        error = by_name[name].send(notify.message_of(notice, docs_url=settings.docs_url))
        request_queue.record_notice(connection, notice["notice_id"], error=error)
        if error is not None:
            untold[name] = error
    return untold
