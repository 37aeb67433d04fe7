"""The tasks of `apply_retention`: our places, Airflow's log files, Airflow's own database."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg2 import sql

from tests.airflow_fixtures import import_airflow
from tests.database_fixtures import Database
from tests.retention_fixtures import PERSONAL, everything, finished

import_airflow()
from billcopy import errors, settings  # noqa: E402
from billcopy.airflow_parts import retention_run  # noqa: E402

pytestmark = pytest.mark.usefixtures("ops_connection")


@pytest.fixture(autouse=True)
def the_databases_settings(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "load", lambda: database.settings)


def test_the_task_erases_what_is_due_and_says_how_much(database: Database, airflow_context) -> None:
    finished(database, days=91)
    done = retention_run.erase_requests(airflow_context())
    assert done["subjects"] == {"due": 1, "erased": 1, "held": 0}
    assert [text for text in PERSONAL if text in str(done)] == []
    assert [text for text in PERSONAL if text in everything(database)] == []
    assert retention_run.erase_requests(airflow_context())["subjects"]["erased"] == 0


def test_a_dry_run_of_the_dag_changes_nothing(
    database: Database, airflow_context, tmp_path: Path, monkeypatch
) -> None:
    finished(database, days=91)
    before = everything(database)
    old = log_file(tmp_path, "dag_id=x/old.log", days=31)
    monkeypatch.setattr(retention_run.conf, "get", lambda *_: str(tmp_path))
    context = airflow_context(params={"dry_run": True})
    assert retention_run.erase_requests(context)["subjects"] == {"due": 1, "erased": 0, "held": 0}
    assert retention_run.erase_logs(context) == 1
    assert everything(database) == before
    assert old.exists()


def test_a_place_that_does_not_work_makes_the_task_red(
    database: Database, airflow_context, monkeypatch
) -> None:
    finished(database, days=91)

    def refuses(*_: object) -> None:
        raise OSError("store closed")

    monkeypatch.setattr("billcopy.evidence.delete", refuses)
    with pytest.raises(errors.ApplicationError, match="evidence: OSError: store closed"):
        retention_run.erase_requests(airflow_context())
    held = "4027318" in everything(database)
    assert not held, "the other places were not done"


def log_file(folder: Path, name: str, *, days: float) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a line")
    written = time.time() - days * 86400
    for one in (path, path.parent):
        os.utime(one, (written, written))
    return path


def test_old_log_files_go_and_empty_folders_with_them(
    airflow_context, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(retention_run.conf, "get", lambda *_: str(tmp_path))
    outside = tmp_path.parent / "outside.log"
    outside.write_text("not ours")
    old = log_file(tmp_path, "dag_id=x/run_id=1/task_id=a/attempt=1.log", days=30.1)
    new = log_file(tmp_path, "dag_id=x/run_id=2/task_id=a/attempt=1.log", days=29.9)
    (tmp_path / "latest").symlink_to(outside)
    assert retention_run.erase_logs(airflow_context()) == 1
    assert not old.exists()
    assert new.exists()
    assert outside.exists()
    assert retention_run.erase_logs(airflow_context()) == 0


# -- Airflow's own database ------------------------------------------------------------------------


@pytest.fixture
def metadata(database: Database, tmp_path: Path, monkeypatch) -> SimpleNamespace:
    """A real metadata database of Airflow, made by its own command."""
    name = f"{database.name}_airflow"
    with contextlib.closing(database.server.connect()) as admin, admin.cursor() as cursor:
        cursor.execute(sql.SQL("create database {} owner airflow").format(sql.Identifier(name)))
    connection = SimpleNamespace(
        host=database.server.host,
        port=database.server.port,
        schema=name,
        login="airflow",
        password=database.passwords["airflow"],
        extra_dejson={},
    )
    monkeypatch.setattr(retention_run.BaseHook, "get_connection", lambda _conn_id: connection)
    # What a task sees in place of the real address; the command must not be led by it.
    for section in ("DATABASE", "CORE"):
        blocked = "airflow-db-not-allowed:///"
        monkeypatch.setenv(f"AIRFLOW__{section}__SQL_ALCHEMY_CONN", blocked)
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "client")
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    environment = {**os.environ, **retention_run.metadata_environment(connection)}
    del environment["AIRFLOW__CORE__SQL_ALCHEMY_CONN"], environment["_AIRFLOW_PROCESS_CONTEXT"]
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    yield connection
    with contextlib.closing(database.server.connect()) as admin, admin.cursor() as cursor:
        cursor.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.mark.airflow
@pytest.mark.slow
def test_airflow_cleans_its_own_database_and_keeps_no_archive(
    database: Database, metadata: SimpleNamespace, airflow_context
) -> None:
    connection = database.server.connect(metadata.schema)
    with contextlib.closing(connection), connection.cursor() as cursor:
        for event, days in (("old", 31), ("new", 29)):
            cursor.execute(
                "insert into log (dttm, event) values (now() - make_interval(days => %s), %s)",
                (days, event),
            )
        connection.commit()
        look = "select event from log where event in ('old', 'new') order by 1"

        retention_run.erase_metadata(airflow_context(params={"dry_run": True}))
        cursor.execute(look)
        assert cursor.fetchall() == [("new",), ("old",)]
        connection.commit()

        retention_run.erase_metadata(airflow_context())
        cursor.execute(look)
        assert cursor.fetchall() == [("new",)]
        cursor.execute("select relname from pg_class where relname like '%_airflow_deleted%'")
        assert cursor.fetchall() == []


def test_a_cleaning_that_fails_makes_the_task_red(monkeypatch, airflow_context) -> None:
    failing = [sys.executable, "-c", "import sys; print('no such table'); sys.exit(3)"]
    monkeypatch.setattr(retention_run, "cleaning", lambda *_, **__: failing)
    with pytest.raises(errors.ApplicationError, match="ended with 3"):
        retention_run.erase_metadata(airflow_context())


def test_the_password_is_in_no_argument_of_the_command() -> None:
    connection = SimpleNamespace(
        host="h", port=None, schema="airflow", login="a", password="p@ss/word", extra_dejson={}
    )
    given = retention_run.metadata_environment(connection)
    assert given == {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": (
            "postgresql+psycopg2://a:p%40ss%2Fword@h:5432/airflow?sslmode=prefer"
        )
    }
    command = retention_run.cleaning(retention_run._before(), dry_run=False)
    assert "p%40ss" not in " ".join(command)
    assert "--skip-archive" in command
