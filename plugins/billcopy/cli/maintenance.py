"""Commands for maintenance windows: once, every week, list, remove."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from billcopy import request_queue
from billcopy.cli import connections, options
from billcopy.cli.output import as_json, say, table, when
from billcopy.request_queue import WeeklyWindow

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DURATION = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,4})m)?")


def weekday(text: str | int) -> int:
    """A day of the week as 1 (Monday) to 7 (Sunday)."""
    if str(text)[:3].lower() not in DAYS:
        raise typer.BadParameter(f"“{text}” is none of {', '.join(DAYS)}")
    return DAYS.index(str(text)[:3].lower()) + 1


def time_of_day(text: str | time) -> time:
    """A time of day, HH:MM."""
    if not re.fullmatch(r"[0-2]\d:[0-5]\d", str(text)[:5]) or str(text)[:2] > "23":
        raise typer.BadParameter(f"“{text}” is not written as HH:MM")
    return time.fromisoformat(str(text)[:5])


def duration(text: str | timedelta) -> timedelta:
    """A duration such as 4h, 90m or 1h30m."""
    if isinstance(text, timedelta):
        return text
    found = _DURATION.fullmatch(text.strip().lower())
    lasts = timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0)) if found else None
    if not lasts:
        raise typer.BadParameter(f"“{text}” is not written as 4h, 90m or 1h30m")
    return lasts


def zone(text: str | ZoneInfo) -> ZoneInfo:
    """A time zone by its IANA name."""
    if isinstance(text, ZoneInfo):
        return text
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter(f"“{text}” is no time zone such as Europe/Berlin") from None


def maintenance(
    *,
    portal: options.Portal,
    starts: Annotated[
        str | None, typer.Option("--from", metavar="WHEN", help="Once: YYYY-MM-DDTHH:MM.")
    ] = None,
    ends: Annotated[str | None, typer.Option("--to", metavar="WHEN", help="Its end.")] = None,
    weekly: Annotated[
        int | None,
        typer.Option(parser=weekday, metavar="DAY", help="Every week: mon, tue, … sun."),
    ] = None,
    at: Annotated[
        time | None, typer.Option(parser=time_of_day, metavar="HH:MM", help="When it begins.")
    ] = None,
    lasts: Annotated[
        timedelta | None,
        typer.Option("--for", parser=duration, metavar="4h", help="How long it takes."),
    ] = None,
    until: Annotated[
        time | None,
        typer.Option(parser=time_of_day, metavar="HH:MM", help="Or: when it ends, by that clock."),
    ] = None,
    first_day: Annotated[
        date | None,
        typer.Option(parser=options.day, metavar="DAY", help="Not before this day; else today."),
    ] = None,
    last_day: Annotated[
        date | None, typer.Option(parser=options.day, metavar="DAY", help="Not after this day.")
    ] = None,
    time_zone: Annotated[
        ZoneInfo | None,
        typer.Option("--zone", parser=zone, metavar="ZONE", help="Whose clock: Europe/Berlin."),
    ] = None,
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Announce that a portal is closed: once (--from, --to), or every week (--weekly, --at).

    The bot finishes the request in hand, claims nothing more, and goes on by itself afterwards.
    """
    if weekly is None:
        if not (starts and ends):
            raise typer.BadParameter("give --from and --to, or --weekly and --at")
        if at or lasts or until or first_day or last_day:
            raise typer.BadParameter("--at, --for, --until and days belong to --weekly")
        first, last = _instant(starts, time_zone), _instant(ends, time_zone, end=True)
        name = time_zone.key if time_zone else "UTC"
        with connections.operations() as connection:
            number = request_queue.schedule_maintenance(
                connection, portal, first, last, time_zone=name, actor=actor, reason=reason
            )
        said = f"from {first:%Y-%m-%d %H:%M %Z} to {last:%Y-%m-%d %H:%M %Z}"
    else:
        if at is None or time_zone is None or (lasts is None) == (until is None):
            raise typer.BadParameter("--weekly needs --at, --zone, and one of --for and --until")
        if starts or ends:
            raise typer.BadParameter("--from and --to are for a window that happens once")
        window = WeeklyWindow(
            weekday=weekly,
            local_start=at,
            local_end=until,
            lasts=lasts,
            time_zone=time_zone.key,
            valid_from=first_day,
            valid_to=last_day,
        )
        with connections.operations() as connection:
            number = request_queue.schedule_weekly_maintenance(
                connection, portal, window, actor=actor, reason=reason
            )
        said = _weekly_words(window.__dict__)
    say(f"{portal} is closed {said} (window {number}).")


def maintenance_list(
    *,
    portal: Annotated[str | None, typer.Option(help="This portal only.")] = None,
    json: options.AsJson = False,
) -> None:
    """List the maintenance windows that are open or to come."""
    with connections.operations() as connection:
        found = request_queue.list_maintenance(connection, portal)
    if json:
        as_json(found)
    elif not found:
        say("No maintenance is announced.")
    else:
        table(
            ("window", "portal", "when", "next from", "to", "why", "entered by"),
            [
                (
                    one["window_id"],
                    one["portal"],
                    _weekly_words(one) if one["weekday"] else f"once ({one['time_zone']})",
                    when(one["next_start"]),
                    when(one["next_end"]),
                    one["reason"],
                    one["entered_by"],
                )
                for one in found
            ],
        )


def maintenance_remove(
    *,
    window: Annotated[
        int, typer.Argument(help="Its number.", metavar="WINDOW", min=1, max=options.LARGEST)
    ],
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Call a maintenance window off; if it is open, the portal opens at once."""
    with connections.operations() as connection:
        portal = request_queue.remove_maintenance(connection, window, actor=actor, reason=reason)
    say(f"Window {window} of {portal} is removed.")


def _instant(text: str, zone: ZoneInfo | None, *, end: bool = False) -> datetime:
    """A moment; without an offset of its own it is on that zone's clock, else on ours.

    What the clock shows twice means the first time for a beginning, the second for an end.
    """
    moment = options.start(text)
    if zone is None or not _is_plain(text):
        return moment
    shown = datetime.fromisoformat(text if "T" in text else f"{text}T00:00")
    return shown.replace(tzinfo=zone, fold=int(end and _is_shown_twice(shown, zone)))


def _is_plain(text: str) -> bool:
    return datetime.fromisoformat(text).tzinfo is None


def _is_shown_twice(shown: datetime, zone: ZoneInfo) -> bool:
    first, second = (shown.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first is not None and second is not None and first > second


def _weekly_words(window: dict[str, Any]) -> str:
    day = DAYS[window["weekday"] - 1].capitalize()
    end = (
        f"to {window['local_end']:%H:%M}"
        if window["local_end"]
        else f"for {_hours(window['lasts'])}"
    )
    return f"every {day} from {window['local_start']:%H:%M} {end} ({window['time_zone']})"


def _hours(lasts: timedelta) -> str:
    minutes = int(lasts.total_seconds() // 60)
    return f"{minutes // 60}h" + (f"{minutes % 60}m" if minutes % 60 else "")


COMMANDS = (maintenance, maintenance_list, maintenance_remove)
