"""Where one stack lives: its folder, its ports, what it starts with. Written to `stack.json`."""

from __future__ import annotations

import json
import os
import re
import socket
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from billcopy.settings import PROJECT_ROOT
from sandbox.postgres import free_port

EXTERNAL_POSTGRES = "BILLCOPY_SANDBOX_POSTGRES"


OVERRIDES = re.compile(
    "AIRFLOW|BILLCOPY_(DATABASE|VAULT|PGPASS|PORTAL_URLS|EVIDENCE|WORK_DIR|LINGER|SETTINGS|WATCH"
    "|ALARM|SMTP|PING|MIN_FREE)"
)


class PortTaken(Exception):
    """A port that was asked for is in use."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """A TCP port on loopback for every server of the stack."""

    airflow: int
    portal: int
    vault: int
    postgres: int
    mail: int
    task_logs: int
    trigger_logs: int
    watch: int


USUAL_PORTS = Ports(
    airflow=8080,
    portal=8090,
    vault=8200,
    postgres=5433,
    mail=8025,
    task_logs=8793,
    trigger_logs=8794,
    watch=9108,
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One stack, before it is started."""

    home: Path
    ports: Ports
    fresh: bool = False  # begin with an empty queue and an empty Airflow
    paused: bool = False  # DAGs wait until somebody unpauses them
    linger_seconds: int = 60
    restart: bool = False  # a program that dies is started again; else all of the stack ends
    task_heartbeat_timeout: int = 120  # seconds until Airflow gives up a task that fell silent
    dags_folder: Path = PROJECT_ROOT / "dags"

    @property
    def airflow_home(self) -> Path:
        """Airflow's own folder."""
        return self.home / "airflow"

    @property
    def airflow_url(self) -> str:
        """Address of the UI and the REST API."""
        return f"http://127.0.0.1:{self.ports.airflow}"

    @property
    def portal_url(self) -> str:
        """Address of the practice portal."""
        return f"http://127.0.0.1:{self.ports.portal}"

    @property
    def vault_url(self) -> str:
        """Address of the secrets server."""
        return f"http://127.0.0.1:{self.ports.vault}"

    @property
    def mail_folder(self) -> Path:
        """Where the mail sink puts what it is sent."""
        return self.home / "mail"

    @property
    def watch_url(self) -> str:
        """Address of the watch: `/health`, `/metrics`."""
        return f"http://127.0.0.1:{self.ports.watch}"

    @property
    def settings_file(self) -> Path:
        """The settings everything of this stack reads."""
        return self.home / "settings.env"

    @property
    def log_folder(self) -> Path:
        """One file per program."""
        return self.home / "log"

    @property
    def portal_password_pipe(self) -> Path:
        """The pipe through which the practice portal is told its password."""
        return self.home / "private" / "portal_password"

    def ready(self, what: str) -> Path:
        """The mark that says a step of the preparation is done."""
        return self.home / "ready" / what

    def environment(self) -> dict[str, str]:
        """The environment of every program of the stack; holds nothing secret.

        What the caller has set for another Airflow, or what this stack's own settings say, is left
        out: the environment would win over the files.
        """
        inherited = {name: value for name, value in os.environ.items() if not OVERRIDES.match(name)}
        return {
            **inherited,
            "AIRFLOW_HOME": str(self.airflow_home),
            "BILLCOPY_SETTINGS_FILE": str(self.settings_file),
            "PYTHONUNBUFFERED": "1",
        }

    def write(self) -> None:
        """Write `stack.json`, for the programs of the stack and for whoever looks."""
        self.home.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=2, default=str)
        (self.home / "stack.json").write_text(text + "\n")


def read_plan(home: Path) -> Plan:
    """The plan that `write` wrote."""
    kept = json.loads((home / "stack.json").read_text())
    kept["home"], kept["dags_folder"] = Path(kept["home"]), Path(kept["dags_folder"])
    return Plan(**{**kept, "ports": Ports(**kept["ports"])})


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports() -> Ports:
    """Ports nobody uses."""
    found: set[int] = set()
    while len(found) < len(fields(Ports)):
        found.add(free_port())
    return Ports(**{field.name: found.pop() for field in fields(Ports)})


def usual_ports() -> Ports:
    """The ports a person expects: the ones asked for, else the usual ones, else free ones.

    Raises:
        PortTaken: a port asked for with `BILLCOPY_SANDBOX_<NAME>_PORT` is in use.
    """
    chosen = {}
    for field in fields(Ports):
        variable = f"BILLCOPY_SANDBOX_{field.name.upper()}_PORT"
        asked = os.environ.get(variable)
        if asked and not (asked.isdigit() and 0 < int(asked) < 65536):
            raise PortTaken(f"{variable}: {asked!r} is not a TCP port")
        if asked and not _is_free(int(asked)):
            raise PortTaken(f"port {asked} ({variable}) is taken; choose another or unset it")
        usual = int(asked) if asked else getattr(USUAL_PORTS, field.name)
        chosen[field.name] = usual if _is_free(usual) else free_port()
    return Ports(**chosen)
