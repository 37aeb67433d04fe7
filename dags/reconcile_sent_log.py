"""Compare the bank's own sent log with our deliveries, both ways.

Every confirmed delivery must have its row in the bank's log, and every row of our user there must
be one of our deliveries. What differs opens an alarm and is listed by
`python -m billcopy reconciliation PORTAL`; the run itself stays green.

A bot signs in and reads. It claims nothing and sends nothing; while it reads, no other bot is
signed in. Runs once a day; *Trigger* asks since when. More: `docs/operations.md`, *Reconciliation*.
"""

from __future__ import annotations

from datetime import UTC, datetime

from airflow.sdk import DAG

from billcopy import portal_profile, settings
from billcopy.airflow_parts import reconcile


def compare(portal: str, dag_id: str) -> DAG:
    """The DAG of one portal."""
    with DAG(
        dag_id,
        description="Compares the bank's sent log with our deliveries",
        doc_md=__doc__,
        schedule="20 4 * * *",
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        params=reconcile.FORM,
        tags=["billcopy", portal],
        default_args={"owner": "operations"},
    ) as dag:
        reconcile.ReadSentLogOperator(task_id="read_sent_log", portal=portal)
    return dag


portals = portal_profile.names(settings.load().portal_path)
for name in portals:
    suffix = f"_{name}" if len(portals) > 1 else ""
    globals()[f"compare{suffix}"] = compare(name, f"reconcile_sent_log{suffix}")
