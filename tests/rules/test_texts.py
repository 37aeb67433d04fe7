"""What may stand in which file: SQL, locators, paths, words, lengths."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.rules.source import (
    PACKAGE,
    ROOT,
    python_files,
    relative,
    strings,
    text_of,
    tracked_files,
    tree,
)

SQL = re.compile(
    r"^\s*(select\s.+\sfrom\s|select\s+\w+[.(]|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s"
    r"|(create|alter|drop)\s+(table|view|function|role|schema|index|database)\s|grant\s.+\sto\s"
    r"|listen\s+\w|notify\s+\w|with\s+\w+\s+as\s*\()",
    re.IGNORECASE | re.DOTALL,
)
# Not a path of the product: of the machine it was written on.
MACHINE = re.compile(r"(?<![\w.])/(home|Users|root|work|private|Volumes)/\w|\b[A-Z]:\\\w")
LONGEST = 300
CLOCKWORK = re.compile(
    r"(?<![a-z])(epochs?|leases?d?|settle[ds]?|settling)(?![a-z])", re.IGNORECASE
)
LOCATOR = re.compile(
    r"(^|\s)(css|xpath|text|id|role|data-testid)=|(^|\s)//\w|(^|\s)\[[\w-]+[~^*$|]?=|\s>>\s|>>>"
    r"|#[a-z][\w-]+\s*$",
)


def robot_files(*folders: str) -> list[Path]:
    return sorted(
        path
        for folder in folders
        for parent in (ROOT / "robot", ROOT / "sandbox")
        for path in (parent / folder).rglob("*")
        if path.suffix in (".resource", ".robot")
    )


# -- SQL -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", python_files("plugins", "dags", "robot", "superset"), ids=relative)
def test_sql_stands_only_under_sql(path: Path) -> None:
    found = [f"line {line}: {text[:60]!r}" for line, text in strings(path) if SQL.match(text)]
    assert found == []


def named_queries() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted((ROOT / "sql" / "queries").glob("*.sql")):
        for block in re.split(
            r"^(?=-- [a-z_]+\n-- )", path.read_text(encoding="utf-8"), flags=re.M
        ):
            if block.strip():
                name, why = (line.removeprefix("-- ") for line in block.splitlines()[:2])
                assert re.fullmatch(r"[a-z_]+", name), f"{path.name}: {block[:60]!r} has no name"
                assert why.endswith("."), f"{path.name}: {name} does not say why in a sentence"
                assert name not in found, f"{name} stands twice"
                found[name] = path.name
    return found


def test_every_named_query_says_why_and_is_used() -> None:
    used = {
        text
        for path in python_files("plugins", "sandbox", "robot", "tests")
        for _, text in strings(path)
    }
    unused = [name for name in named_queries() if name not in used]
    assert unused == []


@pytest.mark.parametrize("path", sorted((ROOT / "sql" / "migrations").glob("*.sql")), ids=relative)
def test_a_migration_is_numbered_and_opens_with_why(path: Path) -> None:
    assert re.fullmatch(r"[0-9]{4}_[a-z_0-9]+", path.stem)
    first, second = path.read_text(encoding="utf-8").splitlines()[:2]
    assert first.startswith(f"-- {path.stem[:4]} ")
    assert second.startswith("-- ")
    assert second.endswith(".")


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "sql/migrations").glob("*.sql"))]
    assert numbers == list(range(1, len(numbers) + 1))


# -- Robot -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", robot_files("tasks", "resources"), ids=relative)
def test_locators_stand_only_in_portal_folders(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.lstrip().startswith(("#", "[Documentation]", "...")):
            assert not LOCATOR.search(line), f"{relative(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", robot_files("resources", "portals"), ids=relative)
def test_the_queues_clockwork_is_nothing_qa_must_know(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        assert not CLOCKWORK.search(line), f"{relative(path)}:{number}: {line.strip()}"


@pytest.mark.parametrize("path", robot_files("tasks", "resources", "portals"), ids=relative)
def test_nothing_waits_for_time_to_pass(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        assert not re.search(r"(^|\s{2})Sleep(\s{2}|$)", line), f"{relative(path)}:{number}"


# -- paths, lengths, words -------------------------------------------------------------------------


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    found = []
    for path in tracked_files():
        if path == Path(__file__).resolve() or path.name.startswith("requirements"):
            continue
        for number, line in enumerate((text_of(path) or "").splitlines(), start=1):
            if MACHINE.search(line):
                found.append(f"{relative(path)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_locked_requirements_name_no_index_of_a_machine() -> None:
    for path in ROOT.glob("requirements*.txt"):
        assert not re.search(r"--(extra-)?index-url|--find-links|file://", path.read_text()), path


@pytest.mark.parametrize("path", python_files("plugins", "dags", "robot", "sandbox"), ids=relative)
def test_a_module_is_short_enough_for_one_reading(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", robot_files("tasks", "resources", "portals"), ids=relative)
def test_a_page_is_short_enough_for_one_reading(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 150


# In the glossary's "Not" column, but the right word for something else in the code.
RIGHT_ELSEWHERE = [
    "complete",
    "connection",
    "create",
    "document",
    "exception",
    "finish",
    "history",
    "lock",
    "password",
    "pause",
    "profile",
    "restart",
    "retry",
    "run",
    "reserve",
    "send",
    "session",
    "site",
    "status",
    "system",
    "token",
    "unknown",
    "unlock",
    "version",
]


def banned_words() -> set[str]:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \*\*.+?\| .+?\| (.*?) ?\|$", glossary, re.M)
    words = {
        re.sub(r"\(.*?\)|bare|\"|“|”", "", word).strip() for row in rows for word in row.split(",")
    }
    return {word.replace(" ", "_") for word in words if word and word not in RIGHT_ELSEWHERE}


def defined_names(path: Path) -> set[str]:
    names: set[str] = {path.stem}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names


def words_of(name: str) -> str:
    return "_" + re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_") + "_"


@pytest.mark.parametrize("path", python_files("plugins/billcopy", "robot"), ids=relative)
def test_names_keep_to_the_glossary(path: Path) -> None:
    for name in sorted(defined_names(path)):
        for banned in banned_words():
            wrong = any(f"_{form}_" in words_of(name) for form in (banned, banned + "s"))
            assert not wrong, f"{relative(path)}: “{name}”; the glossary does not say “{banned}”"


@pytest.mark.parametrize("path", sorted((ROOT / "sql").rglob("*.sql")), ids=relative)
def test_sql_names_keep_to_the_glossary(path: Path) -> None:
    text = re.sub(r"--.*|'[^']*'", "", path.read_text(encoding="utf-8"))
    for name in sorted(set(re.findall(r"[a-z][a-z_]+", text))):
        for banned in banned_words():
            assert f"_{banned}_" not in words_of(name), f"{relative(path)}: “{name}”"


def test_the_glossary_bans_something() -> None:
    assert {"ticket", "job", "work_item", "heartbeat", "artifact"} <= banned_words()


@pytest.mark.parametrize("path", python_files("plugins/billcopy", "robot", "dags"), ids=relative)
def test_what_others_call_says_what_it_does(path: Path) -> None:
    assert ast.get_docstring(tree(path)), f"{relative(path)} has no docstring"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ClassDef):
            if node.name.startswith("_"):
                continue
            told = [node, *(inner for inner in node.body if isinstance(inner, ast.FunctionDef))]
        elif isinstance(node, ast.Module):
            told = [inner for inner in node.body if isinstance(inner, ast.FunctionDef)]
        else:
            continue
        for one in told:
            if not one.name.startswith("_"):
                assert ast.get_docstring(one), f"{relative(path)}: {one.name} has no docstring"


def test_the_package_prints_nothing() -> None:
    for path in python_files("plugins/billcopy", "dags"):
        calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"], path
    assert PACKAGE.is_dir()
