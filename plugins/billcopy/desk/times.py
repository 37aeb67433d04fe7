"""Moments and periods as a representative reads them, in their own time zone."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ZONE_COOKIE = "billcopy_zone"  # set by desk.js; not a secret
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def zone(name: str | None, *, otherwise: str | None = None) -> tzinfo:
    """The zone of this name, else the other one, else UTC."""
    for candidate in (name, otherwise):
        if candidate and len(candidate) < 64:
            try:
                return ZoneInfo(candidate)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                continue
    return UTC


def moment(value: datetime | str) -> datetime:
    """A moment out of the database, whose JSON writes it as text."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def day(value: date | str) -> str:
    """“3 Jan 2026”."""
    at = value if isinstance(value, date) else date.fromisoformat(value)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def short(value: datetime | str, there: tzinfo, *, now: datetime | None = None) -> str:
    """“14:05” today, “3 Jan, 14:05” this year, “3 Jan 2025, 14:05” before."""
    at = moment(value).astimezone(there)
    today = (now or datetime.now(UTC)).astimezone(there).date()
    clock = f"{at:%H:%M}"
    if at.date() == today:
        return clock
    year = "" if at.year == today.year else f" {at.year}"
    return f"{at.day} {MONTHS[at.month - 1]}{year}, {clock}"


def exact(value: datetime | str, there: tzinfo) -> str:
    """“Saturday 3 Jan 2026, 14:05:09 GMT”."""
    at = moment(value).astimezone(there)
    return f"{calendar.day_name[at.weekday()]} {day(at.date())}, {at:%H:%M:%S %Z}"


def period(first: date | str, last: date | str) -> str:
    """“Jan 2026”, “Jan to Mar 2026” for whole months, else both days."""
    begin = first if isinstance(first, date) else date.fromisoformat(first)
    end = last if isinstance(last, date) else date.fromisoformat(last)
    if begin == end:
        return day(begin)
    if begin.day == 1 and end.day == calendar.monthrange(end.year, end.month)[1]:
        until = f"{MONTHS[end.month - 1]} {end.year}"
        if (begin.year, begin.month) == (end.year, end.month):
            return until
        year = "" if begin.year == end.year else f" {begin.year}"
        return f"{MONTHS[begin.month - 1]}{year} to {until}"
    return f"{day(begin)} to {day(end)}"


def shortcuts(today: date) -> list[tuple[str, str, date, date]]:
    """Periods that are asked for often: key, label, first and last day."""
    this_month = today.replace(day=1)
    last_end = date.fromordinal(this_month.toordinal() - 1)
    found = [("last-month", "Last month", last_end.replace(day=1), last_end)]
    for key, label, months in (
        ("three-months", "Last 3 months", 3),
        ("twelve-months", "Last 12 months", 12),
    ):
        index = this_month.year * 12 + this_month.month - 1 - months
        found.append((key, label, date(index // 12, index % 12 + 1, 1), last_end))
    january = date(today.year, 1, 1)
    found.append(("this-year", "This year", january, today))
    last_year = (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31))
    found.append(("last-year", "Last year", *last_year))
    return found
