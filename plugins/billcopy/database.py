"""Connections, named queries and the translation of the database's refusals. No domain words."""

from __future__ import annotations

import contextlib
import enum
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errorcodes
import psycopg2.extensions
import psycopg2.extras

from billcopy import errors
from billcopy.settings import PREFIX, PROJECT_ROOT, Settings

Connection = psycopg2.extensions.connection
Json = psycopg2.extras.Json

SQL_FOLDER = PROJECT_ROOT / "sql"
CONNECT_TIMEOUT_SECONDS = 10
_HEADER = re.compile(r"^-- (?P<name>[a-z_]+)\n(?P<why>(?:-- .+\n)+)", re.MULTILINE)
_REFUSALS: Mapping[str, type[errors.BillCopyError]] = {
    "BC001": errors.LeaseLost,
    "BC002": errors.IllegalTransition,
    "BC003": errors.NotFound,
    "BC005": errors.NotPermitted,
    "BC006": errors.FormMismatch,
    "BC007": errors.ProofUsed,
}


class Login(enum.StrEnum):
    """The logins; what each may do stands in sql/roles.sql."""

    MIGRATOR = "billcopy_migrator"
    DESK = "billcopy_desk"
    BOT = "billcopy_bot"
    OPS = "billcopy_ops"
    REPORTING = "billcopy_reporting"
    WATCH = "billcopy_watch"


def connect(settings: Settings, login: Login) -> Connection:
    """Connect as one login, with its password from libpq's password file.

    Raises:
        DatabaseUnavailable: no answer, or the login was refused.
        SettingsError: the password file is not there.
    """
    parameters: dict[str, Any] = {
        "host": settings.database_host,
        "port": settings.database_port,
        "dbname": settings.database_name,
        "sslmode": settings.database_sslmode,
        "user": login.value,
    }
    if settings.pgpass_file is not None:
        if not settings.pgpass_file.exists():
            raise errors.SettingsError(
                f"{PREFIX}PGPASS_FILE", f"there is no file {settings.pgpass_file}"
            )
        parameters["passfile"] = str(settings.pgpass_file)
    return connect_to(parameters)


def connect_to(parameters: Mapping[str, Any]) -> Connection:
    """Connect with libpq's parameters (host, port, dbname, user, password, …), in autocommit.

    Every call of a function is then a transaction of its own.

    Raises:
        DatabaseUnavailable: no answer, or the login was refused.
    """
    try:
        connection: Connection = psycopg2.connect(
            **parameters,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name="billcopy",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
        )
    except psycopg2.OperationalError as error:
        place = f"{parameters.get('host')}:{parameters.get('port')}"
        said = (str(error).strip().splitlines() or ["no answer"])[0]
        raise errors.DatabaseUnavailable(f"{place}: {said}") from None
    connection.autocommit = True
    return connection


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """Everything inside commits together, or not at all."""
    connection.autocommit = False
    try:
        with connection:
            yield
    finally:
        if not connection.closed:
            connection.autocommit = True


@functools.cache
def _queries() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in sorted((SQL_FOLDER / "queries").glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        heads = list(_HEADER.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        for head, end in zip(heads, ends, strict=True):
            if head["name"] in found:
                raise ValueError(f"{path.name}: query {head['name']} stands twice")
            found[head["name"]] = text[head.end() : end].strip()
    return found


def named_query(name: str) -> str:
    """The text of a query of sql/queries, by the name in its header.

    Raises:
        KeyError: no query is called so.
    """
    return _queries()[name]


def migration_files() -> list[Path]:
    """The forward-only migrations, in order."""
    return sorted((SQL_FOLDER / "migrations").glob("*.sql"))


def repeatable_files() -> list[Path]:
    """Functions, views and roles, in the order in which they are made anew."""
    folders = ("functions", "views")
    files = [path for folder in folders for path in sorted((SQL_FOLDER / folder).glob("*.sql"))]
    return [*files, SQL_FOLDER / "roles.sql"]


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the database's refusals into our errors.

    Raises:
        InputError, LeaseLost, IllegalTransition, NotFound, AlreadyOpen, NotPermitted,
        FormMismatch, ProofUsed: a function refused.
        DatabaseUnavailable: the connection is gone.
    """
    try:
        yield
    except psycopg2.Error as error:
        code, said = error.pgcode or "", error.diag.message_primary or str(error).strip()
        if code == "BC010":
            raise errors.InputError(error.diag.column_name or "value", said) from None
        if code == "BC004":  # the detail is the number of the request that is open
            twin = error.diag.message_detail
            raise errors.AlreadyOpen(said, request_id=int(twin) if twin else None) from None
        if code in _REFUSALS:
            raise _REFUSALS[code](said) from None
        if code == psycopg2.errorcodes.INSUFFICIENT_PRIVILEGE:
            raise errors.NotPermitted(said) from None
        if code.startswith("22"):  # a value the database cannot read, such as a date or a number
            raise errors.InputError("value", said) from None
        if code == psycopg2.errorcodes.CHECK_VIOLATION:  # our constraints are named as sentences
            rule = (error.diag.constraint_name or said).replace("_", " ")
            raise errors.InputError("value", f"must keep the rule “{rule}”") from None
        if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
            raise errors.DatabaseUnavailable(said or "the connection is closed") from error
        raise


def rows(connection: Connection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run a named query and return its rows; see `translated_errors` for what it raises."""
    with (
        translated_errors(),
        connection.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor,
    ):
        cursor.execute(named_query(query), parameters)
        return [dict(row) for row in cursor.fetchall()]


def row(connection: Connection, query: str, **parameters: Any) -> dict[str, Any]:
    """Run a named query that returns one row.

    Raises:
        LookupError: it returned none, or several.
    """
    found = rows(connection, query, **parameters)
    if len(found) != 1:
        raise LookupError(f"{query} returned {len(found)} rows, not one")
    return found[0]
