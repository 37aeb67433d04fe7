"""Deliver copies of past bills through the bank's portal.

Takes the requests that wait in the queue, one after the other, and sends each customer the bills of
the period from the bank's portal. Runs every 15 minutes, at once when a request is submitted, and
whenever somebody presses *Trigger*.

| Task | What it does |
|---|---|
| `requeue` | puts finished requests back, if a backfill or the form asks for it |
| `gate` | takes back requests of a bot that died; looks whether there is anything to do |
| `run_bot` | runs the bot: one browser, signed in once, one request after the other |
| `summarise` | writes the run's note: *delivered 22, could not be sent 3, to check 0* |

**The colour is the bot's health, never a request's outcome.** Green: the bot could work. Red: it
could not (portal down, sign-in refused, Vault or database not there). Skipped: there was nothing to
do, or another bot is signed in; the note says which.

**Nothing is sent twice**, however often a run is started, cleared, repeated or backfilled: the
queue knows what was sent. More: `docs/operations.md`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import (
    DAG,
    AssetOrTimeSchedule,
    CronDataIntervalTimetable,
    get_current_context,
    task,
)

from billcopy import portal_profile, settings
from billcopy.airflow_parts import assets, delivery_run
from billcopy.airflow_parts.run_bot import RunBotOperator


def deliver(portal: str, dag_id: str) -> DAG:
    """The DAG of one portal."""
    with DAG(
        dag_id,
        description="Sends copies of past bills through the bank's portal",
        doc_md=__doc__,
        schedule=AssetOrTimeSchedule(
            timetable=CronDataIntervalTimetable("*/15 * * * *", timezone="UTC"),
            assets=[assets.submitted_requests(portal)],
        ),
        # Long past: a run whose logical date lies before it would be green without having run.
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        params=delivery_run.FORM,
        tags=["billcopy", portal],
        default_args={"owner": "operations", "retries": 2, "retry_delay": timedelta(seconds=10)},
    ) as dag:

        @task(multiple_outputs=False)
        def requeue() -> dict[str, int]:
            """Put finished requests back, if a backfill or the form asks for it."""
            return delivery_run.requeue(get_current_context(), portal)

        @task
        def gate() -> int:
            """Take back requests of a bot that died; skip the rest if there is nothing to do."""
            delivery_run.rescue(get_current_context())
            return delivery_run.gate(get_current_context(), portal)

        @task(outlets=[assets.more_requests(portal)])
        def summarise() -> str:
            """Write the run's note."""
            return delivery_run.summarise(get_current_context(), portal)

        run_bot = RunBotOperator(task_id="run_bot", portal=portal)
        requeue() >> gate() >> run_bot >> summarise().as_teardown()
    return dag


portals = portal_profile.names(settings.load().portal_path)
for name in portals:
    suffix = f"_{name}" if len(portals) > 1 else ""
    globals()[f"deliver{suffix}"] = deliver(name, f"deliver_bill_copies{suffix}")
