"""The tables of docs/reliability.md are claims: each row names a test that is there."""

from __future__ import annotations

import re

import pytest

from tests.rules.source import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BUTTONS = (
    "pause",
    "unpause",
    "success",
    "failed",
    "clear",
    "with downstream",
    "delete the DAG run",
    "trigger twice",
    "pool set to 0",
    "scheduler",
    "worker killed",
    "api-server",
)


def rows(section: str) -> list[list[str]]:
    """The cells of a section's first table, without its head."""
    text = PAGE.read_text(encoding="utf-8")
    part = text.split(f"\n## {section}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def acceptance_tests() -> dict[str, str]:
    """Every test of the acceptance suite, with the text of its module."""
    found = {}
    for path in (ROOT / "tests" / "acceptance").glob("test_*.py"):
        text = path.read_text(encoding="utf-8")
        found.update(dict.fromkeys(re.findall(r"^def (test_\w+)\(", text, re.M), text))
    return found


@pytest.mark.parametrize("section", ["Moods", "Airflow's buttons"])
def test_every_row_names_a_test_that_is_there(section: str) -> None:
    known = acceptance_tests()
    for row in rows(section):
        named = re.findall(r"`(test_\w+)(?:\[(.+?)\])?`", row[-1])
        assert named, f"{row[0]}: names no test"
        for name, case in named:
            assert name in known, f"{row[0]}: {name}"
            assert not case or f'"{case}"' in known[name], f"{row[0]}: {name} has no case {case}"


def test_every_button_that_was_asked_for_has_its_row() -> None:
    told = [row[0] for row in rows("Airflow's buttons")]
    for button in BUTTONS:
        assert any(button in one for one in told), button


def test_a_row_about_a_button_says_everything() -> None:
    for row in rows("Airflow's buttons"):
        assert len(row) == 6, row[0]
        assert all(row), row[0]
