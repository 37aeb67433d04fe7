"""A simulated week: 100 requests a day, retention every night, and what it all takes in the end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from billcopy import evidence, request_queue, retention
from billcopy.database import Login
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

DAYS, A_DAY, BILLS, KEYWORDS = 7, 100, 2, 30
KEPT_DAYS = 2  # short, so that within the week days of every age are there
PICTURE = os.urandom(60 * 1024)
OUTPUT = 200 * 1024

# What docs/retention.md states.
TRAIL_BYTES_A_REQUEST = 8 * 1024
FULL_BYTES_A_REQUEST = 16 * 1024


def one_request(database: Database, bot: object, desk: object, run: int, number: int) -> None:
    """As a bot works it off: checkpoints, keywords, two bills, a picture of each."""
    new = steps.new_request(
        account=f"{4_100_000 + number}", recipient=f"customer{number}@x.ie", check_value="Ryan"
    )
    request_queue.submit(desk, new, actor="ann")
    request = steps.claim(bot, run)
    for bill in steps.plan(bot, request, BILLS):
        assert steps.begin(bot, request, bill) == "go"
        request_queue.record_click(
            bot, request, bill.delivery_id, clicked_at=request_queue.database_now(bot),
            confirmation="Your copy was sent",
        )  # fmt: skip
        name = evidence.place(
            portal="practice",
            request_id=request.request_id,
            attempt_id=request.attempt_id,
            delivery_id=bill.delivery_id,
            kind="confirmation",
        )
        kept = evidence.store(database.settings.evidence_url, name, PICTURE)
        request_queue.record_evidence(
            bot, request, delivery_id=bill.delivery_id, kind="confirmation",
            url=kept.url, digest=kept.digest,
        )  # fmt: skip
        steps.confirm(bot, request, bill, f"row-{bill.delivery_id}")
    told = {"ago": 0, "kind": "keyword", "step": "Open Send Form", "detail": {"seconds": 0.21}}
    request_queue.record_steps(bot, request, [told] * KEYWORDS)
    assert steps.settle(bot, request)[0] == "delivered"


def a_day(database: Database, day: int) -> None:
    """One bot run of a day's requests, and its output."""
    bot, desk = database.connect(Login.BOT), database.connect(Login.DESK)
    run = steps.start_bot_run(bot, limit=A_DAY)
    for number in range(A_DAY):
        one_request(database, bot, desk, run, day * A_DAY + number)
    request_queue.finish_bot_run(bot, run, stop_reason="DRAINED", blocked_requests=0)
    output = database.settings.work_dir / "practice" / f"run-{run}"
    output.mkdir(parents=True)
    (output / "output.xml").write_bytes(b"x" * OUTPUT)
    steps.hang_up(database, bot)
    desk.close()


def a_night(database: Database) -> None:
    """Everything becomes a day older; then retention runs."""
    steps.execute(
        database,
        "update billcopy.requests set received_at = received_at - interval '1 day',"
        " finished_at = finished_at - interval '1 day';"
        " update billcopy.deliveries set sending_at = sending_at - interval '1 day',"
        " confirmed_at = confirmed_at - interval '1 day'",
    )
    for path in sorted(database.settings.work_dir.rglob("*"), reverse=True):
        earlier = path.stat().st_mtime - 86400
        os.utime(path, (earlier, earlier))
    ops = database.connect(Login.OPS)
    asked = retention.begin(
        database.settings.model_copy(
            update={
                "retention_subject_days": KEPT_DAYS,
                "retention_evidence_days": KEPT_DAYS,
                "retention_bot_output_days": KEPT_DAYS,
            }
        ),
        actor="airflow",
        reason="apply_retention/scheduled__1",
    )
    assert [place.problem for place in retention.erase(ops, asked) if place.problem] == []
    ops.close()


def bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def rows(database: Database, query: str) -> int:
    return steps.execute(database, f"select count(*) from billcopy.{query}")[0][0]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_week_stays_within_the_stated_size(database: Database, capsys) -> None:
    # Hashes outlive a week; a shorter window lets them go within it, so that they are seen to go.
    request_queue.configure_portal(
        database.connect(Login.OPS), "practice", {"duplicate_window": "4 days"},
        actor="tests", reason="a week is short",
    )  # fmt: skip
    empty = database_bytes(database)
    began = time.monotonic()
    for day in range(DAYS):
        a_day(database, day)
        a_night(database)
    steps.execute(database, "vacuum full")
    grown = database_bytes(database) - empty

    total, kept = DAYS * A_DAY, (KEPT_DAYS) * A_DAY
    assert rows(database, "requests") == total, "the masked trail stays"
    assert rows(database, "deliveries where state = 'confirmed'") == total * BILLS
    # The day that is exactly as old as the setting finished a moment longer ago: it is due.
    left = rows(database, "request_subjects where account is not null")
    assert left in (kept - A_DAY, kept)
    assert rows(database, "steps where kind = 'keyword'") == left * KEYWORDS
    assert rows(database, "evidence where erased_at is null") == left * BILLS
    hashed = rows(database, "requests where account_hmac is not null")
    assert hashed in (3 * A_DAY, 4 * A_DAY)
    of_evidence = bytes_of(Path(database.settings.evidence_url.removeprefix("file://")))
    of_output = bytes_of(database.settings.work_dir)
    assert of_evidence == left * BILLS * len(PICTURE)
    assert of_output <= KEPT_DAYS * OUTPUT
    stated = left * FULL_BYTES_A_REQUEST + (total - left) * TRAIL_BYTES_A_REQUEST
    with capsys.disabled():
        print(  # noqa: T201
            f"\na week: database {grown >> 10} KB for {total} requests ({left} not erased), stated"
            f" {stated >> 10} KB; evidence {of_evidence >> 10} KB, Robot output {of_output >> 10}"
            f" KB, in {time.monotonic() - began:.0f} s"
        )
    assert grown <= stated


def database_bytes(database: Database) -> int:
    """Tables and indexes of ours."""
    query = (
        "select sum(pg_total_relation_size(c.oid))::bigint from pg_class c"
        " where c.relnamespace = 'billcopy'::regnamespace and c.relkind = 'r'"
    )
    return int(steps.execute(database, query)[0][0])
