"""`apply_retention` in a real Airflow: a task erases, and Airflow's own command cleans from a task.

One start of the stack; the queue holds one request that finished long ago.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

import pytest

from billcopy import database, request_queue
from billcopy.database import Login
from tests.running_stack import Stack, started
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.airflow, pytest.mark.timeout(600)]

DAG = "apply_retention"
TASKS = ("erase_requests", "erase_logs", "erase_metadata")
OLD, NEW = "an old audit line", "a new audit line"
LONG = 240.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with started(tmp_path_factory.mktemp("stack"), unpaused=[DAG]) as running:
        until(lambda: [run["state"] for run in running.rest.runs(DAG)] == ["success"], within=LONG)
        yield running


def run(running: Stack, conf: dict[str, bool]) -> str:
    """One run by hand, which must end green; its name."""
    name = running.rest.trigger(DAG, conf)
    ended = running.rest.finished(DAG, name, timeout_seconds=LONG)
    states = {task: one["state"] for task, one in running.rest.task_instances(DAG, name).items()}
    logs = "\n".join(running.rest.log(DAG, name, task) for task in TASKS)
    assert states == dict.fromkeys(TASKS, "success"), logs
    assert ended["state"] == "success"
    return name


def test_unpausing_starts_the_timetables_run_at_once(running: Stack) -> None:
    """docs/retention.md tells operations to look with the command before they unpause it."""
    assert [run["run_type"] for run in running.rest.runs(DAG)] == ["scheduled"]


def test_a_dry_run_counts_and_a_run_erases_in_every_place(running: Stack) -> None:
    number = running.submit("3310487")
    with contextlib.closing(database.connect(running.settings, Login.DESK)) as desk:
        request_queue.cancel(desk, number, actor="ann", reason="not needed")
    running.query(
        "update billcopy.requests set finished_at = finished_at - interval '91 days',"
        " received_at = received_at - interval '91 days' where id = %s",
        number,
    )
    for event, days in ((OLD, 31), (NEW, 29)):
        running.query(
            "insert into log (dttm, event) values (now() - make_interval(days => %s), %s)",
            days, event, name="airflow",
        )  # fmt: skip
    log_file = running.plan.airflow_home / "logs" / "dag_id=x" / "attempt=1.log"
    log_file.parent.mkdir(parents=True)
    log_file.write_text("a line")
    month_ago = time.time() - 31 * 86400
    os.utime(log_file, (month_ago, month_ago))

    def left() -> tuple[object, ...]:
        account = running.query(
            "select account from billcopy.request_subjects where request_id = %s", number
        )
        lines = running.query(
            "select event from log where event in (%s, %s) order by 1", OLD, NEW, name="airflow"
        )
        return account[0][0], [line for (line,) in lines], log_file.exists()

    dry = run(running, {"dry_run": True})
    assert left() == ("3310487", [NEW, OLD], True)
    assert "subjects: due 1, erased 0" in running.rest.log(DAG, dry, "erase_requests")

    done = run(running, {})
    assert left() == (None, [NEW], False)
    assert running.state(number) == "cancelled"
    told = "\n".join(running.rest.log(DAG, done, task) for task in TASKS)
    assert "subjects: due 1, erased 1" in told
    assert "3310487" not in told
    assert "psycopg2://" not in told, "the address, and with it the password, is in a log"
    archives = "select relname from pg_class where relname like '%%_airflow_deleted%%'"
    assert running.query(archives, name="airflow") == []

    again = run(running, {})
    assert "subjects: due 0, erased 0" in running.rest.log(DAG, again, "erase_requests")
