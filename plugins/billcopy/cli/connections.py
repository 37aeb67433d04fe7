"""A connection per command, as the login that may do what the command does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from billcopy import database, settings
from billcopy.database import Connection


@contextmanager
def desk() -> Iterator[Connection]:
    """Connect as a representative: requests, one by one."""
    with _connected(database.Login.DESK) as connection:
        yield connection


@contextmanager
def operations() -> Iterator[Connection]:
    """Connect as operations: portals, the queue as a whole, doubts."""
    with _connected(database.Login.OPS) as connection:
        yield connection


@contextmanager
def _connected(login: database.Login) -> Iterator[Connection]:
    connection = database.connect(settings.load(), login)
    try:
        yield connection
    finally:
        connection.close()
