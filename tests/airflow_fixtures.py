"""Airflow's own home for tests that import airflow: below a temporary folder, made at import.

Airflow reads its configuration when it is imported, and its imports warn about themselves.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from billcopy.database import Login
from tests.database_fixtures import Database

_home = tempfile.TemporaryDirectory(prefix="billcopy-airflow-")
os.environ["AIRFLOW_HOME"] = _home.name
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{Path(_home.name) / 'none.db'}"


def import_airflow() -> None:
    """Import it once, its own deprecation warnings aside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import airflow.dag_processing.dagbag
        import airflow.sdk  # noqa: F401


class TaskInstance:
    """As much of a task instance as our tasks use: XComs."""

    def __init__(self, **pushed: Any) -> None:
        self.pushed: dict[str, Any] = dict(pushed)
        self.pulled: dict[tuple[str, str], Any] = {}

    def xcom_push(self, *, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, *, task_ids: str, key: str = "return_value") -> Any:
        return self.pulled.get((task_ids, key))


@pytest.fixture
def airflow_context() -> Any:
    """Makes a task's context: `airflow_context(run_type="backfill", params={...})`."""

    def context(*, run_type: str = "scheduled", **values: Any) -> dict[str, Any]:
        params = {"states": ["failed", "partial"], "dry_run": False, **values.pop("params", {})}
        run = SimpleNamespace(
            dag_id="deliver_bill_copies",
            run_id="scheduled__1",
            run_type=run_type,
            triggering_user_name=values.pop("user", None),
        )
        return {"params": params, "dag_run": run, "ti": TaskInstance(), **values}

    return context


def airflow_connection(database: Database) -> SimpleNamespace:
    """As Airflow hands out a connection: to the test's database, as `billcopy_ops`."""
    given = database.parameters(Login.OPS)
    return SimpleNamespace(
        host=given["host"],
        port=given["port"],
        schema=given["dbname"],
        login=given["user"],
        password=given["password"],
        extra_dejson={},
    )


@pytest.fixture
def ops_connection(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's connections all lead to the test's database, as `billcopy_ops`."""
    import_airflow()
    from billcopy.airflow_parts import connections

    connection = airflow_connection(database)
    monkeypatch.setattr(connections.BaseHook, "get_connection", lambda _conn_id: connection)
