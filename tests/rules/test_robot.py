"""Rules for what QA edit: documented keywords, one keyword that presses Send."""

from __future__ import annotations

from pathlib import Path

import pytest
from robot.api import get_model, get_resource_model
from robot.libdocpkg import LibraryDocumentation
from robot.parsing.model.blocks import Keyword
from robot.parsing.model.statements import KeywordCall

from tests.rules.source import ROOT, relative
from tests.rules.test_texts import banned_words, robot_files, words_of

RESOURCES = [path for path in robot_files("resources", "portals") if path.suffix == ".resource"]
PAGES = robot_files("tasks", "resources", "portals")


def model(path: Path):
    return (get_resource_model if path.suffix == ".resource" else get_model)(path)


def keywords(path: Path) -> list[Keyword]:
    return [
        node
        for section in model(path).sections
        for node in section.body
        if isinstance(node, Keyword)
    ]


def calls(node: object) -> list[KeywordCall]:
    found = [node] if isinstance(node, KeywordCall) else []
    for inner in getattr(node, "body", []):
        found += calls(inner)
    following = getattr(node, "next", None)
    return found + calls(following) if following is not None else found


@pytest.mark.parametrize("path", RESOURCES, ids=relative)
def test_every_keyword_is_documented(path: Path) -> None:
    documentation = LibraryDocumentation(str(path))
    assert documentation.doc, f"{relative(path)} does not say what it is for"
    for keyword in documentation.keywords:
        assert keyword.doc, f"{relative(path)}: {keyword.name} is not documented"


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_a_keyword_has_fewer_than_twelve_steps(path: Path) -> None:
    for keyword in keywords(path):
        assert len(calls(keyword)) <= 12, f"{relative(path)}: {keyword.name}"


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_keywords_are_named_in_title_case(path: Path) -> None:
    for keyword in keywords(path):
        for word in keyword.name.split():
            assert not word[0].isalpha() or word[0].isupper() or word in {"of", "to"}, keyword.name


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_keywords_keep_to_the_glossary(path: Path) -> None:
    for keyword in keywords(path):
        name = words_of(keyword.name.replace(" ", "_"))
        for banned in banned_words():
            assert f"_{banned}_" not in name, f"{relative(path)}: {keyword.name}"


def test_only_one_keyword_presses_send() -> None:
    callers = [
        f"{relative(path)}: {keyword.name}"
        for path in PAGES
        for keyword in keywords(path)
        for call in calls(keyword)
        if (call.keyword or "").rpartition(".")[2].lower().replace("_", " ") == "press send"
    ]
    assert len(callers) == 1, callers


@pytest.mark.parametrize(
    "path", [path for path in RESOURCES if "portals" in path.parts], ids=relative
)
def test_a_portal_folder_brings_no_library(path: Path) -> None:
    for section in model(path).sections:
        for node in section.body:
            assert type(node).__name__ not in ("LibraryImport", "VariablesImport"), relative(path)


def test_a_portal_folder_holds_no_python() -> None:
    assert list((ROOT / "robot" / "portals").rglob("*.py")) == []
