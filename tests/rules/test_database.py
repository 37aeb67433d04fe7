"""Rules that only a real database can tell: comments, codes, words."""

from __future__ import annotations

import inspect
import re

import pytest

from billcopy import errors
from tests.database_fixtures import Database
from tests.rules.source import ROOT


def select(database: Database, query: str) -> list[tuple[object, ...]]:
    connection = database.superuser
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall())
    finally:
        connection.close()


def test_every_reporting_view_and_column_is_explained(database_clone: Database) -> None:
    found = select(
        database_clone,
        """
        select c.relname, a.attname
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
        where n.nspname = 'reporting' and c.relkind in ('v', 'm')
          and col_description(c.oid, a.attnum) is null
        union all
        select c.relname, ''
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname = 'reporting' and c.relkind in ('v', 'm')
          and obj_description(c.oid, 'pg_class') is null
        """,
    )
    assert found == []


def test_there_is_something_to_report(database_clone: Database) -> None:
    query = "select count(*) from pg_views where schemaname = 'reporting'"
    assert select(database_clone, query) != [(0,)]


def test_every_code_of_an_error_has_its_plain_words(database_clone: Database) -> None:
    words = dict(select(database_clone, "select code, class from billcopy.reasons"))
    for _, kind in inspect.getmembers(errors, inspect.isclass):
        if kind.__module__ != errors.__name__ or not hasattr(kind, "error_class"):
            continue
        if kind.error_class in ("business", "application"):
            assert words.get(kind.code) == kind.error_class, f"{kind.__name__}: {kind.code}"


def test_plain_words_are_sentences(database_clone: Database) -> None:
    for code, sentence in select(database_clone, "select code, plain_words from billcopy.reasons"):
        assert re.fullmatch(r"[A-Z].+[.]", str(sentence)), code


@pytest.mark.parametrize("states", ["request_states", "delivery_states"])
def test_the_glossary_knows_every_state(database_clone: Database, states: str) -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").replace(" ", "_")
    for (state,) in select(database_clone, f"select state from billcopy.{states}"):
        assert f"*{state}*" in glossary, state


def test_every_function_that_may_do_more_than_its_caller_is_pinned(
    database_clone: Database,
) -> None:
    """A `security definer` without a search_path could be made to call somebody else's function."""
    loose = select(
        database_clone,
        """
        select p.proname from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'billcopy' and p.prosecdef
          and not coalesce(array_to_string(p.proconfig, ',') ~ 'search_path=.*pg_temp', false)
        """,
    )
    assert loose == []


def test_nobody_may_write_a_table(database_clone: Database) -> None:
    may = select(
        database_clone,
        """
        select r.rolname, c.relname, x.privilege
        from pg_roles r
        cross join pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        cross join (values ('insert'), ('update'), ('delete'), ('truncate')) as x (privilege)
        where r.rolname in ('billcopy_desk', 'billcopy_bot', 'billcopy_ops', 'billcopy_reporting',
                            'billcopy_watch')
          and n.nspname in ('billcopy', 'reporting') and c.relkind in ('r', 'v', 'm', 'p')
          and has_table_privilege(r.oid, c.oid, x.privilege)
        """,
    )
    assert may == []
