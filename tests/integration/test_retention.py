"""What goes when its time is over, what stays, and what keeps it: against a real Postgres."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from billcopy import database as databases
from billcopy import errors, evidence, request_queue, retention
from billcopy.database import Login
from billcopy.model import Story
from billcopy.request_queue import retention as queue
from billcopy.settings import PROJECT_ROOT
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.retention_fixtures import (
    ACCOUNT,
    CHECK,
    PERSONAL,
    RECIPIENT,
    age,
    everything,
    files,
    finished,
    rejected,
)

WHO = {"actor": "olga", "reason": "routine"}


def run(database: Database, **changes: object) -> dict[str, retention.Place]:
    """One pass; by place."""
    settings = database.settings.model_copy(update=changes)
    ops = database.connect(Login.OPS)
    done = retention.erase(ops, retention.begin(settings, **WHO))
    ops.close()
    return {place.name: place for place in done}


def erased(database: Database) -> dict[str, int]:
    """One pass; what it erased, by place, where it did."""
    return {name: place.erased for name, place in run(database).items() if place.erased}


def story(database: Database, number: int) -> Story:
    return request_queue.story(database.connect(Login.DESK), number)


# -- what goes, what stays -------------------------------------------------------------------------


def test_everything_personal_goes_and_the_masked_trail_stays(database: Database) -> None:
    number = finished(database, days=91)
    before = story(database, number)
    held = everything(database)
    assert all(text in held for text in PERSONAL)
    assert len(files(database)) == 1

    done = erased(database)

    assert done == {"subjects": 1, "keys": 1, "evidence": 1}
    left = everything(database)
    assert [text for text in PERSONAL if text in left] == []
    assert files(database) == []
    told = story(database, number)
    assert told.request["account_masked"] == before.request["account_masked"] == "••••18"
    assert told.request["state"] == "delivered"
    assert told.request["erased"] is True
    assert told.request["resend_reason"] == "(erased)"
    kept = ("id", "event", "from_state", "to_state", "reason_code", "actor", "at", "detail")
    trail = [{key: event[key] for key in kept} for event in before.events]
    assert [{key: event[key] for key in kept} for event in told.events][: len(trail)] == trail
    added = [event["event"] for event in told.events][len(trail) :]
    assert added == ["subject erased", "evidence erased", "keys erased"]
    assert [event["reason"] for event in told.events][-3:] == ["routine"] * 3
    assert [row["proof_value"] for row in told.deliveries] == [f"row-{number}"]
    assert [row["recipient_masked"] for row in told.deliveries] == ["m•••@•••.ie"]
    assert [step["step"] for step in told.steps] == ["looked"]
    assert told.evidence[0]["erased_at"] is not None
    assert told.evidence[0]["digest"] == before.evidence[0]["digest"]


def test_a_second_pass_finds_nothing_and_changes_nothing(database: Database) -> None:
    finished(database, days=91)
    run(database)
    after = everything(database)
    assert erased(database) == {}
    assert everything(database) == after


def test_a_look_counts_and_changes_nothing(database: Database) -> None:
    finished(database, days=91)
    finished(database, days=1, account="4027311")
    held = finished(database, days=91, account="4027312")
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, held, actor="olga", reason="court")
    before, stored = everything(database), files(database)
    found = retention.look(ops, retention.begin(database.settings, **WHO))
    counted = {place.name: (place.due, place.erased, place.held) for place in found}
    assert counted["subjects"] == (1, 0, 1)
    assert counted["evidence"] == (1, 0, 1)
    assert everything(database) == before
    assert files(database) == stored


def test_a_look_counts_what_the_pass_then_erases(database: Database) -> None:
    """Also hashes, which are due only because the same pass erases the account before them."""
    finished(database, days=91)
    finished(database, days=91, account="4027311")
    held = finished(database, days=91, account="4027312")
    finished(database, days=1, account="4027313")
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, held, actor="olga", reason="court")
    found = retention.look(ops, retention.begin(database.settings, **WHO))
    looked = {place.name: (place.due, place.held) for place in found if place.due}
    assert looked == {"subjects": (2, 1), "keys": (2, 1), "evidence": (2, 1)}
    done = run(database)
    assert {name: (one.erased, one.held) for name, one in done.items() if one.erased} == looked


def test_what_a_portal_says_of_the_request_that_opened_its_breaker_goes_too(
    database: Database,
) -> None:
    finished(database, days=91)
    other = finished(database, days=1, account="4027311")
    text = "update billcopy.portals set breaker_detail = %s, breaker_request_id = %s"
    steps.execute(database, text, f"no row for {CHECK}", other)
    run(database)
    detail = "select breaker_detail from billcopy.portals where name = 'practice'"
    assert steps.execute(database, detail) == [(f"no row for {CHECK}",)]
    age(database, other, 91)
    run(database)
    assert steps.execute(database, detail) == [("(erased)",)]


@pytest.mark.parametrize(("days", "is_due"), [(89.9, False), (90.1, True)])
def test_the_clock_runs_from_when_it_finished(
    database: Database, days: float, is_due: bool
) -> None:
    finished(database, days=days)
    expected = {"subjects": 1, "keys": 1, "evidence": 1} if is_due else {}
    assert erased(database) == expected


def test_each_place_has_a_time_of_its_own(database: Database) -> None:
    finished(database, days=40)
    done = run(database, retention_subject_days=60, retention_evidence_days=30)
    assert (done["subjects"].erased, done["evidence"].erased) == (0, 1)
    done = run(database, retention_subject_days=30, retention_evidence_days=60)
    assert (done["subjects"].erased, done["evidence"].erased) == (1, 0)


def test_more_than_one_batch_is_worked_off(database: Database) -> None:
    for n in range(5):
        finished(database, days=91, account=f"402732{n}")
    done = run(database, retention_batch=2)
    assert (done["subjects"].erased, done["evidence"].erased, done["keys"].erased) == (5, 5, 5)


# -- hashes ----------------------------------------------------------------------------------------


def test_hashes_stay_as_long_as_a_second_mail_could_be_sent(database: Database) -> None:
    number = finished(database, days=29, resend_reason=None)
    ops = database.connect(Login.OPS)
    assert queue.erase_subjects_of(ops, ACCOUNT, portal=None, **WHO) == {number: "erased"}
    assert run(database)["keys"].erased == 0
    steps.submit(database, account=ACCOUNT, recipient=RECIPIENT, check_value="F")
    bot = database.connect(Login.BOT)
    (delivery,) = steps.plan(bot, steps.claim(bot))
    assert delivery.state == "duplicate"
    steps.hang_up(database, bot)
    age(database, number, 1.1)
    assert run(database)["keys"].erased == 1
    hashes = "select account_hmac, recipient_hmac from billcopy.requests where id = %s"
    assert steps.execute(database, hashes, number) == [(None, None)]
    of_deliveries = "select recipient_hmac from billcopy.deliveries where request_id = %s"
    assert steps.execute(database, of_deliveries, number) == [(None,)]


def test_an_open_request_cannot_lose_its_hash(database: Database) -> None:
    steps.submit(database)
    with pytest.raises(psycopg2.errors.CheckViolation, match="an_open_request_knows"):
        steps.execute(database, "update billcopy.requests set account_hmac = null")


# -- what keeps it ---------------------------------------------------------------------------------


def test_a_legal_hold_keeps_everything_until_it_is_lifted(database: Database) -> None:
    number = finished(database, days=400)
    ops = database.connect(Login.OPS)
    assert queue.set_legal_hold(ops, number, actor="olga", reason="court") is True
    done = run(database)
    assert {name: place.erased for name, place in done.items() if place.erased} == {}
    assert (done["subjects"].held, done["evidence"].held) == (1, 1)
    assert queue.erase_subjects_of(ops, ACCOUNT, portal=None, **WHO) == {number: "legal_hold"}
    with pytest.raises(errors.IllegalTransition, match="legal hold, by olga"):
        request_queue.erase_subject(ops, number, **WHO)
    with pytest.raises(errors.NotPermitted, match="must stay"):
        queue.mark_evidence_erased(ops, [story(database, number).evidence[0]["id"]], **WHO)
    assert all(text in everything(database) for text in PERSONAL)
    queue.lift_legal_hold(ops, number, actor="pat", reason="case closed")
    assert erased(database) == {"subjects": 1, "keys": 1, "evidence": 1}
    with pytest.raises(errors.IllegalTransition, match="not on legal hold"):
        queue.lift_legal_hold(ops, number, actor="pat", reason="again")


def test_a_legal_hold_is_set_once_and_says_who_and_why(database: Database) -> None:
    number = rejected(database)
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, number, actor="olga", reason="court")
    with pytest.raises(errors.IllegalTransition, match="already, by olga"):
        queue.set_legal_hold(ops, number, actor="pat", reason="court")
    with pytest.raises(errors.InputError, match="must say why"):
        queue.lift_legal_hold(ops, number, actor="pat", reason=" ")
    with pytest.raises(errors.NotFound):
        queue.set_legal_hold(ops, 999, actor="olga", reason="court")
    with pytest.raises(psycopg2.errors.CheckViolation, match="legal_hold_says_who"):
        steps.execute(database, "update billcopy.requests set legal_hold_by = null")
    events = [event["event"] for event in story(database, number).events]
    assert events[-1] == "legal hold set"


def test_a_legal_hold_after_erasure_says_that_it_comes_late(database: Database) -> None:
    number = finished(database, days=91)
    run(database)
    ops = database.connect(Login.OPS)
    assert queue.set_legal_hold(ops, number, actor="olga", reason="court") is False


def test_open_requests_stay(database: Database) -> None:
    queued = steps.submit(database, account=ACCOUNT)
    steps.execute(
        database, "update billcopy.requests set received_at = now() - interval '900 days'"
    )
    ops = database.connect(Login.OPS)
    assert erased(database) == {}
    assert queue.erase_subjects_of(ops, ACCOUNT, portal="practice", **WHO) == {queued: "open"}
    steps.claim(database.connect(Login.BOT))
    assert queue.erase_subjects_of(ops, ACCOUNT, portal="practice", **WHO) == {queued: "open"}
    assert steps.execute(database, "select account from billcopy.request_subjects") == [(ACCOUNT,)]


@pytest.mark.parametrize("state", ["sending", "in_doubt"])
def test_what_may_be_under_way_stays(database: Database, state: str) -> None:
    """No guarded path leads there; should one ever, nothing is erased."""
    number = finished(database, days=91)
    steps.execute(
        database,
        "alter table billcopy.deliveries disable trigger user;"
        f" update billcopy.deliveries set state = '{state}', confirmed_at = null,"
        " proof_kind = null, proof_value = null;"
        " alter table billcopy.deliveries enable trigger user",
    )
    ops = database.connect(Login.OPS)
    assert erased(database) == {}
    assert queue.erase_subjects_of(ops, ACCOUNT, portal=None, **WHO) == {number: "under_way"}
    with pytest.raises(errors.IllegalTransition, match="under way"):
        request_queue.erase_subject(ops, number, **WHO)


# -- interrupted -----------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is gone."""


POINTS = ("erase_due_subjects", "mark_evidence_erased", "erase_due_keys", "evidence_to_keep")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_pass_that_is_killed_is_taken_up_by_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch, point: str, when: str
) -> None:
    """Killed around each call: in the middle of its batches, a file deleted and its row not yet."""
    for n in range(3):
        finished(database, days=91, account=f"402732{n}")
    real = getattr(queue, point)

    def dies(*args: object, **kwargs: object) -> None:
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    stray = stray_file(database, request_id=1)
    with monkeypatch.context() as patch:
        patch.setattr(queue, point, dies)
        with pytest.raises(Killed):
            run(database, retention_batch=1)
    run(database, retention_batch=1)
    assert [text for text in PERSONAL if text in everything(database)] == []
    assert files(database) == []
    assert not stray.exists()
    unmarked = "select count(*) from billcopy.evidence where erased_at is null"
    assert steps.execute(database, unmarked) == [(0,)]


def test_a_file_deleted_before_its_row_said_so_is_marked(database: Database) -> None:
    number = finished(database, days=91)
    files(database)[0].unlink()
    assert run(database)["evidence"].erased == 1
    assert story(database, number).evidence[0]["erased_at"] is not None


def test_an_erasure_on_demand_that_was_killed_is_ended_by_the_daily_pass(
    database: Database,
) -> None:
    finished(database, days=1)
    ops = database.connect(Login.OPS)
    queue.erase_subjects_of(ops, ACCOUNT, portal=None, **WHO)
    assert len(files(database)) == 1
    assert erased(database) == {"evidence": 1}
    assert files(database) == []


def test_a_store_that_refuses_one_file_keeps_no_other_from_being_deleted(
    database: Database,
) -> None:
    first = finished(database, days=91)
    finished(database, days=91, account="4027311")
    steps.execute(
        database,
        "update billcopy.evidence set url = 'file:///elsewhere/x.jpg' where request_id = %s",
        first,
    )
    place = run(database, retention_batch=1)["evidence"]
    assert place.erased == 1
    assert "does not lie in the store" in str(place.problem)
    unmarked = "select request_id from billcopy.evidence where erased_at is null"
    assert steps.execute(database, unmarked) == [(first,)]


def test_a_legal_hold_waits_for_the_batch_that_is_being_deleted(database: Database) -> None:
    number = finished(database, days=91)
    ops, other = database.connect(Login.OPS), database.connect(Login.OPS)
    with other.cursor() as cursor:
        cursor.execute("set lock_timeout = '200ms'")
    with databases.transaction(ops):
        assert len(queue.take_due_evidence(ops, timedelta(days=90), limit=10)) == 1
        with pytest.raises((errors.BillCopyError, psycopg2.Error)):
            queue.set_legal_hold(other, number, actor="olga", reason="court")
    queue.set_legal_hold(other, number, actor="olga", reason="court")


# -- files -----------------------------------------------------------------------------------------


def stray_file(database: Database, *, request_id: int, day: str = "2020/01/02") -> Path:
    """A picture whose bot died before it wrote the row."""
    name = f"practice/{day}/request-{request_id}/attempt-1-request-failure.jpg"
    stored = evidence.store(database.settings.evidence_url, name, b"left over")
    return Path(stored.url.removeprefix("file://"))


def test_a_file_that_no_row_knows_goes_when_it_is_old(database: Database) -> None:
    number = finished(database)
    held = finished(database, account="4027311")
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, held, actor="olga", reason="court")
    old = stray_file(database, request_id=number)
    gone = stray_file(database, request_id=999_999)
    of_held = stray_file(database, request_id=held)
    new = stray_file(database, request_id=number, day=time.strftime("%Y/%m/%d", time.gmtime()))
    assert run(database)["left-over files"].erased == 2
    assert [one.exists() for one in (old, gone, of_held, new)] == [False, False, True, True]
    assert not old.parent.exists(), "an empty folder is left"
    assert len(files(database)) == 4


def test_robot_output_goes_when_nothing_was_written_there_lately(database: Database) -> None:
    held = finished(database)
    finished(database, account="4027311")
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, held, actor="olga", reason="court")
    [(of_held,)] = steps.execute(
        database, "select bot_run_id from billcopy.attempts where request_id = %s", held
    )
    portal = database.settings.work_dir / "practice"
    names = {"run-900": 15, f"run-{of_held}": 15, "run-901": 13, "rehearsal": 15, "browser": 1}
    for name, days in names.items():
        (portal / name).mkdir(parents=True)
        (portal / name / "output.xml").write_text("x")
        written = time.time() - days * 86400
        for path in (portal / name / "output.xml", portal / name):
            os.utime(path, (written, written))
    assert run(database)["Robot output"].erased == 2
    left = {path.name for path in portal.iterdir()}
    assert left == {f"run-{of_held}", "run-901", "browser"}


def test_an_upload_that_a_crash_left_goes_after_a_day(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name, hours in (("old", 25), ("new", 23)):
        folder = tmp_path / f"{retention.UPLOAD_PREFIX}{name}"
        folder.mkdir()
        (folder / "requests.csv").write_text(ACCOUNT)
        written = time.time() - hours * 3600
        os.utime(folder, (written, written))
    (tmp_path / "somebody-elses").mkdir()
    assert run(database)["uploads"].erased == 1
    left = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert f"{retention.UPLOAD_PREFIX}new" in left
    assert f"{retention.UPLOAD_PREFIX}old" not in left
    assert "somebody-elses" in left
    desk = (PROJECT_ROOT / "plugins/billcopy/desk/upload_pages.py").read_text()
    assert f'prefix="{retention.UPLOAD_PREFIX}"' in desk, "the desk calls its folder otherwise"


# -- a customer's own data -------------------------------------------------------------------------


def test_an_export_holds_everything_about_one_account_and_is_recorded(database: Database) -> None:
    first = finished(database)
    second = steps.submit(database, account=ACCOUNT, period_from=steps.JANUARY.replace(month=2))
    finished(database, account="4027399", priority=1)
    ops = database.connect(Login.OPS)
    told = queue.export_subject(ops, ACCOUNT, portal="practice", actor="olga", reason="letter 7")
    assert [one["request"]["id"] for one in told] == [first, second]
    assert told[0]["subject"]["account"] == ACCOUNT
    assert told[0]["subject"]["recipient"] == RECIPIENT
    assert told[0]["deliveries"][0]["screen_confirmation"] == f"Sent to {RECIPIENT}"
    assert "hmac" not in str(told)
    recorded = steps.execute(
        database,
        "select entity, entity_id, actor, reason from billcopy.events"
        " where event = 'subject exported' order by id",
    )
    assert recorded == [
        ("request", str(first), "olga", "letter 7"),
        ("request", str(second), "olga", "letter 7"),
        ("portal", "practice", "olga", "letter 7"),
    ]


def test_also_an_export_that_finds_nothing_is_recorded_without_the_account(
    database: Database,
) -> None:
    ops = database.connect(Login.OPS)
    assert queue.export_subject(ops, "4099999", portal=None, actor="olga", reason="letter") == []
    with pytest.raises(errors.InputError, match="no portal"):
        queue.export_subject(ops, ACCOUNT, portal="nowhere", actor="olga", reason="letter")
    with pytest.raises(errors.InputError, match="must say why"):
        queue.export_subject(ops, ACCOUNT, portal=None, actor="olga", reason="")
    assert steps.execute(
        database, "select entity_id, detail from billcopy.events where event = 'subject exported'"
    ) == [("*", {"requests": 0})]
    assert "4099999" not in everything(database)


# -- history ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "reason = null",
        "reason = 'something else'",
        "actor = 'x', reason = '(erased)'",
        "at = now(), reason = '(erased)'",
        "detail = '{}', event = 'x', reason = '(erased)'",
    ],
)
def test_history_cannot_be_changed_even_of_an_erased_request(
    database: Database, change: str
) -> None:
    finished(database, days=91)
    run(database)
    with pytest.raises(psycopg2.Error, match="append-only"):
        steps.execute(
            database, f"update billcopy.events set {change} where event = 'subject erased'"
        )


def test_what_was_typed_stays_until_the_request_is_erased(database: Database) -> None:
    finished(database)
    with pytest.raises(psycopg2.Error, match="append-only"):
        steps.execute(
            database, "update billcopy.events set reason = '(erased)' where reason is not null"
        )


def test_reasons_before_the_erasure_go_and_those_of_the_erasure_stay(database: Database) -> None:
    """As docs/retention.md says, also of holds and exports; the portal's own line stays."""
    number = finished(database, days=91)
    ops = database.connect(Login.OPS)
    queue.set_legal_hold(ops, number, actor="olga", reason="hold for Mary")
    queue.lift_legal_hold(ops, number, actor="olga", reason="lifted for Mary")
    queue.export_subject(ops, ACCOUNT, portal="practice", actor="olga", reason="letter 7")
    run(database)
    queue.set_legal_hold(ops, number, actor="olga", reason="late")
    told = {event["event"]: event["reason"] for event in story(database, number).events}
    for event in ("legal hold lifted", "subject exported", "priority set"):
        assert told[event] == "(erased)"
    assert (told["subject erased"], told["legal hold set"]) == ("routine", "late")
    assert "Mary" not in everything(database)
    of_portal = (
        "select reason from billcopy.events where entity = 'portal' and event = 'subject exported'"
    )
    assert steps.execute(database, of_portal) == [("letter 7",)]


# -- who may ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", [Login.DESK, Login.BOT, Login.REPORTING, Login.WATCH])
def test_only_operations_may_erase_hold_or_export(database: Database, login: Login) -> None:
    other = database.connect(login)
    for call in (
        lambda: queue.set_legal_hold(other, 1, **WHO),
        lambda: queue.lift_legal_hold(other, 1, **WHO),
        lambda: queue.export_subject(other, ACCOUNT, portal=None, **WHO),
        lambda: queue.erase_subjects_of(other, ACCOUNT, portal=None, **WHO),
        lambda: queue.erase_due_subjects(other, timedelta(0), limit=1, **WHO),
        lambda: queue.erase_due_keys(other, limit=1, **WHO),
        lambda: queue.take_due_evidence(other, timedelta(0), limit=1),
        lambda: queue.mark_evidence_erased(other, [1], **WHO),
        lambda: queue.bot_runs_to_keep(other),
        lambda: retention.look(other, retention.begin(database.settings, **WHO)),
    ):
        with pytest.raises(errors.NotPermitted):
            call()
