"""Airflow's configuration for the sandbox, as one file only its owner can read.

A file and not the environment: whatever a task starts inherits the environment, and connection
strings and signing keys have no business in a browser's.
"""

from __future__ import annotations

import base64
import configparser
import io
import json
import os
import secrets
from pathlib import Path

from billcopy.settings import PROJECT_ROOT

USERS = {"admin": "admin", "ops": "op", "rep": "user", "viewer": "viewer"}  # login: role


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def kept_secret(path: Path, made: str) -> str:
    """The secret in `path`; on first use it is `made`."""
    if not path.exists():
        write_private(path, made)
    return path.read_text()


def logins(airflow_home: Path) -> dict[str, str]:
    """Password per UI login; made on first use, in the file SimpleAuthManager reads."""
    path = airflow_home / "logins.json"
    passwords: dict[str, str] = json.loads(kept_secret(path, "{}"))
    if missing := [user for user in USERS if user not in passwords]:
        passwords |= {user: secrets.token_urlsafe(9) for user in missing}
        write_private(path, json.dumps(passwords))
    return passwords


def write_airflow_config(
    airflow_home: Path,
    *,
    database_url: str,
    port: int,
    log_ports: tuple[int, int],
    vault_kwargs_file: Path,
    paused: bool,
    dags_folder: Path = PROJECT_ROOT / "dags",
    task_heartbeat_timeout: int = 120,
) -> None:
    """Write `airflow.cfg` below `airflow_home`.

    Args:
        airflow_home: Airflow's own folder.
        database_url: SQLAlchemy URL of the metadata, password included.
        port: of the api-server.
        log_ports: where scheduler and triggerer serve their logs.
        vault_kwargs_file: JSON for the secrets backend, readable by the owner alone.
        paused: whether a DAG starts paused when it is first seen.
        dags_folder: where the DAG files stand.
        task_heartbeat_timeout: seconds until a task that fell silent is given up.
    """
    logins(airflow_home)
    made = base64.urlsafe_b64encode(os.urandom(32)).decode()
    fernet_key = kept_secret(airflow_home / "fernet_key", made)
    url = f"http://127.0.0.1:{port}"
    sections: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": dags_folder,
            "plugins_folder": PROJECT_ROOT / "plugins",
            "load_examples": False,
            "executor": "billcopy.airflow_parts.executor.QuietLocalExecutor",
            "parallelism": 4,
            "fernet_key": fernet_key,
            "dags_are_paused_at_creation": paused,
            "execution_api_server_url": f"{url}/execution/",
            "simple_auth_manager_users": ",".join(f"{user}:{role}" for user, role in USERS.items()),
            "simple_auth_manager_passwords_file": airflow_home / "logins.json",
        },
        "database": {"sql_alchemy_conn": database_url, "load_default_connections": False},
        "api": {
            "base_url": url,
            "host": "127.0.0.1",
            "port": port,
            "workers": 1,
            "secret_key": secrets.token_urlsafe(48),
        },
        "api_auth": {
            "jwt_secret": secrets.token_urlsafe(64),
            "jwt_issuer": "billcopy-sandbox",
        },
        "dag_processor": {"refresh_interval": 5, "min_file_process_interval": 30},
        # A cold api-server takes 6 to 36 s for its first answer. A task outlives a restart of it:
        # it gives up after 60 heartbeats, the scheduler gives it up after the timeout below.
        "workers": {"execution_api_timeout": 60, "max_failed_heartbeats": 60},
        "scheduler": {
            "scheduler_idle_sleep_time": 0.1,
            "task_instance_heartbeat_timeout": task_heartbeat_timeout,
            # Tasks of a scheduler that died keep their DAG run, and with it the portal's next run,
            # until another one looks for them; the usual 300 s are too long for a promise of two
            # minutes.
            "orphaned_tasks_check_interval": 30,
            "enable_health_check": False,
        },
        "logging": {
            "base_log_folder": airflow_home / "logs",
            "worker_log_server_port": log_ports[0],
            "trigger_log_server_port": log_ports[1],
        },
        "secrets": {
            "backend": "airflow.providers.hashicorp.secrets.vault.VaultBackend",
            "backend_kwargs_cmd": f"cat {vault_kwargs_file}",
        },
        "usage_data_collection": {"enabled": False},
    }
    parser = configparser.RawConfigParser()
    parser.read_dict(sections)
    text = io.StringIO()
    parser.write(text)
    write_private(airflow_home / "airflow.cfg", text.getvalue())
