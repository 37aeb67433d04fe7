"""Writes the sentence of the `summarise` task into its DAG run's note.

A task cannot do that itself, its rights end at its own state. The scheduler can: this listener runs
in it when a run ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from airflow.models.xcom import XComModel
from sqlalchemy.orm import object_session

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

TASK = "summarise"
DAG_PREFIX = "deliver_bill_copies"


class RunNote:
    """Listens for ended runs of our DAG."""

    @hookimpl
    def on_dag_run_success(self, dag_run: DagRun, msg: str) -> None:
        """A green run has a note, too."""
        del msg
        write_note(dag_run)

    @hookimpl
    def on_dag_run_failed(self, dag_run: DagRun, msg: str) -> None:
        """A red run's note says why."""
        del msg
        write_note(dag_run)


def write_note(dag_run: DagRun) -> None:
    """Take over what `summarise` returned; a person's note is left alone."""
    session = object_session(dag_run)
    if not dag_run.dag_id.startswith(DAG_PREFIX) or session is None:
        return
    written = XComModel.get_many(
        run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=TASK, key="return_value", limit=1
    )
    found = session.scalars(written).first()
    if found is not None and not dag_run.note:
        dag_run.note = str(XComModel.deserialize_value(found))
