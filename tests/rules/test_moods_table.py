"""The table of moods and the tests of moods say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rules.source import ROOT

PAGE = ROOT / "docs" / "reliability.md"
ACCEPTANCE = ROOT / "tests" / "acceptance"
TEST = re.compile(r"^def (test_\w+)\(", re.M)
MOODS = sorted(ACCEPTANCE.glob("test_moods*.py"))


def rows() -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").partition("\n## Moods\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def named_tests(files: list[Path]) -> set[str]:
    return {name for file in files for name in TEST.findall(file.read_text(encoding="utf-8"))}


def words() -> set[str]:
    """What the database says to representatives."""
    text = "\n".join(
        file.read_text(encoding="utf-8") for file in (ROOT / "sql/migrations").glob("*.sql")
    )
    return {found.replace("''", "'") for found in re.findall(r"'((?:[^'\n]|'')+\.)'", text)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_mood_has_its_test_and_reads_as_the_database_says(row: list[str]) -> None:
    assert len(row) == 7
    mood, bot, reads, state, attempts, long, test = row
    assert all((mood, bot, long))
    assert re.fullmatch(r"`(test_\w+)`", test)
    assert test.strip("`") in named_tests(sorted(ACCEPTANCE.glob("test_*.py")))
    assert reads in words()
    assert set(state.split(", then ")) <= {"queued", "held", "delivered", "rejected", "failed"}
    assert attempts in ("0", "1", "2", "3")


def test_every_test_of_a_mood_stands_in_the_table() -> None:
    told = {row[-1].strip("`") for row in rows()}
    assert named_tests(MOODS) - told == set()


def test_the_table_is_not_empty() -> None:
    assert len(rows()) > 20
