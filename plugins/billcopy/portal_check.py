"""The static check of a portal folder, before anything of it runs.

A portal folder is written by people who are not programmers, may come from outside this repository,
and runs next to the portal's password. So it may walk pages and nothing else: see `portal_rules`.
Every finding names file, line and rule, and says what to do instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from billcopy import portal_model, portal_profile, portal_rules
from billcopy.bot.robot_run import LIBRARIES, RESOURCES
from billcopy.errors import InputError
from billcopy.portal_model import Call, Finding, FoundKeyword, base_of
from billcopy.portal_rules import CONTRACT, OPTIONAL, PRESS_SEND, ContractKeyword, normal

__all__ = ["Finding", "defines", "static_findings"]

_OTHER_FILES = {".md", ".txt", ".png", ".jpg"}


def static_findings(folder: Path) -> list[Finding]:
    """Everything the folder breaks, in the order of its files and lines; empty: it may run."""
    found = [*_profile_findings(folder), *_file_findings(folder)]
    keywords: list[FoundKeyword] = []
    for file in sorted(folder.glob("*.resource")):
        findings, defined = portal_model.read(file)
        found += findings
        keywords += defined
    found += _contract_findings(folder, keywords)
    found += _call_findings(keywords)
    return sorted(set(found))


def defines(folder: Path, name: str) -> bool:
    """Whether the folder has a keyword of that name."""
    files = folder.glob("*.resource")
    return any(normal(name) in portal_model.keyword_names(file) for file in files)


def _profile_findings(folder: Path) -> Iterator[Finding]:
    try:
        portal_profile.load(folder)
    except InputError as error:
        yield Finding(file=error.field, line=0, rule=error.rule)


def _file_findings(folder: Path) -> Iterator[Finding]:
    for file in sorted(folder.rglob("*")):
        known = file.name == portal_profile.PROFILE or file.suffix in {".resource", *_OTHER_FILES}
        if file.is_dir() or not known or file.is_symlink():
            rule = "does not belong here: keyword files, profile.yaml and texts only"
            yield Finding(file=str(file), line=0, rule=rule)


# -- the folder as a whole -------------------------------------------------------------------------


def _contract_findings(folder: Path, keywords: Iterable[FoundKeyword]) -> Iterator[Finding]:
    defined: dict[str, list[FoundKeyword]] = {}
    for keyword in keywords:
        defined.setdefault(normal(keyword.name), []).append(keyword)
    for wanted in CONTRACT:
        found = defined.get(normal(wanted.name), [])
        if not found:
            signature = "    ".join([wanted.name, *(f"${{{one}}}" for one in wanted.arguments)])
            yield Finding(file=str(folder), line=0, rule=f"the keyword “{signature}” is missing")
        else:
            yield from _signature_findings(wanted, found[0])
    for welcome in OPTIONAL:
        for keyword in defined.get(normal(welcome.name), [])[:1]:
            yield from _signature_findings(welcome, keyword)
    for same in defined.values():
        for again in same[1:]:
            yield again.finding(again.line, f"the keyword “{again.name}” is defined twice")


def _signature_findings(wanted: ContractKeyword, keyword: FoundKeyword) -> Iterator[Finding]:
    positional = [one for one in keyword.arguments if one.startswith("${")]
    if len(positional) != len(wanted.arguments) or len(positional) != len(keyword.arguments):
        takes = ", ".join(f"${{{one}}}" for one in wanted.arguments) or "nothing"
        yield keyword.finding(keyword.line, f"“{wanted.name}” takes {takes}")
    elif wanted.secret is not None and ": Secret}" not in positional[wanted.secret]:
        name = wanted.arguments[wanted.secret]
        yield keyword.finding(keyword.line, f"“{wanted.name}” takes ${{{name}: Secret}}")
    if wanted.name == PRESS_SEND and keyword.has_loop:
        yield keyword.finding(keyword.line, f"“{PRESS_SEND}” presses once: no loops")


def _call_findings(keywords: list[FoundKeyword]) -> Iterator[Finding]:
    own = {normal(keyword.name) for keyword in keywords}
    reserved = _reserved_names()
    press_send = [one for one in keywords if _is_press_send(one)]
    pressed = {call.arguments[:1] for one in press_send for call in one.calls if call.arguments}
    for keyword in keywords:
        if normal(keyword.name) in reserved:
            rule = f"“{keyword.name}” is the name of a keyword of ours; choose another"
            yield keyword.finding(keyword.line, rule)
        for call in keyword.calls:
            yield from _one_call(keyword, call, own, pressed)


def _is_press_send(keyword: FoundKeyword) -> bool:
    return normal(keyword.name) == normal(PRESS_SEND)


def _one_call(
    keyword: FoundKeyword, call: Call, own: set[str], pressed: set[tuple[str, ...]]
) -> Iterator[Finding]:
    name = normal(call.name)
    if name == normal(PRESS_SEND):
        rule = f"nobody but the flow calls “{PRESS_SEND}”"
        yield keyword.finding(call.line, rule)
    elif name not in own and name not in portal_rules.PERMITTED:
        why = portal_rules.why_not_permitted(call.name)
        yield keyword.finding(call.line, f"“{call.name}” {why}")
    elif name.startswith("click") and not _is_press_send(keyword) and call.arguments[:1] in pressed:
        yield keyword.finding(call.line, f"clicks what “{PRESS_SEND}” clicks; nothing else may")
    secrets = [one for one in keyword.arguments if ": Secret}" in one]
    bases = {normal(base_of(one)) for one in secrets}
    if bases and name not in {normal(one) for one in portal_rules.TAKES_SECRET}:
        used = {normal(base_of(one)) for one in call.arguments if one.startswith("${")}
        if used & bases:
            yield keyword.finding(call.line, "a Secret goes to Fill Secret and nowhere else")


def _reserved_names() -> set[str]:
    """Names that belong to Robot, to the Browser library as we use it, and to the flow."""
    names = set(portal_rules.SHADOWS_NOTHING)
    names |= portal_model.built_in_names()
    for file in LIBRARIES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                names.add(normal(node.name))
    for file in RESOURCES.glob("*.resource"):
        names |= portal_model.keyword_names(file)
    return names
