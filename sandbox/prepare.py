"""The stack's preparation: databases, secrets, settings, and the word when all of it is healthy.

Runs as one program of the stack, beside the servers it prepares. `ready/<step>` below the stack's
folder says how far it is; the other programs wait for these marks.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psycopg2
from psycopg2 import sql

from billcopy.settings import PROJECT_ROOT
from sandbox import postgres, vault_seed
from sandbox.airflow_config import logins, write_airflow_config, write_private
from sandbox.airflow_rest import AirflowRest
from sandbox.guarded import is_met
from sandbox.plan import EXTERNAL_POSTGRES, Plan, read_plan

LOGINS = ("migrator", "desk", "bot", "ops", "reporting")
PORTAL, SERVICE_USER = "practice", "svc-billcopy"
AIRFLOW_TEMPLATE = f"airflow_template_{version('apache-airflow-core').replace('.', '_')}"
AIRFLOW_PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
WAIT_SECONDS = 180


def say(line: str) -> None:
    """One line for the person in front of the terminal."""
    print(line, flush=True)


def _wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not appear")
        time.sleep(0.05)


def _postgres(plan: Plan) -> postgres.Server:
    """The server, once it answers: the embedded one, or the one a setting names."""
    if url := os.environ.get(EXTERNAL_POSTGRES):
        parts = urlsplit(url)
        server = postgres.Server(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 5432,
            superuser=unquote(parts.username or "postgres"),
            password=unquote(parts.password or ""),
        )
        server.connect().close()
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


def _databases(plan: Plan, server: postgres.Server) -> tuple[dict[str, str], bool]:
    """Both databases and all logins; says whether Airflow's tables are there already."""
    passwords = {f"billcopy_{login}": secrets.token_urlsafe(24) for login in LOGINS}
    passwords["airflow"] = secrets.token_urlsafe(24)
    if plan.fresh:
        for database in ("billcopy", "airflow"):
            _execute(server, "drop database if exists {database} with (force)", database=database)
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
    migrated = plan.home / "airflow" / "migrated"
    current = migrated.exists() and migrated.read_text() == AIRFLOW_TEMPLATE
    return passwords, had_template and (not had_airflow or current)


def _write_pgpass(plan: Plan, server: postgres.Server, passwords: dict[str, str]) -> None:
    lines = [
        f"{server.host}:{server.port}:billcopy:{login}:{password}"
        for login, password in passwords.items()
    ]
    write_private(plan.home / "pgpass", "\n".join(lines) + "\n")


def _write_settings(
    plan: Plan, server: postgres.Server, *, role_id: str, secret_id_file: Path
) -> None:
    settings = {
        "DATABASE_HOST": server.host,
        "DATABASE_PORT": server.port,
        "DATABASE_NAME": "billcopy",
        "PGPASS_FILE": plan.home / "pgpass",
        "VAULT_URL": plan.vault_url,
        "VAULT_ROLE_ID": role_id,
        "VAULT_SECRET_ID_FILE": secret_id_file,
        "PORTAL_URLS": json.dumps({PORTAL: plan.portal_url}),
        "EVIDENCE_URL": (plan.home / "evidence").as_uri(),
        "WORK_DIR": plan.home / "bot",
        "LINGER_SECONDS": plan.linger_seconds,
    }
    lines = ["# Written by the sandbox's runner at every start."]
    lines += [f"BILLCOPY_{name}={value}" for name, value in settings.items()]
    plan.settings_file.write_text("\n".join(lines) + "\n")


def _secrets(plan: Plan, server: postgres.Server, passwords: dict[str, str]) -> None:
    """Vault's content, the settings that lead to it, and Airflow's way to it."""
    folder = plan.home / "vault"
    _wait_for_file(folder / "root_token")
    administrator = vault_seed.Administrator(
        plan.vault_url, (folder / "root_token").read_text().strip()
    )
    administrator.lay_out()
    for login, password in passwords.items():
        administrator.write(f"billcopy/database/{login}", {"password": password})
    for login in ("billcopy_ops", "billcopy_bot"):
        address = f"{server.host}:{server.port}/billcopy"
        uri = f"postgres://{login}:{quote(passwords[login], safe='')}@{address}"
        administrator.write(f"connections/{login}", {"conn_uri": uri})
    launcher = administrator.launcher()
    secret_id_file = plan.home / "private" / "launcher_secret_id"
    write_private(secret_id_file, launcher.secret_id)
    _write_settings(plan, server, role_id=launcher.role_id, secret_id_file=secret_id_file)
    kwargs = {
        "url": plan.vault_url,
        "auth_type": "approle",
        "role_id": launcher.role_id,
        "secret_id": launcher.secret_id,
        "mount_point": vault_seed.MOUNT,
        "connections_path": "connections",
        "variables_path": None,
        "config_path": None,
    }
    kwargs_file = plan.home / "private" / "vault_backend.json"
    write_private(kwargs_file, json.dumps(kwargs))
    login, password = "airflow", passwords["airflow"]
    write_airflow_config(
        plan.airflow_home,
        database_url=f"postgresql+psycopg2://{login}:{password}@{server.host}:{server.port}/airflow",
        port=plan.ports.airflow,
        log_ports=(plan.ports.task_logs, plan.ports.trigger_logs),
        vault_kwargs_file=kwargs_file,
        paused=plan.paused,
        dags_folder=plan.dags_folder,
    )


def _run(plan: Plan, name: str, *command: str) -> None:
    """One command of the preparation, its output in a log file.

    Raises:
        RuntimeError: it failed; the message ends with its last words.
    """
    log = plan.log_folder / f"{name}.log"
    with log.open("ab") as output:
        code = subprocess.run(
            command,
            env=plan.environment(),
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        ).returncode
    if code:
        raise RuntimeError(f"{name} ended with {code}: …{log.read_text()[-600:]}")


def _airflow_tables(plan: Plan, server: postgres.Server, *, there: bool) -> None:
    if not there:
        _run(
            plan,
            "airflow-db-migrate",
            str(Path(sys.executable).parent / "airflow"),
            "db",
            "migrate",
        )
        if not _exists(server, AIRFLOW_TEMPLATE):
            _execute(
                server,
                "create database {template} template {database} owner {owner}",
                template=AIRFLOW_TEMPLATE,
                database="airflow",
                owner="airflow",
            )
        (plan.airflow_home / "migrated").write_text(AIRFLOW_TEMPLATE)
    plan.ready("airflow-tables").touch()


def _queue(plan: Plan) -> None:
    plan.ready("queue").touch()


def _airflow(plan: Plan) -> None:
    """What only a running Airflow can take (the pools), then wait until all its parts are well."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_met(f"{plan.airflow_url}/execution/health"):
        if time.monotonic() > deadline:
            raise TimeoutError("Airflow's api-server does not answer")
        time.sleep(0.2)
    rest = AirflowRest(plan.airflow_url, user="admin", password=logins(plan.airflow_home)["admin"])
    rest.ensure_pool(f"portal_{PORTAL}", slots=1, description="One signed-in session per portal.")
    plan.ready("pools").touch()
    while any(rest.health().get(part) != "healthy" for part in AIRFLOW_PARTS):
        if time.monotonic() > deadline:
            raise TimeoutError(f"Airflow is not healthy: {rest.health()}")
        time.sleep(0.3)


def _announce(plan: Plan) -> None:
    passwords = logins(plan.airflow_home)
    say(f"Airflow          {plan.airflow_url}")
    for user, password in passwords.items():
        say(f"                 {user} / {password}")
    say(f"Mails            {plan.mail_folder}")
    say(f"Settings         {plan.settings_file}")


def prepare(plan: Plan) -> None:
    """Everything, in the order in which it becomes possible."""
    began = time.monotonic()
    server = _postgres(plan)
    say(f"PostgreSQL       {server.host}:{server.port}")
    passwords, tables_are_there = _databases(plan, server)
    _write_pgpass(plan, server, passwords)
    _secrets(plan, server, passwords)
    say(f"Secrets server   {plan.vault_url}")
    with ThreadPoolExecutor(max_workers=2) as both:
        tables = both.submit(_airflow_tables, plan, server, there=tables_are_there)
        queue = both.submit(_queue, plan)
        queue.result()
        say("Queue            migrated")
        tables.result()
        say(f"Airflow's tables ready after {time.monotonic() - began:.0f} s")
    _airflow(plan)
    _announce(plan)
    plan.ready("stack").touch()
    say(f"Healthy after {time.monotonic() - began:.0f} s. Ctrl-C ends all of it.")


def main() -> int:
    """Prepare, then stay until the stack ends."""
    parser = argparse.ArgumentParser(description="Prepare one stack of the sandbox.")
    parser.add_argument("--home", type=Path, required=True, help="the stack's folder")
    plan = read_plan(parser.parse_args().home)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        prepare(plan)
    except Exception as error:
        traceback.print_exc()
        say(f"The stack could not be prepared: {error}")
        return 1
    threading.Event().wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
