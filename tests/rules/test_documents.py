"""Rules for what people read: commands exist, links lead somewhere, decisions stand in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from billcopy.cli.app import app
from tests.rules.source import ROOT, python_files, relative, strings

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", makefile, re.M))


def commands() -> set[str]:
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["--help"]).output
    return set(re.findall(r"^│ ([a-z][a-z-]+) ", shown, re.M))


def code_of(page: Path) -> str:
    """What stands in a page as code."""
    text = page.read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_make_command_of_a_page_exists(page: Path) -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", code_of(page)))
    assert named <= targets()


def test_every_make_command_in_a_message_exists() -> None:
    for path in python_files("plugins/billcopy", "sandbox"):
        for line, text in strings(path):
            named = set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)(?=[\s`.,]|$)", text))
            named -= {"it", "sure", "room", "one"}
            assert named <= targets(), f"{relative(path)}:{line}: make {named - targets()}"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_billcopy_command_of_a_page_exists(page: Path) -> None:
    named = set(re.findall(r"python -m billcopy ([a-z][a-z-]*)", code_of(page)))
    assert named <= commands()


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{relative(page)}: {target}"


def test_decisions_are_numbered_and_listed() -> None:
    folder = ROOT / "docs" / "adr"
    pages = sorted(folder.glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    listed = (folder / "README.md").read_text(encoding="utf-8")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert page.name in listed
        assert text.startswith(f"# {page.name[:4]} ")
        for part in ("**Decision.**", "**Options**", "**Consequences.**"):
            assert part in text, f"{page.name} has no {part}"
        assert len(text.splitlines()) <= 60


def test_every_make_command_is_explained_by_make() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert ".DEFAULT_GOAL := help" in makefile or re.search(r"^help:", makefile, re.M)
