"""Files that go with what was erased, and a pass that was killed at any point."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest

from billcopy import database as databases
from billcopy import errors, evidence, retention
from billcopy.database import Login
from billcopy.request_queue import retention as queue
from billcopy.settings import PROJECT_ROOT
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.retention_fixtures import (
    ACCOUNT,
    PERSONAL,
    WHO,
    erased,
    everything,
    files,
    finished,
    run,
    story,
)

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
