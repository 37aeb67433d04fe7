"""Erase personal data whose time is over; the masked history stays.

Runs once a day. How long each thing is kept is a setting (`BILLCOPY_RETENTION_…_DAYS`).

| Task | What it does |
|---|---|
| `erase_requests` | accounts, recipients, free text, hashes, pictures and Robot output |
| `erase_logs` | old log files of Airflow on this machine |
| `erase_metadata` | old runs, XComs and audit lines in Airflow's own database |

What is open or on legal hold stays. A run that was interrupted is taken up by the next one, and a
second run does no harm. *Trigger* with *Dry run* only counts; the log of each task has the figures.

Unpausing this DAG starts a run at once, and it erases. To look first:
`python -m billcopy retention --dry-run`.

Red: a place could not be erased; the log says which, and the other tasks ran all the same.
More: `docs/retention.md`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, get_current_context, task

from billcopy.airflow_parts import retention_run


@dag(
    schedule="40 3 * * *",
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    doc_md=__doc__,
    description="Erases personal data whose time is over",
    params=retention_run.FORM,
    tags=["billcopy"],
    default_args={"owner": "operations", "retries": 2, "retry_delay": timedelta(minutes=5)},
)
def apply_retention() -> None:
    """Once a day."""

    @task(multiple_outputs=False)
    def erase_requests() -> dict[str, dict[str, int]]:
        """Erase what is due in our own places."""
        return retention_run.erase_requests(get_current_context())

    @task
    def erase_logs() -> int:
        """Delete Airflow's old log files."""
        return retention_run.erase_logs(get_current_context())

    @task
    def erase_metadata() -> None:
        """Have Airflow clean its run history."""
        retention_run.erase_metadata(get_current_context())

    erase_requests()
    erase_logs()
    erase_metadata()


apply_retention()
