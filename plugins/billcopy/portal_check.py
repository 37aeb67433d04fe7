"""The static check of a portal folder, before anything of it runs.

A portal folder is written by people who are not programmers, may come from outside this repository,
and runs next to the portal's password. So it may walk pages and nothing else: see `portal_rules`.
Every finding names file, line and rule, and says what to do instead.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot.api import Token
from robot.api.parsing import ModelVisitor, get_resource_model
from robot.libraries.BuiltIn import BuiltIn
from robot.variables import search_variable

from billcopy import portal_profile, portal_rules
from billcopy.bot_robot import LIBRARIES, RESOURCES
from billcopy.errors import InputError
from billcopy.portal_rules import CONTRACT, CONTRACT_RESOURCE, PRESS_SEND, ContractKeyword, normal

_OTHER_FILES = {".md", ".txt", ".png", ".jpg"}


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """A rule that a portal folder breaks."""

    file: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}" if self.line else f"{self.file}: {self.rule}"


def static_findings(folder: Path) -> list[Finding]:
    """Everything the folder breaks, in the order of its files and lines; empty: it may run."""
    found = [*_profile_findings(folder), *_file_findings(folder)]
    keywords: list[_Keyword] = []
    for file in sorted(folder.glob("*.resource")):
        visitor = _Folder(file)
        visitor.visit(get_resource_model(str(file)))
        found += visitor.findings
        keywords += visitor.keywords
    found += _contract_findings(folder, keywords)
    found += _call_findings(keywords)
    return sorted(set(found))


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


@dataclass(frozen=True, kw_only=True)
class _Call:
    name: str
    arguments: tuple[str, ...]
    line: int


@dataclass(frozen=True, kw_only=True)
class _Keyword:
    file: str
    name: str
    line: int
    arguments: tuple[str, ...]
    calls: tuple[_Call, ...]
    has_loop: bool

    def finding(self, line: int, rule: str) -> Finding:
        return Finding(file=self.file, line=line, rule=rule)


class _Folder(ModelVisitor):  # type: ignore[misc]
    """Walks one file; what needs the whole folder is left for later, in `keywords`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.findings: list[Finding] = []
        self.keywords: list[_Keyword] = []
        self._names: dict[str, str] = {}
        self._calls: list[_Call] = []
        self._arguments: tuple[str, ...] = ()
        self._has_loop = False

    def _find(self, line: int, rule: str) -> None:
        self.findings.append(Finding(file=str(self._file), line=line, rule=rule))

    # -- the file ----------------------------------------------------------------------------------

    def visit_SettingSection(self, section: Any) -> None:  # noqa: N802  Robot's names
        """Documentation, and the one import."""
        for setting in section.body:
            kind = getattr(setting, "type", None)
            if kind in (Token.DOCUMENTATION, Token.EOL, Token.COMMENT, Token.SETTING_HEADER):
                continue
            if kind == Token.RESOURCE and setting.name == CONTRACT_RESOURCE:
                continue
            what = setting.get_value(kind) if kind else ""
            rule = f"“{what}” is not permitted: import {CONTRACT_RESOURCE} and nothing else"
            self._find(setting.lineno, rule)

    def visit_Variable(self, variable: Any) -> None:  # noqa: N802
        """A variable of the file: its name is remembered, its value checked."""
        self._names[normal(_base(variable.name))] = _base(variable.name)
        self._check_tokens(variable)

    def visit_TestCaseSection(self, section: Any) -> None:  # noqa: N802
        """Tasks stand in robot/tasks."""
        self._find(section.lineno, "tests and tasks do not belong into a portal folder")

    def visit_Error(self, node: Any) -> None:  # noqa: N802
        """What Robot itself cannot read."""
        for error in node.errors:
            self._find(node.lineno, error)

    # -- keywords ----------------------------------------------------------------------------------

    def visit_Keyword(self, keyword: Any) -> None:  # noqa: N802
        """One keyword of the folder."""
        self._calls, self._arguments, self._has_loop = [], (), False
        if "{" in keyword.name:
            self._find(keyword.lineno, "a keyword's name holds no variables")
        self.generic_visit(keyword)
        self.keywords.append(
            _Keyword(
                file=str(self._file),
                name=keyword.name,
                line=keyword.lineno,
                arguments=self._arguments,
                calls=tuple(self._calls),
                has_loop=self._has_loop,
            )
        )

    def visit_Arguments(self, node: Any) -> None:  # noqa: N802
        """What the keyword takes."""
        self._arguments = tuple(node.values)
        for value in node.values:
            self._check_spelling(node.lineno, value)
        self._check_tokens(node)

    def visit_Tags(self, node: Any) -> None:  # noqa: N802
        """Robot's own tags change how failures are treated."""
        if any(tag.casefold().startswith("robot:") for tag in node.values):
            self._find(node.lineno, "tags that begin with robot: are not permitted")

    def visit_KeywordCall(self, node: Any) -> None:  # noqa: N802
        """A step."""
        for name in node.assign:
            self._check_spelling(node.lineno, name)
        if node.keyword:
            call = _Call(name=node.keyword, arguments=tuple(node.args), line=node.lineno)
            self._calls.append(call)
        self._check_tokens(node)

    def visit_Setup(self, node: Any) -> None:  # noqa: N802
        """A step before the others."""
        self._calls.append(_Call(name=node.name, arguments=tuple(node.args), line=node.lineno))
        self._check_tokens(node)

    visit_Teardown = visit_Setup  # noqa: N815

    def visit_Try(self, node: Any) -> None:  # noqa: N802
        """Catching."""
        self._find(node.lineno, "TRY hides a failure; say what happened with a typed outcome")
        self.generic_visit(node)

    def visit_For(self, node: Any) -> None:  # noqa: N802
        """A loop over values."""
        self._has_loop = True
        self._check_tokens(node.header)
        for name in node.assign:
            self._check_spelling(node.lineno, name)
        for statement in node.body:
            self.visit(statement)

    def visit_While(self, node: Any) -> None:  # noqa: N802
        """A loop on a condition."""
        self._has_loop = True
        if not node.limit:
            self._find(node.lineno, "WHILE needs a limit=, so that it ends on any page")
        self._check_condition(node.lineno, node.condition)
        for statement in node.body:
            self.visit(statement)

    def visit_If(self, node: Any) -> None:  # noqa: N802
        """A branch."""
        self._check_condition(node.lineno, node.condition)
        self.generic_visit(node)

    def visit_Var(self, node: Any) -> None:  # noqa: N802
        """A local variable."""
        if (node.scope or "LOCAL").upper() != "LOCAL":
            self._find(node.lineno, "VAR keeps its value in this keyword; leave out scope=")
        self._check_spelling(node.lineno, node.name)
        self._check_tokens(node)

    def visit_Statement(self, node: Any) -> None:  # noqa: N802
        """Everything else that holds values."""
        self._check_tokens(node)

    # -- values ------------------------------------------------------------------------------------

    def _check_condition(self, line: int, condition: str | None) -> None:
        if condition and (problem := portal_rules.condition_problem(condition)):
            self._find(line, f"the condition “{condition}” {problem}")

    def _check_spelling(self, line: int, name: str) -> None:
        base = _base(name)
        known = self._names.get(normal(base))
        if known is not None and known != base:
            rule = f"${{{base}}} and ${{{known}}} are one variable to Robot; rename one of them"
            self._find(line, rule)

    def _check_tokens(self, node: Any) -> None:
        for token in node.tokens:
            if token.type in (Token.COMMENT, Token.SEPARATOR, Token.EOL, Token.DOCUMENTATION):
                continue
            for problem in _value_problems(token.value):
                self._find(node.lineno, f"“{token.value}”: {problem}")


def _base(name: str) -> str:
    found = search_variable(name.rstrip("= "), ignore_errors=True)
    return (found.base or name).split(":")[0].strip()


def _value_problems(value: str) -> Iterator[str]:
    """What is wrong with one cell."""
    if value.strip().casefold() in portal_rules.EVALUATING_OPERATORS:
        yield "this operator runs code; compare with == or contains"
    rest = value
    while rest:
        found = search_variable(rest, identifiers="$@&%", ignore_errors=True)
        if not found.identifier:
            return
        if found.identifier == "%":
            yield "the environment is not read"
        elif problem := portal_rules.variable_problem(found.base or ""):
            yield problem
        for item in found.items:
            yield from _value_problems(item)
        rest = found.after


# -- the folder as a whole -------------------------------------------------------------------------


def _contract_findings(folder: Path, keywords: Iterable[_Keyword]) -> Iterator[Finding]:
    defined: dict[str, list[_Keyword]] = {}
    for keyword in keywords:
        defined.setdefault(normal(keyword.name), []).append(keyword)
    for wanted in CONTRACT:
        found = defined.get(normal(wanted.name), [])
        if not found:
            signature = "    ".join([wanted.name, *(f"${{{one}}}" for one in wanted.arguments)])
            yield Finding(file=str(folder), line=0, rule=f"the keyword “{signature}” is missing")
        else:
            yield from _signature_findings(wanted, found[0])
    for same in defined.values():
        for again in same[1:]:
            yield again.finding(again.line, f"the keyword “{again.name}” is defined twice")


def _signature_findings(wanted: ContractKeyword, keyword: _Keyword) -> Iterator[Finding]:
    positional = [one for one in keyword.arguments if one.startswith("${")]
    if len(positional) != len(wanted.arguments) or len(positional) != len(keyword.arguments):
        takes = ", ".join(f"${{{one}}}" for one in wanted.arguments) or "nothing"
        yield keyword.finding(keyword.line, f"“{wanted.name}” takes {takes}")
    elif wanted.secret is not None and ": Secret}" not in positional[wanted.secret]:
        name = wanted.arguments[wanted.secret]
        yield keyword.finding(keyword.line, f"“{wanted.name}” takes ${{{name}: Secret}}")
    if wanted.name == PRESS_SEND and keyword.has_loop:
        yield keyword.finding(keyword.line, f"“{PRESS_SEND}” presses once: no loops")


def _call_findings(keywords: list[_Keyword]) -> Iterator[Finding]:
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


def _is_press_send(keyword: _Keyword) -> bool:
    return normal(keyword.name) == normal(PRESS_SEND)


def _one_call(
    keyword: _Keyword, call: _Call, own: set[str], pressed: set[tuple[str, ...]]
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
    bases = {normal(_base(one)) for one in secrets}
    if bases and name not in {normal(one) for one in portal_rules.TAKES_SECRET}:
        used = {normal(_base(one)) for one in call.arguments if one.startswith("${")}
        if used & bases:
            yield keyword.finding(call.line, "a Secret goes to Fill Secret and nowhere else")


def _reserved_names() -> set[str]:
    """Names that belong to Robot, to the Browser library as we use it, and to the flow."""
    names = set(portal_rules.SHADOWS_NOTHING)
    names |= {normal(name) for name in dir(BuiltIn) if not name.startswith("_")}
    for file in LIBRARIES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                names.add(normal(node.name))
    for file in RESOURCES.glob("*.resource"):
        for section in get_resource_model(str(file)).sections:
            names |= {normal(one.name) for one in section.body if hasattr(one, "name")}
    return names
