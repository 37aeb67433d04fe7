"""The commands for windows, the status of a closed portal, and the worklist."""

from __future__ import annotations

import pytest

from billcopy import request_queue
from billcopy.database import Login
from tests.cli_fixtures import Run
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

WHY = ("--reason", "the bank's batch")
WEEKLY = ("maintenance", "practice", "--weekly", "sun", "--at", "02:00", "--zone", "Europe/Berlin")


def test_a_weekly_window_is_entered_listed_and_removed(billcopy: Run) -> None:
    said = billcopy(*WEEKLY, "--for", "4h", *WHY).stdout
    assert "every Sun from 02:00 for 4h (Europe/Berlin) (window 1)" in said
    billcopy(*WEEKLY, "--until", "05:30", "--last-day", "2099-01-01", *WHY)
    shown = billcopy("maintenance-list", "--json").stdout
    assert shown.count('"weekday": 7') == 2
    assert "every Sun" in billcopy("maintenance-list", "--portal", "practice").stdout
    assert "maintenance" in billcopy("status").stdout
    for number in (1, 2):
        assert "is removed" in billcopy("maintenance-remove", number, *WHY).stdout
    assert billcopy("maintenance-list").stdout == "No maintenance is announced.\n"
    assert "NOT_FOUND" in billcopy("maintenance-remove", 1, *WHY, code=1).stderr


def test_a_window_that_happens_once_follows_the_clock_of_its_zone(
    billcopy: Run, database: Database
) -> None:
    # The hour from 2 to 3 comes twice that night: from its first to its second time.
    days = ("--from", "2099-10-25T02:30", "--to", "2099-10-25T02:30")
    billcopy("maintenance", "practice", *days, "--zone", "Europe/Berlin", *WHY)
    [(hours,)] = steps.execute(
        database, "select (ends_at - starts_at)::text from billcopy.maintenance_windows"
    )
    assert hours == "01:00:00"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--weekly", "funday", "--at", "02:00"), "funday"),
        (("--weekly", "sun", "--at", "25:00"), "25:00"),
        (("--weekly", "sun", "--at", "02:00", "--zone", "Mars/Olympus"), "Mars/Olympus"),
        (("--weekly", "sun", "--at", "02:00", "--for", "long"), "long"),
        (("--weekly", "sun", "--at", "02:00", "--for", "4h"), "--zone"),
        (("--weekly", "sun", "--at", "02:00", "--zone", "UTC"), "--until"),
        (("--at", "02:00"), "--from"),
        (("--from", "2099-01-01", "--to", "2099-01-02", "--for", "4h"), "--weekly"),
    ],
)
def test_a_window_that_makes_no_sense_is_explained(
    billcopy: Run, words: tuple[str, ...], complaint: str
) -> None:
    assert complaint in billcopy("maintenance", "practice", *words, *WHY, code=2).stderr


def test_the_status_says_why_until_when_and_who_opens(billcopy: Run, database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for _ in range(3):
        request_queue.report_session_failure(bot, run, reason_code="PORTAL_DOWN")
    shown = billcopy("status").stdout
    assert "closed since" in shown
    assert " until " in shown
    assert "The bank's portal did not answer." in shown
    assert "then one request is tried; if that works, it opens by itself; 1 requests" in shown
    steps.execute(database, "update billcopy.portals set breaker_until = now()")
    assert "one request is tried, then it closes or opens again" in billcopy("status").stdout
    billcopy("close-breaker", "practice", *WHY)
    assert "practice (Practice Bank): open" in billcopy("status").stdout


def test_the_breakers_numbers_and_the_quiet_hours_are_settings(
    billcopy: Run, database: Database
) -> None:
    changes = ("breaker_portal_down_after=2", "breaker_pause=1 min", "quiet_from=03:30")
    billcopy("portal-set", "practice", *changes, *WHY)
    assert steps.execute(
        database,
        "select breaker_portal_down_after, breaker_pause::text, quiet_from::text"
        " from billcopy.portals",
    ) == [(2, "00:01:00", "03:30:00")]
    told = billcopy("portal-set", "practice", "breaker_longest_pause=1 s", *WHY, code=1).stderr
    assert "the longest pause is no shorter" in told


def test_the_worklist_says_what_to_do_and_forgets_what_is_done(
    billcopy: Run, database: Database
) -> None:
    assert billcopy("worklist").stdout == "Nothing waits for a person.\n"
    number = steps.submit(database)
    billcopy("hold", number, *WHY)
    assert "release, or cancel" in billcopy("worklist").stdout
    billcopy("release", number, *WHY)
    told = billcopy("worklist-done", number, *WHY, code=1).stderr
    assert "only one that failed and is on the worklist" in told
