"""One keyword file of a portal folder, read with Robot's own parser and judged line by line.

What needs the whole folder (is a keyword missing, or defined twice?) is left to `portal_check`,
which gets every keyword with its calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robot.api import Token
from robot.api.parsing import ModelVisitor, get_resource_model
from robot.libraries.BuiltIn import BuiltIn
from robot.variables import search_variable

from billcopy import portal_rules
from billcopy.portal_rules import CONTRACT_RESOURCE, normal


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """A rule that a portal folder breaks."""

    file: str
    line: int
    rule: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}" if self.line else f"{self.file}: {self.rule}"


@dataclass(frozen=True, kw_only=True)
class Call:
    """A step: which keyword it calls, and with what."""

    name: str
    arguments: tuple[str, ...]
    line: int


@dataclass(frozen=True, kw_only=True)
class FoundKeyword:
    """A keyword as it is written, with its steps in all branches and loops."""

    file: str
    name: str
    line: int
    arguments: tuple[str, ...]
    calls: tuple[Call, ...]
    has_loop: bool

    def finding(self, line: int, rule: str) -> Finding:
        """A finding in this keyword's file."""
        return Finding(file=self.file, line=line, rule=rule)


class _File(ModelVisitor):  # type: ignore[misc]
    """Walks one file; what needs the whole folder is left for later, in `keywords`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.findings: list[Finding] = []
        self.keywords: list[FoundKeyword] = []
        self._names: dict[str, str] = {}
        self._calls: list[Call] = []
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
        self._names[normal(base_of(variable.name))] = base_of(variable.name)
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
            FoundKeyword(
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
            call = Call(name=node.keyword, arguments=tuple(node.args), line=node.lineno)
            self._calls.append(call)
        self._check_tokens(node)

    def visit_Setup(self, node: Any) -> None:  # noqa: N802
        """A step before the others."""
        self._calls.append(Call(name=node.name, arguments=tuple(node.args), line=node.lineno))
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
        base = base_of(name)
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


def base_of(name: str) -> str:
    """What stands inside `${…}`, without its type."""
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


def read(file: Path) -> tuple[list[Finding], list[FoundKeyword]]:
    """What is wrong with the file by itself, and the keywords in it."""
    visitor = _File(file)
    visitor.visit(get_resource_model(str(file)))
    return visitor.findings, visitor.keywords


def keyword_names(file: Path) -> set[str]:
    """The keywords that a resource file defines, as Robot compares them."""
    _, keywords = read(file)
    return {normal(keyword.name) for keyword in keywords}


def built_in_names() -> set[str]:
    """The keywords that Robot brings along."""
    return {normal(name) for name in dir(BuiltIn) if not name.startswith("_")}
