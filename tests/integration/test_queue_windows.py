"""Maintenance windows: when they are open, over both clock changes, and what waits behind them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from billcopy.model import Selection
from billcopy.request_queue import WeeklyWindow
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

WHO = {"actor": "ops", "reason": "the bank's batch"}
MONDAY, SATURDAY, SUNDAY = 1, 6, 7


def weekly(database: Database, **values: Any) -> int:
    given: dict[str, Any] = {
        "weekday": SUNDAY,
        "local_start": time(2, 0),
        "time_zone": "Europe/Berlin",
        "valid_from": date(2026, 1, 1),
    }
    return request_queue.schedule_weekly_maintenance(
        database.connect(Login.OPS), "practice", WeeklyWindow(**{**given, **values}), **WHO
    )


def windows(database: Database, day: str) -> list[tuple[str, str]]:
    """Beginning and end, in UTC, of the windows that begin on that day or the one before."""
    found = steps.execute(
        database,
        "select starts_at, ends_at from billcopy.maintenance_between('practice',"
        " %s::timestamptz - interval '12 h', %s::timestamptz + interval '36 h')"
        " where starts_at >= %s::timestamptz - interval '12 h'",
        *[f"{day}T00:00Z"] * 3,
    )
    return [tuple(at.astimezone(UTC).strftime("%a %H:%M") for at in one) for one in found]


def is_open(database: Database, at: str) -> bool:
    """Whether the portal is open for work at that moment."""
    [(found,)] = steps.execute(
        database, "select billcopy.in_maintenance('practice', %s::timestamptz)", at
    )
    return not found


SPRING, SUMMER, AUTUMN, WINTER = "2026-03-29", "2026-07-05", "2026-10-25", "2026-11-01"


@pytest.mark.parametrize(
    ("window", "day", "expected"),
    [
        # By the clock there, in summer and in winter.
        ({"local_end": time(6, 0)}, SUMMER, ("Sun 00:00", "Sun 04:00")),
        ({"local_end": time(6, 0)}, WINTER, ("Sun 01:00", "Sun 05:00")),
        # Over the hour that is missing: by the clock it is an hour shorter, by duration it is not.
        ({"local_start": time(1, 0), "local_end": time(5, 0)}, SPRING, ("Sun 00:00", "Sun 03:00")),
        ({"local_start": time(1, 0), "lasts": "4 h"}, SPRING, ("Sun 00:00", "Sun 04:00")),
        # It begins, or ends, at a time that the clock never shows: as if it had not jumped.
        ({"local_start": time(2, 30), "lasts": "1 h"}, SPRING, ("Sun 01:30", "Sun 02:30")),
        ({"local_start": time(1, 0), "local_end": time(2, 30)}, SPRING, ("Sun 00:00", "Sun 01:30")),
        # Over the hour that comes twice: an hour longer by the clock, not by duration.
        ({"local_start": time(1, 0), "local_end": time(5, 0)}, AUTUMN, ("Sat 23:00", "Sun 04:00")),
        ({"local_start": time(1, 0), "lasts": "4 h"}, AUTUMN, ("Sat 23:00", "Sun 03:00")),
        # It begins and ends within it: at the first, and at the second time.
        ({"local_start": time(2, 30), "lasts": "1 h"}, AUTUMN, ("Sun 00:30", "Sun 01:30")),
        (
            {"local_start": time(2, 15), "local_end": time(2, 45)},
            AUTUMN,
            ("Sun 00:15", "Sun 01:45"),
        ),
        # Over midnight, over the end of the week, over a change of clocks in between.
        (
            {"weekday": SATURDAY, "local_start": time(23, 0), "local_end": time(4, 0)},
            SPRING,
            ("Sat 22:00", "Sun 02:00"),
        ),
        (
            {"weekday": SATURDAY, "local_start": time(23, 0), "local_end": time(4, 0)},
            AUTUMN,
            ("Sat 21:00", "Sun 03:00"),
        ),
        (
            {"local_start": time(22, 0), "local_end": time(3, 0)},
            SPRING,
            ("Sun 20:00", "Mon 01:00"),
        ),
        (
            {"local_start": time(22, 0), "lasts": "5 h", "time_zone": "America/New_York"},
            WINTER,
            ("Mon 03:00", "Mon 08:00"),
        ),
        # Where no clock ever changes.
        ({"lasts": "4 h", "time_zone": "Asia/Tokyo"}, SPRING, ("Sat 17:00", "Sat 21:00")),
    ],
)
def test_a_weekly_window_follows_the_clock_of_its_time_zone(
    database: Database, window: dict[str, Any], day: str, expected: tuple[str, str]
) -> None:
    if "lasts" in window:
        window = {**window, "lasts": timedelta(hours=int(window["lasts"].split()[0]))}
    weekly(database, **window)
    assert windows(database, day) == [expected]


def test_the_begin_counts_and_the_end_does_not(database: Database) -> None:
    weekly(database, local_end=time(6, 0))
    assert not is_open(database, "2026-07-05T02:00+02")
    assert not is_open(database, "2026-07-05T05:59:59.999+02")
    assert is_open(database, "2026-07-05T06:00+02")
    assert is_open(database, "2026-07-05T01:59:59.999+02")
    assert is_open(database, "2026-07-06T03:00+02")


def test_a_window_of_days_is_open_on_each(database: Database) -> None:
    weekly(database, weekday=SATURDAY, local_start=time(12, 0), lasts=timedelta(days=7))
    for day in range(4, 18):
        assert not is_open(database, f"2026-07-{day:02}T13:00+02")


def test_it_is_valid_from_and_to_a_day(database: Database) -> None:
    weekly(
        database, lasts=timedelta(hours=4), valid_from=date(2026, 7, 5), valid_to=date(2026, 7, 12)
    )
    found = [
        is_open(database, f"2026-{day}T03:00+02") for day in ("06-28", "07-05", "07-12", "07-19")
    ]
    assert found == [True, False, False, True]


def until(database: Database, at: str) -> datetime | None:
    [(found,)] = steps.execute(
        database, "select billcopy.maintenance_ends_at('practice', %s::timestamptz)", at
    )
    return found  # type: ignore[no-any-return]


def test_windows_that_meet_or_overlap_end_together(database: Database) -> None:
    weekly(database, local_end=time(4, 0))
    weekly(database, local_start=time(4, 0), local_end=time(5, 0))
    weekly(database, local_start=time(4, 30), lasts=timedelta(hours=2))
    berlin = ZoneInfo("Europe/Berlin")
    assert until(database, "2026-07-05T03:00+02") == datetime(2026, 7, 5, 6, 30, tzinfo=berlin)
    assert until(database, "2026-07-05T07:00+02") is None


def test_windows_without_a_gap_between_them_end_the_search(database: Database) -> None:
    for day in range(1, 8):
        weekly(database, weekday=day, local_start=time(0, 0), lasts=timedelta(days=2))
    found = until(database, "2026-07-05T03:00+02")
    assert found is not None
    assert found > datetime(2027, 7, 1, tzinfo=UTC)


def open_now(database: Database, hours: int = 2) -> int:
    """A weekly window that began five minutes ago."""
    zone = ZoneInfo("Europe/Dublin")
    began = datetime.now(zone) - timedelta(minutes=5)
    return weekly(
        database,
        weekday=began.isoweekday(),
        local_start=began.time().replace(second=0, microsecond=0, tzinfo=None),
        lasts=timedelta(hours=hours),
        time_zone=zone.key,
    )


def test_nothing_is_claimed_in_a_window_and_it_opens_when_removed(database: Database) -> None:
    number = steps.submit(database)
    window = open_now(database)
    bot, ops = database.connect(Login.BOT), database.connect(Login.OPS)
    run = steps.start_bot_run(bot)
    assert request_queue.claim_next(bot, run) is None
    closure = request_queue.portal_closure(ops, "practice")
    assert closure is not None
    assert closure.refusal == "MAINTENANCE"
    assert closure.until is not None
    assert request_queue.next_due_at(ops, "practice") == closure.until
    assert request_queue.count_claimable(ops, "practice", Selection()) == 0
    assert request_queue.remove_maintenance(ops, window, **WHO) == "practice"
    assert steps.claim(bot, run).request_id == number
    with pytest.raises(errors.NotFound):
        request_queue.remove_maintenance(ops, window, **WHO)


def test_the_request_in_hand_when_a_window_begins_is_finished(database: Database) -> None:
    steps.submit(database)
    other = steps.submit(database, account="4027311")
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    request = steps.claim(bot, run)
    deliveries = steps.plan(bot, request, 2)
    assert steps.begin(bot, request, deliveries[0]) == "go"
    steps.execute(
        database,
        "insert into billcopy.maintenance_windows (portal, starts_at, ends_at, reason, entered_by)"
        " values ('practice', clock_timestamp(), now() + interval '1 h', 'x', 'x')",
    )
    assert steps.begin(bot, request, deliveries[1]) == "go"
    for delivery in deliveries:
        steps.confirm(bot, request, delivery, f"row-{delivery.delivery_id}")
    assert steps.settle(bot, request)[0] == "delivered"
    assert request_queue.claim_next(bot, run) is None
    assert request_queue.story(database.connect(Login.DESK), other).request["state"] == "queued"


def test_the_status_tells_the_next_window_and_the_backlog_behind_it(database: Database) -> None:
    [(now,)] = steps.execute(database, "select now()")
    zone = ZoneInfo("Europe/Dublin")
    begins = (now.astimezone(zone) + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    weekly(
        database,
        weekday=begins.isoweekday(),
        local_start=begins.time(),
        lasts=timedelta(hours=4),
        time_zone=zone.key,
    )
    for number in range(9):
        request = steps.submit(database, account=f"402{number:04}")
        # Four in the same hours a week ago, two in those two weeks ago, the rest long before.
        weeks, hours = (1, 1) if number < 4 else (2, 2) if number < 6 else (5, 40)
        received = (
            begins.replace(tzinfo=None) - timedelta(weeks=weeks) + timedelta(hours=hours)
        ).replace(tzinfo=zone)
        steps.execute(
            database,
            "update billcopy.requests set received_at = %s, not_before = now() where id = %s",
            received,
            request,
        )
    later = steps.submit(database, account="4029999")
    steps.execute(
        database,
        "update billcopy.requests set not_before = %s where id = %s",
        begins + timedelta(hours=1),
        later,
    )
    [portal] = request_queue.status(database.connect(Login.DESK), "practice")
    assert portal["closure"] is None
    assert portal["maintenance"]["weekly"]
    # One comes due within it, and (4 + 2 + 0 + 0) / 4 arrive; the others are done before it begins.
    assert portal["maintenance"]["backlog"] == {"waiting": 1, "arriving": 1.5, "expected": 3}


def test_the_backlog_of_a_window_that_is_open_counts_all_that_waits(database: Database) -> None:
    for number in range(3):
        steps.submit(database, account=f"402{number:04}")
    open_now(database)
    [portal] = request_queue.status(database.connect(Login.DESK), "practice")
    assert portal["closure"]["backlog"] == {"waiting": 3, "arriving": None, "expected": 3}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"time_zone": "Mars/Olympus", "lasts": timedelta(hours=1)}, "time_zone"),
        ({"weekday": 8, "lasts": timedelta(hours=1)}, "weekday"),
        ({}, "ends"),
        ({"lasts": timedelta(hours=1), "local_end": time(4, 0)}, "ends"),
        ({"lasts": timedelta(days=8)}, "lasts"),
        ({"lasts": timedelta(hours=1), "valid_to": date(2025, 1, 1)}, "valid_to"),
    ],
)
def test_a_window_that_breaks_a_rule_is_refused(
    database: Database, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(errors.InputError) as caught:
        weekly(database, **values)
    assert caught.value.field == field
