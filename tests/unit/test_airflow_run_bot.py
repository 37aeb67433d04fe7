"""The operator, through `execute`: what it orders, and the colour of every stop reason."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from tests.airflow_fixtures import TaskInstance, import_airflow

import_airflow()
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException  # noqa: E402

from billcopy import settings  # noqa: E402
from billcopy.airflow_parts import run_bot  # noqa: E402
from billcopy.bot.order import BotOrder, StopReason  # noqa: E402
from billcopy.credentials import VaultAccess  # noqa: E402
from tests.waiting import until  # noqa: E402

GREEN = {StopReason.DRAINED, StopReason.LIMIT, StopReason.MAINTENANCE, StopReason.STOPPED}
PASSWORD, WRAPPED = "dbPassw0rd-4711", "hvs.wrapped-0815"


class Bot:
    """Stands in for the launcher; keeps the order and stops for a given reason."""

    def __init__(self, stop: StopReason = StopReason.DRAINED) -> None:
        self.stop = stop
        self.orders: list[BotOrder] = []
        self.ended = 0
        self.works_until = lambda: True

    def launch(self, order, *, on_line, on_start):
        self.orders.append(order)
        on_start(self)
        on_line("request 1: delivered, 100 % of it")
        until(self.works_until)
        return StopReason.INTERRUPTED if self.ended else self.stop

    def end(self, *, gently: bool = False) -> None:
        self.gently = gently
        self.ended += 1  # the bot ends on this


@pytest.fixture
def bot(monkeypatch: pytest.MonkeyPatch) -> Bot:
    bot = Bot()
    monkeypatch.setattr(run_bot.launch, "launch", bot.launch)
    monkeypatch.setattr(run_bot, "_end_with_the_supervisor", lambda: None)
    monkeypatch.setattr(run_bot.settings, "load", lambda: settings.Settings(_env_file=None))
    access = VaultAccess(url="http://vault", path="p", role_id="r", wrapped_secret_id=WRAPPED)
    monkeypatch.setattr(run_bot.credentials, "access_for_bot", lambda _settings, _portal: access)
    connection = SimpleNamespace(
        host="db", port=5432, schema="billcopy", login="billcopy_bot", password=PASSWORD
    )
    connection.extra_dejson = {}
    monkeypatch.setattr(run_bot.BaseHook, "get_connection", lambda _conn_id: connection)
    return bot


@pytest.fixture
def operator() -> run_bot.RunBotOperator:
    return run_bot.RunBotOperator(task_id="run_bot", portal="practice")


def test_it_runs_in_the_portals_pool_and_is_never_retried(operator) -> None:
    assert (operator.pool, operator.pool_slots, operator.retries) == ("portal_practice", 1, 0)


@pytest.mark.parametrize("stop", list(StopReason))
def test_every_stop_reason_has_a_colour(bot, operator, airflow_context, stop) -> None:
    bot.stop = stop
    context = airflow_context()
    if stop in GREEN:
        assert operator.execute(context) == stop.name.lower()
    else:
        colour = AirflowSkipException if stop is StopReason.LOCK_BUSY else AirflowFailException
        with pytest.raises(colour):
            operator.execute(context)
    assert ("why" in context["ti"].pushed) == (stop is not StopReason.DRAINED)


class PausableTask(TaskInstance):
    """A task that can ask whether its DAG is paused; the first question is not answered."""

    def __init__(self, *, paused: bool) -> None:
        super().__init__()
        self.paused, self.asked = paused, 0

    def get_dag(self, dag_id: str) -> SimpleNamespace:
        self.asked += 1
        if self.asked == 1:
            raise ConnectionError
        return SimpleNamespace(is_paused=self.paused and dag_id == "deliver_bill_copies")


@pytest.mark.parametrize("paused", [True, False])
def test_a_paused_dag_ends_its_bot_and_the_task_is_green(
    bot, operator, airflow_context, monkeypatch, paused
) -> None:
    monkeypatch.setattr(run_bot.pause_watch, "EVERY_SECONDS", 0.01)
    task = PausableTask(paused=paused)
    bot.works_until = lambda: bot.ended or task.asked > 5
    assert operator.execute({**airflow_context(), "ti": task}) == (
        "paused" if paused else "drained"
    )
    assert bot.ended == paused
    assert not paused or bot.gently
    assert task.pushed.get("why") == (run_bot.PAUSED if paused else None)


def test_a_run_of_the_timetable_takes_anything_and_waits_for_more(
    bot, operator, airflow_context
) -> None:
    operator.execute(airflow_context())
    (order,) = bot.orders
    assert order.selection.request_ids is None
    assert (order.linger_seconds, order.limit, order.dry_run) == (60, 50, False)
    assert (order.dag_run_id, order.actor) == ("deliver_bill_copies/scheduled__1", "airflow")


def test_a_form_reaches_the_bot(bot, operator, airflow_context) -> None:
    form = {"request_ids": " 3", "limit": 7, "dry_run": True}
    operator.execute(airflow_context(run_type="manual", params=form, user="mary"))
    (order,) = bot.orders
    assert order.selection.request_ids == (3,)
    assert (order.linger_seconds, order.limit, order.dry_run) == (0, 7, True)
    assert order.actor == "mary"


def test_a_dry_run_says_so(bot, operator, airflow_context) -> None:
    context = airflow_context(run_type="manual", params={"dry_run": True})
    operator.execute(context)
    assert context["ti"].pushed == {"why": "dry run: nothing was sent, nothing changed"}


def test_it_logs_what_the_bot_says_and_no_secret(
    bot, operator, airflow_context, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    log = SimpleNamespace(info=lambda text, *values: said.append(text % values), warning=print)
    monkeypatch.setattr(run_bot.RunBotOperator, "log", property(lambda _self: log))
    context = airflow_context()
    operator.execute(context)
    assert said == ["request 1: delivered, 100 % of it"]
    for secret in (PASSWORD, WRAPPED):
        assert secret not in json.dumps([said, context["ti"].pushed]) + repr(bot.orders)


def test_a_red_run_says_what_the_bot_said_last(bot, operator, airflow_context) -> None:
    bot.stop = StopReason.INFRASTRUCTURE
    context = airflow_context()
    with pytest.raises(AirflowFailException, match="did not work: request 1: delivered"):
        operator.execute(context)
    assert context["ti"].pushed["why"].endswith("request 1: delivered, 100 % of it")


def test_on_kill_may_come_twice_or_before_the_bot(bot, operator, airflow_context) -> None:
    operator.on_kill()
    assert bot.ended == 0
    operator.execute(airflow_context())
    operator.on_kill()
    operator.on_kill()
    assert bot.ended == 2
