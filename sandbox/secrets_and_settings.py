"""What the programs of the stack read: settings, password files, Vault's content, airflow.cfg."""

from __future__ import annotations

import json
import os
import secrets
import time
from pathlib import Path
from urllib.parse import quote

from sandbox import postgres, vault_seed
from sandbox.airflow_config import write_airflow_config, write_private
from sandbox.plan import Plan
from sandbox.practice_portal.options import SERVICE_USER

PORTAL = "practice"
WAIT_SECONDS = 60


def _wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not path.exists():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} did not appear")
        time.sleep(0.05)


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


def _hand_over_portal_password(plan: Plan, administrator: vault_seed.Administrator) -> None:
    """Tell the practice portal its user's password through a pipe: no file ever holds it."""
    path = f"billcopy/portals/{PORTAL}"
    credential = administrator.read(path)
    if credential is None:
        credential = {"username": SERVICE_USER, "password": secrets.token_urlsafe(16)}
        administrator.write(path, credential)
    pipe = plan.portal_password_pipe
    pipe.unlink(missing_ok=True)
    pipe.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe, 0o600)
    try:
        pipe.write_text(credential["password"])  # waits for its reader
    finally:
        pipe.unlink()


def write_secrets_and_settings(
    plan: Plan, server: postgres.Server, passwords: dict[str, str]
) -> None:
    """Vault's content, the settings that lead to it, and Airflow's way to it."""
    _write_pgpass(plan, server, passwords)
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
    _hand_over_portal_password(plan, administrator)
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
