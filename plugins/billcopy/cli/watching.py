"""Commands for what the watch sees: run it, list alarms, see to one."""

from __future__ import annotations

import signal
import threading
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from billcopy import request_queue, settings
from billcopy.cli import connections, options
from billcopy.cli.output import as_json, say, when

AlarmId = Annotated[
    int, typer.Argument(help="Number of the alarm.", metavar="ALARM", min=1, max=options.LARGEST)
]


def watch() -> None:
    """Watch: tell whoever is to be told, serve /health and /metrics, ping a dead-man's switch.

    Runs until Ctrl-C. It needs the database and nothing else; run one beside Airflow, best under
    a process manager that starts it again.
    """
    from billcopy.watch import program  # apprise knows many ways, and takes its time

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    program.run(settings.load(), stop=stop, say=say)


def alarms(
    *,
    closed: Annotated[
        int, typer.Option("--closed", metavar="DAYS", min=0, help="Also those over since then.")
    ] = 0,
    json: options.AsJson = False,
) -> None:
    """List open alarms: what holds, since when, what to do next."""
    since = datetime.now(UTC) - timedelta(days=closed) if closed else None
    with connections.operations() as connection:
        found = request_queue.list_alarms(connection, closed_since=since)
    if json:
        as_json(found)
        return
    for one in found:
        over = f", over since {when(one['closed_at'])}" if one["closed_at"] else ""
        seen = f", seen to by {one['acknowledged_by']}" if one["acknowledged_by"] else ""
        head = f"{one['alarm_id']:>5}  {one['severity']:<9}{one['condition']}"
        say(f"{head}, since {when(one['opened_at'])}{over}{seen}", style="bold")
        say(f"       {one['text']}")
        if not one["closed_at"]:
            say(f"       Next: {one['next_action']} (docs/operations.md#{one['runbook']})")
        if one["untold"]:
            say(f"       {one['untold']} notice(s) could not be sent yet.")
    say(f"{sum(one['closed_at'] is None for one in found)} alarms are open.")


def acknowledge_alarm(*, alarm_id: AlarmId, actor: options.Actor, reason: options.Reason) -> None:
    """Say that you see to an alarm: no more reminders.

    An orphan or a duplicate cannot pass by itself: its alarm is over with that.
    """
    with connections.operations() as connection:
        condition = request_queue.acknowledge_alarm(
            connection, alarm_id, actor=actor, reason=reason
        )
    say(f"Alarm {alarm_id} ({condition}): nobody is reminded of it any more.")


COMMANDS = (watch, alarms, acknowledge_alarm)
