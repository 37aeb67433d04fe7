"""psycopg2 connections from Airflow Connections.

PostgresHook is not used: its present version prefers psycopg 3 wherever that is installed, which is
wherever the provider is.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from airflow.sdk import BaseHook

from billcopy import database
from billcopy.errors import DatabaseUnavailable

OPS = "billcopy_ops"
BOT = "billcopy_bot"
DESK = "billcopy_desk"
PORT = 5432


def parameters(connection: Any) -> dict[str, Any]:
    """What libpq needs, out of an Airflow Connection, whose extra may hold `sslmode`."""
    return {
        "host": connection.host,
        "port": connection.port or PORT,
        "dbname": connection.schema,
        "user": connection.login,
        "password": connection.password,
        "sslmode": connection.extra_dejson.get("sslmode", "prefer"),
    }


@contextlib.contextmanager
def ops() -> Iterator[database.Connection]:
    """A connection of the login `billcopy_ops`, closed on leaving.

    Raises:
        DatabaseUnavailable: no answer, or the login was refused.
    """
    with contextlib.closing(
        database.connect_to(parameters(BaseHook.get_connection(OPS)))
    ) as connection:
        yield connection


def read_parameters(name: str) -> dict[str, Any]:
    """What libpq needs for the Airflow Connection of this name.

    Raises:
        DatabaseUnavailable: nobody has set up the connection, or the secrets backend does not
            answer; what it says may hold secrets and is left out.
    """
    try:
        return parameters(BaseHook.get_connection(name))
    except Exception as error:
        said = f"the connection {name} cannot be read ({type(error).__name__})"
        raise DatabaseUnavailable(said) from None
