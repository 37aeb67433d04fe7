"""The desk's words: periods, moments, rules as a representative reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billcopy.desk import times, words


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-01-01", "2026-01-31", "Jan 2026"),
        ("2025-01-01", "2025-06-30", "Jan to Jun 2025"),
        ("2025-11-01", "2026-02-28", "Nov 2025 to Feb 2026"),
        ("2024-02-01", "2024-02-28", "1 Feb 2024 to 28 Feb 2024"),
        ("2026-02-14", "2026-02-14", "14 Feb 2026"),
    ],
)
def test_a_period_is_said_as_people_say_it(first: str, last: str, said: str) -> None:
    assert times.period(first, last) == said
    assert times.period(date.fromisoformat(first), date.fromisoformat(last)) == said


@settings(deadline=None)
@given(st.dates(min_value=date(1995, 1, 1), max_value=date(2090, 1, 1)))
def test_usual_periods_end_by_today_and_fit_the_usual_limit(today: date) -> None:
    keys = [key for key, *_ in times.shortcuts(today)]
    assert len(set(keys)) == len(keys)
    for key, _, first, last in times.shortcuts(today):
        assert first <= last <= today, key
        assert first.day == 1
        assert (last - first).days <= 366


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=4_000_000_000), st.text(max_size=80))
def test_any_zone_a_browser_may_name_gives_a_time(second: int, name: str) -> None:
    at = datetime.fromtimestamp(second, UTC)
    there = times.zone(name)
    assert times.short(at, there)
    assert str(times.moment(at).astimezone(there).year) in times.exact(at, there)


def test_a_moment_of_today_needs_no_date() -> None:
    now = datetime(2026, 3, 29, 12, 0, tzinfo=UTC)
    dublin = times.zone("Europe/Dublin")
    assert (
        times.short(datetime(2026, 3, 28, 23, 59, tzinfo=UTC), dublin, now=now) == "28 Mar, 23:59"
    )
    assert times.short(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), dublin, now=now) == "02:30"
    assert times.short("2025-12-31T12:00:00+00:00", dublin, now=now) == "31 Dec 2025, 12:00"
    assert times.zone("Nowhere/Land", otherwise="Asia/Tokyo") == times.zone("Asia/Tokyo")


@pytest.mark.parametrize(
    ("field", "rule", "said"),
    [
        ("account", "is missing", "Account number is missing."),
        ("reference", "at most 64 characters", "Your reference: at most 64 characters."),
        (
            "period_to",
            "must not lie before period_from",
            "Last day must not lie before “First day”.",
        ),
        ("source_key", "must be given", "Source key must be given."),
    ],
)
def test_a_rule_names_the_field_as_the_page_does(field: str, rule: str, said: str) -> None:
    assert words.problem(field, rule) == said


def test_every_state_that_is_final_has_its_list() -> None:
    listed = {state for group in words.GROUPS for state in group.states or ()}
    states = [
        "queued",
        "claimed",
        "held",
        "delivered",
        "partial",
        "rejected",
        "failed",
        "cancelled",
    ]
    assert listed == set(states)
