"""Every button of Airflow pressed, and every part of it ended, while a bot is at its worst moment.

That is: the click is permitted, and the portal takes its time to answer. Whatever is pressed, the
request ends delivered and each bill is mailed once. The table in docs/reliability.md names these
tests; `test_reliability.py` holds it to them. One stack for all of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import httpx
import pytest

from billcopy import database, request_queue, settings
from billcopy.database import Login
from billcopy.model import NewRequest
from billcopy.settings import PROJECT_ROOT
from sandbox import mail_sink, stack
from sandbox.airflow_config import logins
from sandbox.airflow_rest import DONE, AirflowRest
from sandbox.chaos.feeding import Ask, asks
from sandbox.chaos.stack_strikes import StackStrikes, runner_of
from sandbox.chaos.world import World, world_of
from sandbox.plan import Plan, free_ports
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.airflow, pytest.mark.timeout(600)]

REPORT = PROJECT_ROOT / "var" / "buttons.json"
DAG = "deliver_bill_copies"
POOL = "portal_practice"
ANSWER_MS = 1500  # of the portal to Send: long enough to press a button meanwhile
_STATE = "select state from billcopy.requests where id = %s"
_PERMITTED = """
select exists (
    select from billcopy.deliveries
    where request_id = %s and state = 'sending' and clicked_at is null
)
"""


class Hands:
    """A running stack, a person in front of it, and the request that is being worked on."""

    def __init__(self, plan: Plan, world: World) -> None:
        self.plan, self.world = plan, world
        self.settings = settings.Settings(_env_file=plan.settings_file)
        self.strikes = StackStrikes(plan, runner_of(plan))
        self.notes: list[dict[str, object]] = []
        self._asks = asks(Random(7))
        self._rest: AirflowRest | None = None

    @property
    def rest(self) -> AirflowRest:
        """Airflow's REST API, signed in."""
        if self._rest is None:
            password = logins(self.plan.airflow_home)["admin"]
            self._rest = AirflowRest(self.plan.airflow_url, user="admin", password=password)
        return self._rest

    def press(self, method: str, path: str, body: Any = None) -> None:
        answer = self.rest.call(method, path, body)
        assert answer.is_success, answer.text

    def submit(self) -> tuple[int, Ask]:
        ask = next(self._asks)
        request = NewRequest(
            portal="practice",
            account=ask.account,
            period_from=ask.period_from,
            period_to=ask.period_to,
            source_key=f"{ask.account}/{ask.period_from}",
        )
        with contextlib.closing(database.connect(self.settings, Login.DESK)) as desk:
            return request_queue.submit(desk, request, actor="ann").request_id, ask

    def state(self, request_id: int) -> str:
        return str(self.world.query(_STATE, request_id)[0][0])

    def submit_and_wait_for_the_click(self) -> tuple[int, Ask, str]:
        """A request whose first click is permitted just now; its ask, and the DAG run at work."""
        until(lambda: not self._active_runs(), "an earlier run ended")
        request_id, ask = self.submit()
        until(lambda: bool(self.world.query(_PERMITTED, request_id)[0][0]), "a click is permitted")
        [(run_id,)] = self.world.query(
            "select b.dag_run_id from billcopy.requests as r"
            " inner join billcopy.bot_runs as b on r.lease_bot_run_id = b.id where r.id = %s",
            request_id,
        )
        return request_id, ask, str(run_id).removeprefix(f"{DAG}/")

    def _active_runs(self) -> list[str]:
        return [one["dag_run_id"] for one in self.rest.runs(DAG) if one["state"] not in DONE]

    def delivered_once(self, request_id: int, ask: Ask, *, pressed_at: float) -> float:
        """Wait until it is delivered, look at the mails; seconds since the button was pressed."""
        until(lambda: self.state(request_id) == "delivered", f"request {request_id} is delivered")
        seconds = time.monotonic() - pressed_at
        mailed = Counter(
            (mail.recipient, number)
            for mail in mail_sink.read_mails(self.plan.mail_folder)
            for number in mail.invoices
        )
        assert [mailed[(ask.recipient, number)] for number in ask.invoices] == [1, 1]
        return seconds

    def note(self, button: str, seconds: float, **more: object) -> None:
        """For the table in docs/reliability.md."""
        self.notes.append({"button": button, "delivered after": round(seconds), **more})
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(json.dumps(self.notes, indent=1) + "\n")

    def restart(self, name: str) -> None:
        """End one of Airflow's programs for good; its guard starts it again."""
        victim = self.strikes.server(name)
        assert victim is not None
        os.kill(victim.pid, signal.SIGKILL)

        def is_back() -> bool:
            now = self.strikes.server(name)
            return now is not None and now.pid != victim.pid

        until(is_back, f"{name} is back")


@pytest.fixture(scope="module")
def stack_at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hands]:
    plan = Plan(
        home=tmp_path_factory.mktemp("buttons"),
        ports=free_ports(),
        linger_seconds=2,
        restart=True,
        task_heartbeat_timeout=60,
    )
    with stack.running(plan):
        world = world_of(plan)
        world.configure()
        hands = Hands(plan, world)
        until(lambda: DAG in hands.rest.dags(), "the DAG is there")
        yield hands
        world.close()
        hands.rest.close()


@pytest.fixture
def hands(stack_at_work: Hands, request: pytest.FixtureRequest) -> Iterator[Hands]:
    stack_at_work.world.faults(
        latency_ms=ANSWER_MS, latency_path="/invoices/.*/email", latency_when="after"
    )
    yield stack_at_work
    stack_at_work.world.faults(latency_ms=0)


Pressing = Callable[[Hands, str], None]


def instance(run_id: str) -> str:
    return f"/dags/{DAG}/dagRuns/{run_id}/taskInstances/run_bot"


def mark_success(hands: Hands, run_id: str) -> None:
    hands.press("PATCH", instance(run_id), {"new_state": "success"})


def mark_the_run_failed(hands: Hands, run_id: str) -> None:
    hands.press("PATCH", f"/dags/{DAG}/dagRuns/{run_id}", {"state": "failed"})


def clear(hands: Hands, run_id: str, *, downstream: bool = False) -> None:
    body = {
        "dry_run": False,
        "dag_run_id": run_id,
        "task_ids": ["run_bot"],
        "include_downstream": downstream,
        "only_failed": False,
        "reset_dag_runs": True,
    }
    hands.press("POST", f"/dags/{DAG}/clearTaskInstances", body)


def clear_with_downstream(hands: Hands, run_id: str) -> None:
    clear(hands, run_id, downstream=True)


def delete_the_run(hands: Hands, run_id: str) -> None:
    """Airflow deletes no run that is at work: it must be ended first."""
    path = f"/dags/{DAG}/dagRuns/{run_id}"
    assert hands.rest.call("DELETE", path).status_code == httpx.codes.CONFLICT
    mark_the_run_failed(hands, run_id)
    until(lambda: hands.rest.call("DELETE", path).is_success, "the run is deleted")


def trigger_twice(hands: Hands, _run_id: str) -> None:
    hands.rest.trigger(DAG)
    hands.rest.trigger(DAG)


def restart_scheduler(hands: Hands, _run_id: str) -> None:
    hands.restart("scheduler")


def restart_api_server(hands: Hands, _run_id: str) -> None:
    hands.restart("api-server")


BUTTONS = {
    "mark success": mark_success,
    "mark run failed": mark_the_run_failed,
    "clear": clear,
    "clear with downstream": clear_with_downstream,
    "delete run": delete_the_run,
    "trigger twice": trigger_twice,
    "scheduler restart": restart_scheduler,
    "api-server restart": restart_api_server,
}


def ends(hands: Hands, run_id: str) -> dict[str, object]:
    """For the table: how the run and the attempts ended."""
    until(lambda: bool(hands.rest.health()), "the api-server answers")
    answer = hands.rest.call("GET", f"/dags/{DAG}/dagRuns/{run_id}")
    [(attempts,)] = hands.world.query(
        "select array_agg(ended_as order by id) from billcopy.attempts"
        " where request_id = (select max(id) from billcopy.requests)"
    )
    return {"run": answer.json().get("state") if answer.is_success else None, "ended": attempts}


def test_a_pool_without_slots_lets_the_bot_finish_and_starts_no_other(hands: Hands) -> None:
    request_id, ask, _run_id = hands.submit_and_wait_for_the_click()
    pressed_at = time.monotonic()
    with pool_of(hands, slots=0):
        hands.delivered_once(request_id, ask, pressed_at=pressed_at)
        until(lambda: not any_bot_run(hands), "the bot has ended")
        waiting, ask = hands.submit()
        until(lambda: run_bot_waits(hands), "run_bot waits for a slot")
        assert hands.state(waiting) == "queued"
    seconds = hands.delivered_once(waiting, ask, pressed_at=pressed_at)
    hands.note("pool with a slot again", seconds)


@contextlib.contextmanager
def pool_of(hands: Hands, *, slots: int) -> Iterator[None]:
    def set_slots(number: int) -> None:
        body = {"pool": POOL, "slots": number, "include_deferred": False}
        hands.press("PATCH", f"/pools/{POOL}", body)

    set_slots(slots)
    try:
        yield
    finally:
        set_slots(1)


def any_bot_run(hands: Hands) -> bool:
    query = "select exists (select from billcopy.bot_runs where finished_at is null)"
    return bool(hands.world.query(query)[0][0])


def run_bot_waits(hands: Hands) -> bool:
    for run in hands.rest.runs(DAG):
        if run["state"] not in DONE:
            tasks = hands.rest.task_instances(DAG, run["dag_run_id"])
            return bool(tasks["run_bot"]["state"] == "scheduled")
    return False


def test_unpausing_goes_on_with_what_the_pause_left(hands: Hands) -> None:
    request_id, ask, _run_id = hands.submit_and_wait_for_the_click()
    hands.rest.pause(DAG, paused=True)
    try:
        second, second_ask = hands.submit()
        until(lambda: not any_bot_run(hands), "the bot has ended")
    finally:
        pressed_at = time.monotonic()
        hands.rest.pause(DAG, paused=False)
    for number, asked in ((request_id, ask), (second, second_ask)):
        hands.note("unpause", hands.delivered_once(number, asked, pressed_at=pressed_at))


@pytest.mark.parametrize("button", list(BUTTONS))
def test_whatever_is_pressed_every_bill_goes_out_once(hands: Hands, button: str) -> None:
    request_id, ask, run_id = hands.submit_and_wait_for_the_click()
    pressed_at = time.monotonic()
    BUTTONS[button](hands, run_id)
    seconds = hands.delivered_once(request_id, ask, pressed_at=pressed_at)
    hands.note(button, seconds, **ends(hands, run_id))
