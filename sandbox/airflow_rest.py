"""Airflow's public REST API, as much of it as the runner, the demo and the tests use.

A command of Airflow's own costs 6 to 9 seconds of CPU; a request costs nothing.
"""

from __future__ import annotations

import time
from typing import Any

import httpx

Json = dict[str, Any]
DONE = {"success", "failed"}
BACKFILL_TRIES = 10


class AirflowRefused(httpx.HTTPError):
    """Airflow answered with an error."""


def _refused(answer: httpx.Response, path: str) -> AirflowRefused:
    return AirflowRefused(f"Airflow answers {answer.status_code} to {path}: {answer.text}")


def _content(answer: httpx.Response, path: str) -> Json:
    if answer.is_error:
        raise _refused(answer, path)
    content: Json = answer.json() if answer.content else {}
    return content


class AirflowRest:
    """One signed-in user of one Airflow."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, timeout=60)
        answer = self._client.post("/auth/token", json={"username": user, "password": password})
        answer.raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def call(
        self, method: str, path: str, body: Json | None = None, **query: Any
    ) -> httpx.Response:
        """One call below /api/v2, whatever it answers."""
        return self._client.request(method, f"/api/v2{path}", json=body, params=query)

    def _checked(self, method: str, path: str, body: Json | None = None, **query: Any) -> Json:
        return _content(self.call(method, path, body, **query), path)

    def health(self) -> dict[str, str]:
        """Status per part of Airflow."""
        parts = self._checked("GET", "/monitor/health")
        return {name: str(part["status"]) for name, part in parts.items() if part}

    def ensure_pool(self, name: str, *, slots: int, description: str) -> None:
        """Make the pool; one that is there keeps the slots somebody gave it."""
        body = {"name": name, "slots": slots, "description": description, "include_deferred": False}
        answer = self.call("POST", "/pools", body)
        if answer.is_error and answer.status_code != httpx.codes.CONFLICT:
            raise _refused(answer, f"the pool {name}")

    def dags(self) -> dict[str, Json]:
        """The DAGs it knows."""
        return {dag["dag_id"]: dag for dag in self._checked("GET", "/dags", limit=100)["dags"]}

    def import_errors(self) -> list[Json]:
        """DAG files that could not be read."""
        errors: list[Json] = self._checked("GET", "/importErrors")["import_errors"]
        return errors

    def pause(self, dag_id: str, *, paused: bool) -> None:
        """Pause or unpause a DAG."""
        self._checked("PATCH", f"/dags/{dag_id}", {"is_paused": paused})

    def trigger(self, dag_id: str, conf: Json | None = None) -> str:
        """Start a run by hand; gives its id."""
        body = {"logical_date": None, "conf": conf or {}}
        run_id: str = self._checked("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"]
        return run_id

    def backfill(
        self, dag_id: str, *, start: str, end: str, reprocess: str, conf: Json | None = None
    ) -> int:
        """Start a backfill of the intervals that begin from `start` to `end`; gives its id."""
        body = {
            "dag_id": dag_id,
            "from_date": start,
            "to_date": end,
            "reprocess_behavior": reprocess,
            "max_active_runs": 1,
            "dag_run_conf": conf or {},
        }
        # 503: the scheduler held a row that the creation needs; nothing was left behind.
        for _ in range(BACKFILL_TRIES):
            answer = self.call("POST", "/backfills", body)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(1)
        return int(_content(answer, "/backfills")["id"])

    def runs(self, dag_id: str) -> list[Json]:
        """The DAG's newest hundred runs, oldest first."""
        answer = self._checked("GET", f"/dags/{dag_id}/dagRuns", limit=100, order_by="-id")
        newest: list[Json] = answer["dag_runs"]
        return newest[::-1]

    def run(self, dag_id: str, run_id: str) -> Json:
        """One run."""
        return self._checked("GET", f"/dags/{dag_id}/dagRuns/{run_id}")

    def finished(self, dag_id: str, run_id: str, *, timeout_seconds: float) -> Json:
        """The run, once it has ended.

        Raises:
            TimeoutError: it goes on.
        """
        deadline = time.monotonic() + timeout_seconds
        while (run := self.run(dag_id, run_id))["state"] not in DONE:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{run_id} is {run['state']} after {timeout_seconds} s")
            time.sleep(0.3)
        return run

    def task_instances(self, dag_id: str, run_id: str) -> dict[str, Json]:
        """The run's task instances by task id."""
        answer = self._checked("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")
        return {task["task_id"]: task for task in answer["task_instances"]}

    def log(self, dag_id: str, run_id: str, task_id: str, *, attempt: int = 1) -> str:
        """A task's log as text."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        lines = self._checked("GET", path, full_content=True)["content"]
        return "\n".join(
            str(line.get("event", line)) if isinstance(line, dict) else str(line) for line in lines
        )
