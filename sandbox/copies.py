"""Backups in miniature: a database copied whole, and put back under its own name."""

from __future__ import annotations

from psycopg2 import sql

from billcopy.database import Connection

_ENDED = """
select count(pg_terminate_backend(a.pid)) from pg_stat_activity as a
where a.datname = %s and a.pid <> pg_backend_pid()
"""


def copy_of(name: str) -> str:
    """What the copy of a database is called."""
    return f"{name}_copy"


def keep(admin: Connection, name: str) -> None:
    """Copy the database as it is now; an older copy goes. Who is connected is thrown out.

    `admin` is a superuser's connection in autocommit, to another database of the server.
    """
    _replace(admin, source=name, target=copy_of(name), owner_of=name)


def put_back(admin: Connection, name: str) -> None:
    """The database is what `keep` copied from now on; the copy stays."""
    _replace(admin, source=copy_of(name), target=name, owner_of=copy_of(name))


def _replace(admin: Connection, *, source: str, target: str, owner_of: str) -> None:
    with admin.cursor() as cursor:
        cursor.execute(
            "select pg_get_userbyid(d.datdba) from pg_database as d where d.datname = %s",
            [owner_of],
        )
        (owner,) = cursor.fetchone() or ("",)
        cursor.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(target))
        )
        # Nobody may come in between; whoever tries is told that the database takes no connection.
        allow = sql.SQL("alter database {} with allow_connections {}")
        cursor.execute(allow.format(sql.Identifier(source), sql.SQL("false")))
        try:
            cursor.execute(_ENDED, [source])
            cursor.execute(
                sql.SQL("create database {} template {} owner {}").format(
                    sql.Identifier(target), sql.Identifier(source), sql.Identifier(owner)
                )
            )
        finally:
            cursor.execute(allow.format(sql.Identifier(source), sql.SQL("true")))
