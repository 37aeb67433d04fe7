"""One word everywhere: every code that Python can settle with is a row of `reasons`."""

from __future__ import annotations

from billcopy import errors
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps


def families(base: type[errors.BillCopyError]) -> set[type[errors.BillCopyError]]:
    return {base}.union(*(families(child) for child in base.__subclasses__()))


def test_every_business_and_application_error_has_its_plain_words(database: Database) -> None:
    rows = dict(steps.execute(database, "select code, class from billcopy.reasons"))
    for base, kind in (
        (errors.BusinessError, "business"),
        (errors.ApplicationError, "application"),
    ):
        missing = {one.code for one in families(base)} - {
            code for code, found in rows.items() if found == kind
        }
        assert missing == set()


def test_plain_words_are_whole_sentences(database: Database) -> None:
    for table, column in (
        ("reasons", "plain_words"),
        ("request_states", "meaning"),
        ("delivery_states", "meaning"),
    ):
        for (words,) in steps.execute(database, f"select {column} from billcopy.{table}"):
            assert words[0].isupper()
            assert words.endswith(".")
