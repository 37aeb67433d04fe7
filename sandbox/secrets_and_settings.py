"""What the programs of the stack read: settings, password files, Vault's content, airflow.cfg."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from urllib.parse import quote

from sandbox import postgres
from sandbox.airflow_config import write_airflow_config, write_private
from sandbox.guarded import is_met
from sandbox.plan import Plan
from sandbox.secrets_server import provision as vault

PORTAL = "practice"
# Alarms reach the same mail sink, which keeps them apart from the customers' mails.
ALARMS_TO = "operations@billcopy.example"
ALARMS = "alarms"
WATCH_SECONDS = 10
MIN_FREE_BYTES = 200 << 20
WAIT_SECONDS = 60


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
        "WATCH_PORT": plan.ports.watch,
        "WATCH_SECONDS": WATCH_SECONDS,
        "WATCHED_FOLDERS": json.dumps([str(plan.home)]),  # the database's own is in it
        "MIN_FREE_BYTES": MIN_FREE_BYTES,
        "ALARM_MAIL_TO": json.dumps([ALARMS_TO]),
        "SMTP_PORT": plan.ports.mail,
    }
    lines = ["# Written by the sandbox's runner at every start."]
    lines += [f"BILLCOPY_{name}={value}" for name, value in settings.items()]
    plan.settings_file.write_text("\n".join(lines) + "\n")


def hand_over_portal_password(plan: Plan, password: str) -> None:
    """Tell the practice portal its user's password through a pipe: no file ever holds it."""
    pipe = plan.portal_password_pipe
    pipe.unlink(missing_ok=True)
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe, 0o600)
    try:
        pipe.write_text(password)  # waits for its reader
    finally:
        pipe.unlink()


def _provision_vault(
    plan: Plan, server: postgres.Server, passwords: dict[str, str]
) -> vault.Provisioned:
    root_token = plan.home / "vault" / "root_token"
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_met(f"{plan.vault_url}/v1/sys/health"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the secrets server does not answer on {plan.vault_url}")
        time.sleep(0.05)
    token = root_token.read_text()
    portal_password = vault.read_portal_password(plan.vault_url, token) if not plan.fresh else None
    portal_password = portal_password or secrets.token_urlsafe(16)
    address = f"{server.host}:{server.port}/billcopy"
    metadata = f"airflow:{quote(passwords['airflow'], safe='')}@{server.host}:{server.port}/airflow"
    provisioned = vault.provision(
        plan.vault_url,
        token,
        portal=PORTAL,
        portal_password=portal_password,
        database_passwords=passwords,
        airflow_connections={
            **{
                login: f"postgres://{login}:{quote(passwords[login], safe='')}@{address}"
                for login in ("billcopy_ops", "billcopy_bot", "billcopy_desk")
            },
            "airflow_metadata": f"postgres://{metadata}",  # for apply_retention
        },
    )
    hand_over_portal_password(plan, portal_password)
    return provisioned


def write_secrets_and_settings(
    plan: Plan, server: postgres.Server, passwords: dict[str, str]
) -> None:
    """Vault's content, the settings that lead to it, and Airflow's way to it."""
    _write_pgpass(plan, server, passwords)
    roles = _provision_vault(plan, server, passwords)
    secret_id_file = plan.home / "private" / "launcher_secret_id"
    write_private(secret_id_file, roles.airflow_secret_id)
    _write_settings(plan, server, role_id=roles.airflow_role_id, secret_id_file=secret_id_file)
    kwargs = {
        "url": plan.vault_url,
        "auth_type": "approle",
        "role_id": roles.airflow_role_id,
        "secret_id": roles.airflow_secret_id,
        "mount_point": "secret",
        "connections_path": "connections",
        "variables_path": None,
        "config_path": None,
    }
    kwargs_file = plan.home / "private" / "vault_backend.json"
    write_private(kwargs_file, json.dumps(kwargs))
    owner = f"airflow:{passwords['airflow']}"
    write_airflow_config(
        plan.airflow_home,
        database_url=f"postgresql+psycopg2://{owner}@{server.host}:{server.port}/airflow",
        port=plan.ports.airflow,
        log_ports=(plan.ports.task_logs, plan.ports.trigger_logs),
        vault_kwargs_file=kwargs_file,
        paused=plan.paused,
        dags_folder=plan.dags_folder,
        task_heartbeat_timeout=plan.task_heartbeat_timeout,
    )
