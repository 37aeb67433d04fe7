"""The tasks around the bot against a real Postgres: requeue, gate, rescue, summarise."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from billcopy import request_queue
from billcopy.database import Login
from tests.airflow_fixtures import import_airflow
from tests.database_fixtures import Database
from tests.integration import queue_steps as queue

import_airflow()
from airflow.sdk.exceptions import AirflowSkipException  # noqa: E402

from billcopy import errors  # noqa: E402
from billcopy.airflow_parts import assets, delivery_run  # noqa: E402

PORTAL = "practice"


pytestmark = pytest.mark.usefixtures("ops_connection")


def work_off(database: Database, *, error=None, dag_run_id: str | None = None) -> int:
    """One bot run that settles one request, with this error or as delivered."""
    bot = database.connect(Login.BOT)
    run = queue.start_bot_run(bot, dag_run_id=dag_run_id)
    request = queue.claim(bot, run)
    if error is None:
        (delivery,) = queue.plan(bot, request)
        assert queue.begin(bot, request, delivery) == "go"
        queue.confirm(bot, request, delivery, f"row-{request.request_id}")
    queue.settle(bot, request, error)
    request_queue.finish_bot_run(bot, run, stop_reason="DRAINED", blocked_requests=0)
    queue.hang_up(database, bot)
    return request.request_id


def state(database: Database, request_id: int) -> str:
    return queue.execute(database, "select state from billcopy.requests where id = %s", request_id)[
        0
    ][0]


# -- requeue ---------------------------------------------------------------------------------------


def test_a_scheduled_run_puts_nothing_back(database, airflow_context) -> None:
    queue.submit(database)
    failed = work_off(database, error=errors.AccountNotFound)
    assert delivery_run.requeue(airflow_context(), PORTAL) == {}
    assert state(database, failed) == "rejected"


def test_a_form_puts_back_what_it_names_in_the_states_it_names(database, airflow_context) -> None:
    queue.submit(database)
    rejected = work_off(database, error=errors.AccountNotFound)
    form = {"request_ids": str(rejected)}
    context = airflow_context(run_type="manual", params=form)
    assert delivery_run.requeue(context, PORTAL) == {"wrong_state": 1}
    context["params"]["states"] = ["rejected"]
    assert delivery_run.requeue(context, PORTAL) == {"requeued": 1}
    assert state(database, rejected) == "queued"


def test_a_dry_run_puts_nothing_back(database, airflow_context) -> None:
    queue.submit(database)
    rejected = work_off(database, error=errors.AccountNotFound)
    form = {"request_ids": str(rejected), "states": ["rejected"], "dry_run": True}
    context = airflow_context(run_type="manual", params=form)
    assert delivery_run.requeue(context, PORTAL) == {}
    assert state(database, rejected) == "rejected"


# -- gate ------------------------------------------------------------------------------------------


def test_the_gate_lets_through_what_can_be_claimed(database, airflow_context) -> None:
    queue.submit(database)
    assert delivery_run.gate(airflow_context(), PORTAL) == 1


def test_the_gate_says_that_nothing_waits(airflow_context) -> None:
    context = airflow_context()
    with pytest.raises(AirflowSkipException, match="no request waits"):
        delivery_run.gate(context, PORTAL)
    assert context["ti"].pushed == {"why": "Nothing to do: no request waits."}


def test_the_gate_says_that_the_portal_is_stopped(database, airflow_context) -> None:
    queue.submit(database)
    ops = database.connect(Login.OPS)
    request_queue.stop_portal(ops, PORTAL, actor="tests", reason="trouble")
    with pytest.raises(AirflowSkipException, match=r"The portal is stopped\. By tests: trouble"):
        delivery_run.gate(airflow_context(), PORTAL)


def test_the_gate_says_until_when_the_portal_is_closed(database, airflow_context) -> None:
    queue.submit(database)
    queue.execute(
        database,
        "update billcopy.portals set breaker_opened_at = now(), breaker_reason = 'PORTAL_DOWN',"
        " breaker_until = now() + interval '1 h'",
    )
    with pytest.raises(AirflowSkipException, match=r"did not answer\. Until 20.* by itself"):
        delivery_run.gate(airflow_context(), PORTAL)


def test_the_gate_says_when_the_next_request_is_due(database, airflow_context) -> None:
    later = queue.execute(database, "select now() + interval '1 hour'")[0][0]
    queue.submit(database, not_before=later)
    with pytest.raises(AirflowSkipException, match="the next is due at"):
        delivery_run.gate(airflow_context(), PORTAL)


def test_the_gate_looks_at_the_chosen_requests_only(database, airflow_context) -> None:
    queue.submit(database)
    context = airflow_context(run_type="manual", params={"request_ids": "4711"})
    with pytest.raises(AirflowSkipException, match="none of the chosen requests waits"):
        delivery_run.gate(context, PORTAL)


# -- rescue ----------------------------------------------------------------------------------------


def test_rescue_takes_back_what_a_dead_bot_held(database, airflow_context) -> None:
    lost = queue.submit(database)
    queue.claim(database.connect(Login.BOT))
    assert delivery_run.rescue(airflow_context()) == []
    queue.execute(
        database, "update billcopy.requests set lease_until = now() - interval '10 minutes'"
    )
    assert delivery_run.rescue(airflow_context()) == [lost]
    assert state(database, lost) == "queued"


# -- summarise -------------------------------------------------------------------------------------


class Announcements(dict):
    def __missing__(self, key):
        self[key] = SimpleNamespace(
            added=[], add=lambda asset, extra: self[key].added.append(asset)
        )
        return self[key]


def summarised(context) -> tuple[str, list[str]]:
    context["outlet_events"] = Announcements()
    note = delivery_run.summarise(context, PORTAL)
    said = [asset.name for one in context["outlet_events"].values() for asset in one.added]
    return note, said


def test_the_summary_counts_this_runs_requests_only(database, airflow_context) -> None:
    queue.submit(database)
    work_off(database, dag_run_id="deliver_bill_copies/another")
    queue.submit(database, account="94027310")
    work_off(database, error=errors.AccountNotFound, dag_run_id="deliver_bill_copies/scheduled__1")
    context = airflow_context()
    context["ti"].pulled["run_bot", "return_value"] = "drained"
    assert summarised(context) == ("delivered 0, could not be sent 1, to check 0", [])


def test_a_run_that_leaves_requests_asks_for_the_next(database, airflow_context) -> None:
    queue.submit(database)
    queue.submit(database, account="94027310")
    work_off(database, dag_run_id="deliver_bill_copies/scheduled__1")
    context = airflow_context()
    context["ti"].pulled["run_bot", "return_value"] = "limit"
    context["ti"].pulled["run_bot", "why"] = "the limit of one run was reached"
    note, said = summarised(context)
    assert note == (
        "delivered 1, could not be sent 0, to check 0."
        " the limit of one run was reached. 1 more wait"
    )
    assert said == [assets.submitted_requests(PORTAL).name]


def test_a_run_that_could_not_work_does_not_ask_for_the_next(database, airflow_context) -> None:
    queue.submit(database)
    context = airflow_context()
    context["ti"].pulled["run_bot", "why"] = "database, Vault, browser or portal did not work"
    note, said = summarised(context)
    assert note == "database, Vault, browser or portal did not work. 1 more wait"
    assert said == []
