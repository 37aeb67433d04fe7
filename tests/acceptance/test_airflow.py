"""The DAG through a real Airflow: api-server, scheduler, dag-processor, triggerer, browser, portal.

One start (about 20 s) for all; the tests build on each other's queue only by what they submit.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from billcopy import database, request_queue
from billcopy.database import Login
from billcopy.reaper import descendants
from sandbox import data
from sandbox.airflow_config import logins
from sandbox.airflow_rest import DONE, AirflowRest
from sandbox.secrets_server.provision import read_portal_password
from tests.running_stack import DAG, FIRST, Stack, let_the_timetable_pass, running
from tests.waiting import PATIENCE_SECONDS, until

__all__ = ["running"]
pytestmark = [pytest.mark.slow, pytest.mark.airflow, pytest.mark.timeout(600)]

UNKNOWN = "7718204"
# With the timings of production: 30 to 60 s until a missed renewal shows, a minute until
# rescue_expired_leases runs, and what that takes to start.
RESCUE_SECONDS = 150.0


@pytest.fixture(autouse=True)
def _good_behaviour(running: Stack) -> Iterator[None]:
    let_the_timetable_pass()
    yield
    with contextlib.suppress(httpx.TransportError):  # the last test leaves no portal
        running.faults()


def tasks(running: Stack, run: dict[str, Any]) -> dict[str, str]:
    instances = running.rest.task_instances(DAG, run["dag_run_id"])
    return {name: task["state"] for name, task in instances.items()}


def test_nothing_to_do_is_skipped_and_says_why(running: Stack) -> None:
    run_id = running.rest.trigger(DAG)
    run = running.rest.finished(DAG, run_id, timeout_seconds=PATIENCE_SECONDS)
    assert (run["state"], run["note"]) == ("success", "Nothing to do: no request waits")
    assert tasks(running, run) == {
        "requeue": "success",
        "gate": "skipped",
        "run_bot": "skipped",
        "summarise": "success",
    }
    assert "Nothing to do: no request waits." in running.rest.log(DAG, run_id, "gate")


def test_a_submission_starts_a_run_that_is_green_with_business_failures(running: Stack) -> None:
    known = running.known_runs()
    delivered, rejected = running.submit("3310487"), running.submit(UNKNOWN)
    worked = running.worked_since(known)
    assert worked["run_type"] == "asset_triggered"
    assert worked["state"] == "success"
    assert worked["note"] == "delivered 1, could not be sent 1, to check 0"
    assert (running.state(delivered), running.state(rejected)) == ("delivered", "rejected")
    assert len(running.mails()) == 1


def test_a_dead_portal_is_red_and_claims_nothing(running: Stack) -> None:
    known = running.known_runs()
    running.faults(http_500=100_000)
    waiting = running.submit("20411963")
    red = running.worked_since(known)
    assert red["state"] == "failed"
    assert tasks(running, red)["run_bot"] == "failed"
    assert red["note"]
    assert running.state(waiting) == "queued"
    assert running.query("select attempts from billcopy.requests where id = %s", waiting) == [(0,)]
    # The portal is back: whoever is first, the timetable or a person, delivers it.
    running.faults()
    with contextlib.closing(database.connect(running.settings, Login.OPS)) as ops:
        if request_queue.status(ops, "practice")[0]["refusal"]:
            request_queue.close_breaker(ops, "practice", actor="ops", reason="it is back")
    until_delivered(running, waiting)


def until_delivered(running: Stack, request_id: int) -> None:
    if running.state(request_id) == "queued":
        running.rest.finished(DAG, running.rest.trigger(DAG), timeout_seconds=PATIENCE_SECONDS)
    until(lambda: running.state(request_id) == "delivered")


def test_a_run_that_ends_by_its_limit_starts_the_next(running: Stack) -> None:
    running.known_runs()
    running.rest.pause(DAG, paused=True)
    waiting = [running.submit("7450021", period_to=FIRST), running.submit("5126609")]
    # A dry run first: it walks through both and changes nothing.
    dry = running.rest.trigger(DAG, {"dry_run": True})
    limited = running.rest.trigger(DAG, {"limit": 1})
    running.rest.pause(DAG, paused=False)
    run = running.rest.finished(DAG, dry, timeout_seconds=PATIENCE_SECONDS)
    assert (run["state"], run["note"]) == (
        "success",
        "dry run: nothing was sent, nothing changed. 2 more wait",
    )
    run = running.rest.finished(DAG, limited, timeout_seconds=PATIENCE_SECONDS)
    assert "delivered 1," in run["note"]
    assert "the limit of one run was reached. 1 more wait" in run["note"]
    announced = running.query(
        "select source_run_id, extra::text from asset_event where source_task_id = 'summarise'",
        name="airflow",
    )
    assert (limited, '{"left": 1}') in announced
    until(lambda: {running.state(one) for one in waiting} == {"delivered"})


def test_a_backfill_run_twice_sends_nothing_twice(running: Stack) -> None:
    running.known_runs()
    moved = running.query(
        "update billcopy.requests set received_at = received_at - interval '1 hour' "
        "where state in ('delivered', 'rejected') returning received_at"
    )
    mails = running.mails()
    first, last = min(moved)[0], max(moved)[0]
    for tried, reprocess in enumerate(("none", "completed"), 2):
        known = {one["id"] for one in _backfills(running)}
        running.rest.backfill(
            DAG,
            start=_quarter(first).isoformat(),
            end=_quarter(last).isoformat(),
            reprocess=reprocess,
            conf={"states": ["failed", "partial", "rejected"]},
        )
        until(lambda known=known: _is_done(running, known))
        runs = [run for run in running.rest.runs(DAG) if run["run_type"] == "backfill"]
        assert runs
        assert {run["state"] for run in runs} == {"success"}
        # What was put back is tried once more, by the backfill or by a run the timetable starts.
        until(lambda tried=tried: _tries_of_the_rejected(running) == tried)
        assert running.mails() == mails
    assert all(run["note"] for run in runs)


def test_the_sent_log_is_compared_and_nothing_differs(running: Stack) -> None:
    running.known_runs()
    mails = running.mails()
    running.rest.pause(
        "reconcile_sent_log", paused=False
    )  # the timetable's last run starts at once

    def ended() -> list[str]:
        return [run["state"] for run in running.rest.runs("reconcile_sent_log")]

    until(lambda: bool(ended()) and set(ended()) <= set(DONE))
    running.rest.pause("reconcile_sent_log", paused=True)
    assert ended() == ["success"]
    compared = "select complete, deliveries_checked from billcopy.reconciliations"
    confirmed = "select true, count(*) from billcopy.deliveries where state = 'confirmed'"
    assert running.query(compared) == running.query(confirmed)
    assert running.query("select * from billcopy.reconciliation_findings") == []
    assert running.mails() == mails


def _tries_of_the_rejected(running: Stack) -> int:
    tries = running.query(
        "select count(a.ended_at) from billcopy.attempts as a inner join billcopy.requests as r"
        " on a.request_id = r.id where r.state = 'rejected'"
    )
    return int(tries[0][0])


def _backfills(running: Stack) -> list[dict[str, Any]]:
    answer = running.rest.call("GET", "/backfills", dag_id=DAG).json()
    backfills: list[dict[str, Any]] = answer["backfills"]
    return backfills


def _is_done(running: Stack, known: set[int]) -> bool:
    new = [one for one in _backfills(running) if one["id"] not in known]
    return bool(new) and all(one["completed_at"] for one in new)


def _quarter(moment: datetime) -> datetime:
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


@pytest.mark.parametrize("way", ["marked failed", "task killed", "supervisor killed"])
def test_a_killed_bot_task_leaves_no_browser_and_its_request_is_rescued(
    running: Stack, way: str
) -> None:
    known = running.known_runs()
    running.faults(latency_ms=60_000, latency_path="/accounts/[0-9]")
    account = {"marked failed": "6093377", "task killed": "5126609", "supervisor killed": "7450021"}
    month = {"period_from": date(2026, 3, 1), "period_to": date(2026, 3, 31)}
    waiting = running.submit(account[way], **month)
    until(lambda: running.state(waiting) == "claimed")
    bot = running.latest_bot()
    browsers = [pid for pid in descendants(bot) if "chrom" in _command(pid)]
    assert browsers
    everything = [bot, *descendants(bot)]
    task = _parent(bot)
    assert task > 1
    if way == "marked failed":
        path = f"/dags/{DAG}/dagRuns/{_new_run(running, known)}/taskInstances/run_bot"
        answer = running.rest.call("PATCH", path, {"new_state": "failed"})
        answer.raise_for_status()
        until(lambda: not _lives(task), "the task's next heartbeat told it", within=20.0)
    else:
        os.kill(task if way == "task killed" else _parent(task), signal.SIGKILL)
    until(lambda: not any(_lives(pid) for pid in everything), within=5.0)
    running.faults()
    until(lambda: running.first_attempt_ended(waiting), "it is taken back", within=RESCUE_SECONDS)
    if way == "supervisor killed":
        # The test does not wait until Airflow notices that nobody supervises the task any more.
        # Sometimes Airflow has noticed by now, and the run has ended.
        for run in running.rest.runs(DAG):
            if run["state"] == "running":
                path = f"/dags/{DAG}/dagRuns/{run['dag_run_id']}"
                running.rest.call("PATCH", path, {"state": "failed"}).raise_for_status()
    running.known_runs()
    running.rest.finished(DAG, running.rest.trigger(DAG), timeout_seconds=PATIENCE_SECONDS)
    until_delivered(running, waiting)


def _new_run(running: Stack, known: set[str]) -> str:
    """The run that works on the submission; one of the timetable may have come between."""
    new = [run for run in running.rest.runs(DAG) if run["dag_run_id"] not in known]
    return next(run["dag_run_id"] for run in new if run["state"] == "running")


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return ["X", "0"]


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _lives(pid: int) -> bool:
    return _stat(pid)[0] not in ("X", "Z")


def test_a_form_that_breaks_a_rule_is_refused_with_the_rule(running: Stack) -> None:
    for conf, says in (
        ({"limit": 0}, "0 is less than the minimum of 1"),
        ({"received_from": "yesterday"}, "'yesterday' does not match"),
        ({"states": ["delivered"]}, "'delivered' is not one of"),
        ({"request_ids": "4711x"}, "'4711x' does not match"),
    ):
        body = {"logical_date": None, "conf": conf}
        answer = running.rest.call("POST", f"/dags/{DAG}/dagRuns", body)
        assert answer.status_code == 400, conf
        assert says in answer.text


def test_a_viewer_may_look_and_nothing_else(running: Stack) -> None:
    password = logins(running.plan.airflow_home)["viewer"]
    viewer = AirflowRest(running.plan.airflow_url, user="viewer", password=password)
    assert DAG in viewer.dags()
    body = {"logical_date": None, "conf": {}}
    assert viewer.call("POST", f"/dags/{DAG}/dagRuns", body).status_code == 403
    viewer.close()


def test_nothing_personal_and_no_password_in_what_airflow_keeps(running: Stack) -> None:
    """Late in this module: everything above has left its traces."""
    root_token = (running.plan.home / "vault" / "root_token").read_text()
    password = read_portal_password(running.plan.vault_url, root_token)
    assert password
    secrets = [password]
    for line in (running.plan.home / "pgpass").read_text().splitlines():
        secrets.append(line.rsplit(":", 1)[1])
    used = {"3310487", "20411963", "6093377", "5126609", "7450021", UNKNOWN}
    for account in data.accounts():
        if account.number in used:
            secrets += [account.number, account.name, *([account.email] if account.email else [])]
    secrets.append(UNKNOWN)
    kept = {
        str(path): path.read_text(errors="replace")
        for folder in (running.plan.airflow_home / "logs", running.plan.log_folder)
        for path in folder.rglob("*")
        if path.is_file()
    }
    for table, column in (("xcom", "value"), ("dag_run", "conf"), ("dag_run_note", "content")):
        text = f"select {column}::text from {table}"
        found = running.query(text, name="airflow")
        kept[table] = "\n".join(str(row[0]) for row in found)
    found = running.query(
        "select rendered_fields::text from rendered_task_instance_fields", name="airflow"
    )
    kept["rendered fields"] = "\n".join(str(row[0]) for row in found)
    for secret in secrets:
        pattern = re.compile(rf"(?<![0-9]){re.escape(secret)}(?![0-9])")
        leaks = [place for place, text in kept.items() if pattern.search(text)]
        assert leaks == [], f"{secret[:2]}… stands in {leaks}"


def test_nothing_is_left_when_the_stack_is_killed(running: Stack) -> None:
    """The last test of this module: there is no stack after it."""
    (manager,) = re.findall(r"process (\d+)", (running.plan.home / "stack.lock").read_text())
    everything = [int(manager), *descendants(int(manager))]
    assert len(everything) > 20
    os.kill(int(manager), signal.SIGKILL)
    until(lambda: not any(_lives(pid) for pid in everything), within=60)
