"""A whole running stack for tests, and hands to use it with."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from billcopy import database, request_queue, settings
from billcopy.database import Login
from billcopy.model import NewRequest
from sandbox import mail_sink, stack
from sandbox.airflow_config import logins
from sandbox.airflow_rest import DONE, AirflowRest
from sandbox.plan import Plan, free_ports
from sandbox.postgres import SUPERUSER, Server
from tests.waiting import until

DAG, RESCUE = "deliver_bill_copies", "rescue_expired_leases"
FIRST, LAST = date(2026, 1, 1), date(2026, 1, 31)


class Stack:
    """A running stack, and hands to use it with."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.settings = settings.Settings(_env_file=plan.settings_file)
        self.rest = AirflowRest(
            plan.airflow_url, user="admin", password=logins(plan.airflow_home)["admin"]
        )
        self.server = Server(
            host="127.0.0.1",
            port=plan.ports.postgres,
            superuser=SUPERUSER,
            password=(plan.home / "postgres" / "superuser_password").read_text(),
        )
        self._submitted = 0

    def submit(self, account: str, **changes: Any) -> int:
        self._submitted += 1
        values = {
            "portal": "practice",
            "account": account,
            "period_from": FIRST,
            "period_to": LAST,
            "source_key": f"test-{self._submitted}",
            **changes,
        }
        with contextlib.closing(database.connect(self.settings, Login.DESK)) as desk:
            return request_queue.submit(desk, NewRequest(**values), actor="ann").request_id

    def state(self, request_id: int) -> str:
        return self.query("select state from billcopy.requests where id = %s", request_id)[0][0]

    def first_attempt_ended(self, request_id: int) -> bool:
        query = "select ended_at from billcopy.attempts where request_id = %s order by id limit 1"
        return self.query(query, request_id)[0][0] is not None

    def query(self, text: str, *values: Any, name: str = "billcopy") -> list[tuple[Any, ...]]:
        with contextlib.closing(self.server.connect(name)) as connection:
            cursor = connection.cursor()
            cursor.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

    def faults(self, **faults: Any) -> None:
        url = f"{self.plan.portal_url}/_sandbox/faults"
        (httpx.put(url, json=faults) if faults else httpx.delete(url)).raise_for_status()

    def mails(self) -> list[tuple[str, tuple[str, ...]]]:
        mails = mail_sink.read_mails(self.plan.mail_folder)
        return sorted((mail.recipient, mail.invoices) for mail in mails)

    def worked_since(self, known: set[str]) -> dict[str, Any]:
        """The first new run of the DAG that found something to do, once it has ended."""
        found: list[dict[str, Any]] = []

        def has_ended() -> bool:
            new = [run for run in self.rest.runs(DAG) if run["dag_run_id"] not in known]
            ended = [run for run in new if run["state"] in DONE]
            found[:] = [run for run in ended if not (run["note"] or "").startswith("Nothing to do")]
            return bool(found)

        until(has_ended, "a new run has worked")
        return found[0]

    def known_runs(self) -> set[str]:
        """The DAG's runs, once all have ended and the timetable starts none for a while."""
        until(self._all_runs_ended)
        let_the_timetable_pass()
        until(self._all_runs_ended)
        return {run["dag_run_id"] for run in self.rest.runs(DAG)}

    def _all_runs_ended(self) -> bool:
        return all(run["state"] in DONE for run in self.rest.runs(DAG))

    def latest_bot(self) -> int:
        """Process id of the bot run that has not finished."""
        query = "select process_group from billcopy.bot_runs where finished_at is null"
        return int(self.query(query + " order by id desc")[0][0])


@contextlib.contextmanager
def started(
    home: Path, *, linger_seconds: int = 2, unpaused: Sequence[str] = (DAG, RESCUE)
) -> Iterator[Stack]:
    """A stack of its own in this folder, with these DAGs unpaused and no others."""
    plan = Plan(home=home, ports=free_ports(), paused=True, linger_seconds=linger_seconds)
    with stack.running(plan):
        running = Stack(plan)
        until(lambda: set(unpaused) <= set(running.rest.dags()), "the DAGs are known")
        assert running.rest.import_errors() == []
        for dag in unpaused:
            running.rest.pause(dag, paused=False)
        yield running
        running.rest.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with started(tmp_path_factory.mktemp("stack")) as running:
        yield running


def let_the_timetable_pass() -> None:
    """At a full quarter of an hour the timetable's own run would take part; wait it out."""
    left = 900 - time.time() % 900
    if left < 60:
        time.sleep(left + 10)
