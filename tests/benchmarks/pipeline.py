"""From a submission to the first click, and what an empty DAG run costs, on the whole stack.

The peer of the empty run is a DAG of Airflow's own with one task that does nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from billcopy import database, request_queue, settings
from billcopy.database import Connection
from billcopy.model import NewRequest
from billcopy.settings import PROJECT_ROOT
from sandbox import stack
from sandbox.airflow_config import logins
from sandbox.airflow_rest import AirflowRest
from sandbox.plan import Plan, free_ports
from tests.benchmarks.bench import two_bills
from tests.waiting import until

DAG, PEER = "deliver_bill_copies", "does_nothing"
RUNS = 5
SUBMISSIONS = 5
LINGER_SECONDS = 15
TIMEOUT_SECONDS = 120
PEER_DAG = """
from datetime import datetime, timezone
from airflow.sdk import dag, task

@dag(schedule=None, start_date=datetime(2020, 1, 1, tzinfo=timezone.utc))
def does_nothing():
    @task
    def nothing():
        return None
    nothing()

does_nothing()
"""


@contextlib.contextmanager
def running_stack(
    *, linger_seconds: int = LINGER_SECONDS, restart: bool = False
) -> Iterator[tuple[Plan, AirflowRest, Connection]]:
    """The whole stack with the peer's DAG beside ours; its plan, Airflow, a login of the desk."""
    with (
        tempfile.TemporaryDirectory(prefix="billcopy-bench-") as folder,
        contextlib.ExitStack() as all_,
    ):
        home = Path(folder)
        home.chmod(0o755)
        shutil.copytree(PROJECT_ROOT / "dags", home / "dags")
        (home / "dags" / "does_nothing.py").write_text(PEER_DAG)
        plan = Plan(
            home=home,
            ports=free_ports(),
            fresh=True,
            paused=False,
            linger_seconds=linger_seconds,
            restart=restart,
            dags_folder=home / "dags",
        )
        all_.enter_context(stack.running(plan, output=subprocess.DEVNULL))
        os.environ["BILLCOPY_SETTINGS_FILE"] = str(plan.settings_file)
        password = logins(plan.airflow_home)["ops"]
        rest = AirflowRest(plan.airflow_url, user="ops", password=password)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while {DAG, PEER} - set(rest.dags()) and time.monotonic() < deadline:
            time.sleep(0.5)
        desk = database.connect(settings.load(), database.Login.DESK)
        all_.callback(desk.close)
        yield plan, rest, desk


def moment(text: str) -> float:
    """Seconds since 1970 of what the database or Airflow wrote."""
    return datetime.fromisoformat(text).timestamp()


def _triggered_to_finished(rest: AirflowRest, dag: str) -> list[float]:
    seconds = []
    for _ in range(RUNS):
        until(lambda: all(one["state"] in ("success", "failed") for one in rest.runs(dag)))
        began = time.time()
        run_id = rest.trigger(dag)
        run = rest.finished(dag, run_id, timeout_seconds=TIMEOUT_SECONDS)
        seconds.append(moment(run["end_date"]) - began)
    return seconds


def submit_one(desk: Connection, source_key: str, number: int) -> int:
    """Submit the request for two bills with this number; its id."""
    account, first, second = two_bills()[number]
    request = NewRequest(
        portal="practice",
        account=account,
        period_from=first,
        period_to=second,
        source="bench",
        source_key=source_key,
    )
    return request_queue.submit(desk, request, actor="bench").request_id


def _first_click(desk: Connection, number: int) -> float:
    """Seconds from a submission until the bot clicks."""
    request_id = submit_one(desk, f"pipeline-{number}", number)
    clicks: list[str] = []

    def clicked() -> bool:
        story = request_queue.story(desk, request_id)
        clicks[:] = [one["clicked_at"] for one in story.deliveries if one["clicked_at"]]
        return story.request["state"] == "delivered"

    until(clicked)
    story = request_queue.story(desk, request_id)
    return moment(min(clicks)) - moment(story.request["received_at"])


def _bot_is_gone(desk: Connection, rest: AirflowRest) -> bool:
    (portal,) = request_queue.status(desk, "practice")
    idle = portal["bot_run"] is None or portal["bot_run"]["finished_at"] is not None
    return idle and all(one["state"] in ("success", "failed") for one in rest.runs(DAG))


def measure() -> dict[str, Any]:
    """Medians in seconds, and the empty run's ratio to its peer."""
    with running_stack() as (_, rest, desk):
        for dag in (DAG, PEER):
            rest.pause(dag, paused=False)
        empty = _triggered_to_finished(rest, DAG)
        peer = _triggered_to_finished(rest, PEER)
        cold, warm = [], []
        numbers = iter(range(100))
        for _ in range(SUBMISSIONS):
            until(lambda: _bot_is_gone(desk, rest))
            cold.append(_first_click(desk, next(numbers)))
            warm.append(_first_click(desk, next(numbers)))
        medians = {
            "empty_run_s": statistics.median(empty),
            "airflow_one_empty_task_s": statistics.median(peer),
            "submitted_to_first_click_bot_idle_s": statistics.median(warm),
            "submitted_to_first_click_no_bot_s": statistics.median(cold),
        }
        return {
            **{name: round(value, 2) for name, value in medians.items()},
            "empty_run_ratio": round(statistics.median(empty) / statistics.median(peer), 2),
        }
