"""Take back the requests of a bot that died.

A bot renews its right to a request every 30 seconds. A minute after it last did so, if its session
is gone as well, and after two and a half minutes in any case, this ends what is left of it on this
machine and gives the request back to the queue. An e-mail that may have been sent is then *in
doubt*: the next bot looks into the bank's log before anything is sent again.

Red: something could not be taken back; the log says what.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task

from billcopy.airflow_parts import delivery_run


@dag(
    schedule="* * * * *",
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    description="Gives requests of a dead bot back to the queue",
    tags=["billcopy"],
    default_args={"owner": "operations", "retries": 2, "retry_delay": timedelta(seconds=10)},
)
def rescue_expired_leases() -> None:
    """Every minute."""

    @task
    def rescue() -> list[int]:
        """Take back every request whose lease has run out."""
        return delivery_run.rescue(get_current_context())

    rescue()


rescue_expired_leases()
