"""A real PostgreSQL: one server a test process (0.5 s), one migrated database a test (30 ms).

The database is cloned from a migrated template, and the tests connect as the real logins.
"""

from __future__ import annotations

import contextlib
import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg2 import sql

from billcopy import database as databases
from billcopy import migrate, request_queue
from billcopy.database import Connection, Login
from billcopy.settings import Settings, load
from sandbox import postgres

TEMPLATE = "billcopy"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """One migrated database and the ways into it."""

    settings: Settings
    server: postgres.Server
    passwords: dict[str, str]
    connect: Callable[[Login], Connection]
    name: str

    @property
    def superuser(self) -> Connection:
        """A connection that may look at everything; the test closes nothing."""
        return self.server.connect(self.name)

    def parameters(self, login: Login) -> dict[str, object]:
        """libpq's parameters of one login, password included."""
        return {
            "host": self.server.host,
            "port": self.server.port,
            "dbname": self.name,
            "user": login.value,
            "password": self.passwords[login.value],
        }


@pytest.fixture(scope="session")
def login_passwords() -> dict[str, str]:
    names = [login.value for login in Login] + ["airflow"]
    return {name: secrets.token_urlsafe(16) for name in names}


@pytest.fixture(scope="session")
def database_server(
    tmp_path_factory: pytest.TempPathFactory, login_passwords: dict[str, str]
) -> Iterator[postgres.Server]:
    """An embedded server with a migrated template database."""
    directory = tmp_path_factory.mktemp("postgres")
    with postgres.running(directory, throwaway=True) as server:
        postgres.provision(server, login_passwords)
        migrator = databases.connect_to(
            {
                "host": server.host,
                "port": server.port,
                "dbname": TEMPLATE,
                "user": Login.MIGRATOR.value,
                "password": login_passwords[Login.MIGRATOR.value],
            }
        )
        migrate.migrate(migrator)
        migrator.close()
        # The migration makes the roles; logins and their passwords are the administrator's.
        postgres.provision(server, login_passwords)
        yield server


@pytest.fixture
def database_clone(
    database_server: postgres.Server, login_passwords: dict[str, str], tmp_path: Path
) -> Iterator[Database]:
    """A fresh migrated database, without any portal."""
    name = f"billcopy_test_{next(_numbers)}"
    with contextlib.closing(database_server.connect()) as admin, admin.cursor() as cursor:
        cursor.execute(
            sql.SQL("create database {} template {} owner {}").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier("billcopy_migrator")
            )
        )
    with contextlib.closing(database_server.connect(name)) as admin, admin.cursor() as cursor:
        # The template is as old as the test session: silence is counted from now.
        cursor.execute("update billcopy.signs_of_life set seen_at = clock_timestamp()")
    pgpass = tmp_path / "pgpass"
    pgpass.touch(mode=0o600)
    pgpass.write_text(
        "".join(f"*:*:*:{login}:{password}\n" for login, password in login_passwords.items())
    )
    settings = load(
        database_host=database_server.host,
        database_port=database_server.port,
        database_name=name,
        pgpass_file=pgpass,
        work_dir=tmp_path / "bot",
        evidence_url=(tmp_path / "evidence").as_uri(),
    )
    opened: list[Connection] = []

    def connect(login: Login) -> Connection:
        connection = databases.connect(settings, login)
        opened.append(connection)
        return connection

    yield Database(settings, database_server, login_passwords, connect, name)
    for connection in opened:
        with contextlib.suppress(Exception):
            connection.close()
    with contextlib.closing(database_server.connect()) as admin, admin.cursor() as cursor:
        cursor.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def database(database_clone: Database) -> Database:
    """A fresh migrated database with the portal `practice`, its settle window the shortest."""
    ops = database_clone.connect(Login.OPS)
    request_queue.register_portal(
        ops,
        name="practice",
        title="Practice Bank",
        account_pattern="^[0-9]{7,9}$",
        account_example="4027310",
        recipient_policy="either",
        time_zone="Europe/Dublin",
        actor="tests",
    )
    request_queue.configure_portal(
        ops,
        "practice",
        {"send_processing": "5 s", "settle_window": "25 s"},
        actor="tests",
        reason="no test waits for a real portal",
    )
    return database_clone
