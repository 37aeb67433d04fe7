"""The two databases of the stack, on the embedded PostgreSQL or on one that a setting names."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg2
from psycopg2 import sql

from sandbox import postgres
from sandbox.plan import EXTERNAL_POSTGRES, Plan

LOGINS = ("migrator", "desk", "bot", "ops", "reporting", "watch")
# Airflow's freshly migrated tables, kept to copy: making them costs a quarter of the start.
AIRFLOW_TEMPLATE = f"airflow_template_{version('apache-airflow-core').replace('.', '_')}"
WAIT_SECONDS = 60


def server_of(plan: Plan) -> postgres.Server:
    """The server, once it answers: the embedded one, or the one a setting names."""
    if url := os.environ.get(EXTERNAL_POSTGRES):
        parts = urlsplit(url)
        server = postgres.Server(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 5432,
            superuser=unquote(parts.username or "postgres"),
            password=unquote(parts.password or ""),
        )
        try:
            server.connect().close()
        except psycopg2.OperationalError as error:
            raise RuntimeError(f"{EXTERNAL_POSTGRES}: {str(error).strip()}") from None
        return server
    password_file = plan.home / "postgres" / "superuser_password"
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            server = postgres.Server(
                host="127.0.0.1",
                port=plan.ports.postgres,
                superuser=postgres.SUPERUSER,
                password=password_file.read_text(),
            )
            server.connect().close()
            return server
        except (OSError, psycopg2.OperationalError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _execute(server: postgres.Server, statement: str, **names: str) -> bool:
    with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()})
        )
        return cursor.description is not None and cursor.fetchone() is not None


def _exists(server: postgres.Server, database: str) -> bool:
    with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("select 1 from pg_database where datname = %s", (database,))
        return cursor.fetchone() is not None


def _is_ours() -> bool:
    return EXTERNAL_POSTGRES not in os.environ


def _drop_databases(server: postgres.Server) -> None:
    for database in ("billcopy", "airflow"):
        if not _is_ours() and _exists(server, database):
            raise RuntimeError(
                f"{EXTERNAL_POSTGRES} names a server that has a database “{database}”; this begins "
                "with an empty one, and drops nothing that it did not make. Drop it yourself, or "
                f"unset {EXTERNAL_POSTGRES}."
            )
        _execute(server, "drop database if exists {database} with (force)", database=database)


def make_databases(plan: Plan, server: postgres.Server) -> tuple[dict[str, str], bool]:
    """Both databases and all logins; says whether Airflow's tables are there already."""
    passwords = {f"billcopy_{login}": secrets.token_urlsafe(24) for login in LOGINS}
    passwords["airflow"] = secrets.token_urlsafe(24)
    if plan.fresh:
        _drop_databases(server)
    had_template = _exists(server, AIRFLOW_TEMPLATE)
    had_airflow = _exists(server, "airflow")
    if not had_airflow:
        postgres.provision(server, {"airflow": passwords["airflow"]})
        if had_template:
            _execute(server, "drop database {database}", database="airflow")
            _execute(
                server,
                "create database {database} template {template} owner {owner}",
                database="airflow",
                template=AIRFLOW_TEMPLATE,
                owner="airflow",
            )
    postgres.provision(server, passwords)
    current = _mark(plan).exists() and _mark(plan).read_text() == AIRFLOW_TEMPLATE
    return passwords, current if had_airflow else had_template


def _mark(plan: Plan) -> Path:
    return plan.airflow_home / "migrated"


def keep_airflow_tables(plan: Plan, server: postgres.Server) -> None:
    """Remember that Airflow's tables are there, and keep a copy if nobody has one yet."""
    if _is_ours() and not _exists(server, AIRFLOW_TEMPLATE):
        _execute(
            server,
            "create database {template} template {database} owner {owner}",
            template=AIRFLOW_TEMPLATE,
            database="airflow",
            owner="airflow",
        )
    _mark(plan).write_text(AIRFLOW_TEMPLATE)
