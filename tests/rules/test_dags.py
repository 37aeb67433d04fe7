"""Policy: what every DAG must have."""

from __future__ import annotations

import json
import os
import re
import shutil
import warnings
from pathlib import Path

import pytest

from billcopy.settings import PROJECT_ROOT
from tests.airflow_fixtures import import_airflow

import_airflow()
from airflow.dag_processing.dagbag import DagBag  # noqa: E402
from airflow.sdk import AssetOrTimeSchedule, CronDataIntervalTimetable  # noqa: E402

DAGS = PROJECT_ROOT / "dags"
NEEDS_NO_POOL = {
    "requeue", "gate", "summarise", "rescue", "erase_requests", "erase_logs", "erase_metadata",
}  # fmt: skip


@pytest.fixture(scope="module")
def dagbag():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder")


@pytest.fixture(scope="module")
def deliver(dagbag):
    return dagbag.dags["deliver_bill_copies"]


def test_every_dag_file_can_be_read(dagbag) -> None:
    assert dagbag.import_errors == {}
    assert set(dagbag.dags) == {
        "apply_retention",
        "deliver_bill_copies",
        "reconcile_sent_log",
        "rescue_expired_leases",
    }


def test_each_portal_of_several_has_a_dag_of_its_own(tmp_path, monkeypatch) -> None:
    for name in ("north_bank", "south_bank"):
        shutil.copytree(PROJECT_ROOT / "robot" / "portals" / "practice", tmp_path / name)
    monkeypatch.setenv("BILLCOPY_PORTAL_PATH", json.dumps([str(tmp_path)]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dags = DagBag(dag_folder=DAGS, bundle_path=DAGS, bundle_name="dags-folder").dags
    for name in ("north_bank", "south_bank"):
        assert dags[f"deliver_bill_copies_{name}"].get_task("run_bot").pool == f"portal_{name}"
        assert dags[f"reconcile_sent_log_{name}"].get_task("read_sent_log").pool == f"portal_{name}"
    assert "deliver_bill_copies" not in dags


def test_every_dag_says_what_it_is_for_and_whose_it_is(dagbag) -> None:
    for dag in dagbag.dags.values():
        assert len(dag.doc_md or "") > 200, dag.dag_id
        assert dag.description, dag.dag_id
        assert "billcopy" in dag.tags, dag.dag_id
        for task in dag.tasks:
            assert task.owner == "operations", task.task_id


def test_no_dag_catches_up_or_overlaps_itself(dagbag) -> None:
    for dag in dagbag.dags.values():
        assert dag.catchup is False
        assert dag.max_active_runs == 1
        assert dag.start_date.year <= 2020, "a run dated before it would be green without a task"


def test_only_the_bot_needs_the_portals_pool_and_is_never_retried(dagbag) -> None:
    for dag in dagbag.dags.values():
        for task in dag.tasks:
            if task.task_id in NEEDS_NO_POOL:
                assert task.pool == "default_pool"
                assert task.retries >= 1
            else:
                assert task.pool == "portal_practice"
                assert (task.pool_slots, task.retries) == (1, 0)


def test_deliver_runs_every_quarter_of_an_hour_and_on_submission(deliver) -> None:
    assert isinstance(deliver.timetable, AssetOrTimeSchedule)
    assert isinstance(deliver.timetable.timetable, CronDataIntervalTimetable)
    assert deliver.timetable.timetable.expression == "*/15 * * * *"
    (asset,) = deliver.timetable.asset_condition.objects
    (watcher,) = asset.watchers
    assert watcher.trigger.serialize()[1] == {"portal": "practice"}


def test_run_bot_decides_the_colour(deliver) -> None:
    assert deliver.get_task("summarise").is_teardown
    assert not deliver.get_task("summarise").on_failure_fail_dagrun
    assert deliver.get_task("run_bot").downstream_task_ids == {"summarise"}
    assert deliver.get_task("gate").upstream_task_ids == {"requeue"}


def test_the_form_explains_every_field(deliver) -> None:
    assert set(deliver.params) == {
        "request_ids", "received_from", "received_to", "states", "limit", "dry_run",
    }  # fmt: skip
    for name in deliver.params:
        field = deliver.params.get_param(name)
        assert field.schema["title"], name
        assert field.description.endswith("."), name
        assert field.schema["section"], name
        assert field.value in (None, False, ["failed", "partial"]), name


def test_a_dag_file_is_wiring_only() -> None:
    for path in DAGS.glob("*.py"):
        code = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
        assert len(code.splitlines()) < 80, path.name
        imported = set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE))
        assert imported <= {"__future__", "airflow", "billcopy", "datetime"}, path.name


def test_airflow_finds_one_plugin_in_the_plugins_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow._shared.module_loading import find_path_from_directory

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = find_path_from_directory(
            str(PROJECT_ROOT / "plugins"), ".airflowignore", ignore_file_syntax="glob"
        )
        files = [Path(path) for path in found]
    code = [path for path in files if path.suffix == ".py" and path.is_file()]
    assert [path.name for path in code] == ["billcopy_plugin.py"]
    assert os.environ["AIRFLOW_HOME"] != str(Path.home() / "airflow")
