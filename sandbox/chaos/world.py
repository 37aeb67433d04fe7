"""What is killed and asked: one queue, one practice portal, one mail sink, wherever they run."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg2

from billcopy import request_queue
from billcopy.database import Connection, connect_to
from sandbox import mail_sink
from sandbox.chaos import timings
from sandbox.databases import server_of
from sandbox.plan import Plan

FAULTS = {"sent_log_lag_seconds": timings.LOG_LAG_SECONDS}
ACTOR = "chaos"


@dataclass
class World:
    """Ways into a run. `admin`, `desk` and `ops` are libpq's parameters of three logins.

    `home` is the folder that every process of the run names in arguments or environment.
    """

    home: Path
    portal_url: str
    mail_folder: Path
    admin: dict[str, Any] = field(repr=False)
    desk: dict[str, Any] = field(repr=False)
    ops: dict[str, Any] = field(repr=False)
    lost: list[tuple[float, float]] = field(default_factory=list)
    """What a restore undid: from when to when, by the database's clock."""
    _connection: Connection | None = field(default=None, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @property
    def copies_put_back(self) -> list[float]:
        """How old each copy of the database was when it was put back, in seconds."""
        return [restored_at - since for since, restored_at in self.lost]

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the database as superuser; a lost connection is made anew once.

        Raises:
            psycopg2.Error: the database does not answer.
        """
        with self._lock:
            for last in (False, True):
                try:
                    if self._connection is None or self._connection.closed:
                        self._connection = psycopg2.connect(**self.admin, connect_timeout=3)
                        self._connection.autocommit = True
                    with self._connection.cursor() as cursor:
                        cursor.execute(statement, values)
                        return cursor.fetchall() if cursor.description else []
                except (psycopg2.OperationalError, psycopg2.InterfaceError):
                    self._connection = None
                    if last:
                        raise
            raise AssertionError("unreachable")

    def configure(self) -> None:
        """Give the portal the short timings."""
        with contextlib.closing(connect_to(self.ops)) as connection:
            request_queue.configure_portal(
                connection, "practice", timings.PORTAL, actor=ACTOR, reason="chaos"
            )
        self.faults(**FAULTS)

    def faults(self, **changes: Any) -> bool:
        """Change the portal's faults; False if it does not answer just now."""
        try:
            url = f"{self.portal_url}/_sandbox/faults"
            return httpx.put(url, json=changes, timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def portal_state(self) -> dict[str, Any]:
        """What the portal really did."""
        url = f"{self.portal_url}/_sandbox/state"
        state: dict[str, Any] = httpx.get(url, timeout=30, trust_env=False).json()
        return state

    def mails(self) -> Sequence[mail_sink.Mail]:
        """What really went out."""
        return mail_sink.read_mails(self.mail_folder)

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def world_of(plan: Plan) -> World:
    """The world of a running stack."""
    server = server_of(plan)
    address = {"host": server.host, "port": server.port, "dbname": "billcopy"}
    lines = [line.split(":") for line in (plan.home / "pgpass").read_text().splitlines()]
    passwords = {words[3]: words[4] for words in lines}

    def login(name: str) -> dict[str, Any]:
        return {**address, "user": name, "password": passwords[name]}

    return World(
        home=plan.home,
        portal_url=plan.portal_url,
        mail_folder=plan.mail_folder,
        admin={**address, "user": server.superuser, "password": server.password},
        desk=login("billcopy_desk"),
        ops=login("billcopy_ops"),
    )
