"""Brings the database to the state of sql/: migrations once, then functions, views and roles.

Migrations are forward-only; each runs in a transaction of its own and is recorded with the digest
of its text. Functions, views and roles are made anew as a whole, in one transaction, whenever one
of their files has changed. An advisory lock lets one migration run at a time.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from billcopy import database, errors
from billcopy.database import Connection

OLDEST_SERVER = 150000
REPEATABLES = "functions, views and roles"


@dataclass(frozen=True)
class Step:
    """One thing a migration did or would do."""

    name: str
    path: tuple[Path, ...]
    digest: str


def _digest(paths: tuple[Path, ...]) -> str:
    summed = hashlib.sha256()
    for path in paths:
        summed.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return summed.hexdigest()


def _applied(connection: Connection) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(database.named_query("create_migrations_table"))
        cursor.execute(database.named_query("applied_migrations"))
        return dict(cursor.fetchall())


def pending(connection: Connection) -> list[Step]:
    """What `migrate` would do now, in order.

    Raises:
        IllegalTransition: a migration that was applied has been changed, or is not there any more.
    """
    applied = _applied(connection)
    steps = []
    for path in database.migration_files():
        digest = _digest((path,))
        known = applied.pop(path.name, None)
        if known is None:
            steps.append(Step(path.name, (path,), digest))
        elif known != digest:
            raise errors.IllegalTransition(
                f"{path.name} was applied and has been changed since; add a new migration instead"
            )
    files = tuple(database.repeatable_files())
    digest = _digest(files)
    if applied.pop(REPEATABLES, None) != digest:
        steps.append(Step(REPEATABLES, files, digest))
    if applied:
        raise errors.IllegalTransition(
            f"the database has {', '.join(sorted(applied))}, which this version does not know"
        )
    return steps


def migrate(connection: Connection) -> list[str]:
    """Do what is pending, as the migrator; again does no harm. Returns the names of what was done.

    Raises:
        IllegalTransition: see `pending`; also where the server is older than PostgreSQL 15.
    """
    done = []
    with database.translated_errors():
        version = database.row(connection, "server_version")["version"]
        if version < OLDEST_SERVER:
            raise errors.IllegalTransition(
                f"PostgreSQL {version // 10000} is too old; 15 or newer is needed"
            )
        with connection.cursor() as cursor:
            cursor.execute(database.named_query("lock_migrations"))
            try:
                for step in pending(connection):
                    with database.transaction(connection):
                        if step.name == REPEATABLES:
                            cursor.execute(database.named_query("become_owner"))
                        for path in step.path:
                            cursor.execute(path.read_text(encoding="utf-8"))
                        cursor.execute(database.named_query("become_migrator"))
                        cursor.execute(
                            database.named_query("record_migration"),
                            {"name": step.name, "digest": step.digest},
                        )
                    done.append(step.name)
            finally:
                if not connection.closed:
                    cursor.execute(database.named_query("unlock_migrations"))
    return done
