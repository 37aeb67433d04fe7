"""Requests from a file: CSV or an Excel workbook, each row read as text.

A file that cannot be trusted as a whole (not UTF-8, unknown columns, formulas, hidden rows, ...)
is refused as a whole, before anything enters. Otherwise every row stands for itself: it becomes a
`NewRequest`, or a list of problems. What a row may ask for (account format, period, e-mail address)
is judged by the database when the row is submitted; here is only what a file alone can get wrong.
"""

from __future__ import annotations

import difflib
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas

from billcopy import intake_workbook
from billcopy.errors import InputError
from billcopy.intake_text import CONTROL, as_date, as_moment, as_priority, text_problem
from billcopy.model import NewRequest

REQUIRED = ("account", "period_from", "period_to")
OPTIONAL = (
    "portal",
    "recipient",
    "check_value",
    "reference",
    "priority",
    "due_at",
    "resend_reason",
    "channel",
)
COLUMNS = REQUIRED + OPTIONAL
MAX_FILE_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why a row did not become a request: the field, and the rule it breaks."""

    field: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field}: {self.rule}"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the file, numbered as a spreadsheet shows it (the header is row 1)."""

    number: int
    request: NewRequest | None
    problems: tuple[Problem, ...] = ()


def parse(path: Path, *, default_portal: str | None = None, max_rows: int = 20_000) -> list[Row]:
    """Read a file of requests; each row becomes a request or a list of problems.

    The same bytes give the same `source_key` per row, so a file submitted twice enters once.

    Raises:
        InputError: the file as a whole cannot be taken; the field is the file's name, a column,
            or a cell.
    """
    kind = _kind(path)
    content = _content(path)
    if kind == "csv":
        lines = _csv_lines(path.name, content, max_rows=max_rows)
    else:
        cells = intake_workbook.read(path.name, content, max_rows=max_rows)
        lines = pandas.DataFrame(cells, dtype=str)
    table = _table(path.name, lines, max_rows=max_rows)
    if default_portal is None and "portal" not in table.columns:
        raise InputError(path.name, "the column “portal” is missing, and no portal was named")
    digest = hashlib.sha256(content).hexdigest()[:32]
    return list(_rows(table, source=kind, digest=digest, default_portal=default_portal))


# -- the file as a whole ---------------------------------------------------------------------------


def _kind(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in (".xlsm", ".xltm", ".xlsb"):
        raise InputError(path.name, "may hold macros; save it as .xlsx or .csv")
    if suffix not in (".csv", ".xlsx"):
        raise InputError(path.name, "is neither .csv nor .xlsx; save it as one of them")
    return suffix[1:]


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(path.name, f"is larger than {MAX_FILE_BYTES >> 20} MB; split it")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(path.name, f"cannot be read ({error.strerror})") from None
    if not content.strip():
        raise InputError(path.name, "is empty")
    return content


def _check_columns(name: str, header: Sequence[str]) -> None:
    for position, column in enumerate(header):
        if not column:
            raise InputError(name, f"column {position + 1} holds values but has no name in row 1")
        if column not in COLUMNS:
            near = difflib.get_close_matches(column, COLUMNS, n=1)
            cure = f"did you mean “{near[0]}”?" if near else f"known are {', '.join(COLUMNS)}"
            raise InputError(name, f"the column “{_shown(column)}” is unknown; {cure}")
        if column in header[:position]:
            raise InputError(name, f"the column “{column}” is there twice")
    if missing := [column for column in REQUIRED if column not in header]:
        raise InputError(name, f"the column “{missing[0]}” is missing")


def _shown(text: str) -> str:
    return CONTROL.sub("?", text[:40])


def _table(name: str, lines: pandas.DataFrame, *, max_rows: int) -> pandas.DataFrame:
    """Name the columns by the first row, drop what is empty, keep each row's number as index."""
    lines = lines.fillna("").map(str.strip)
    lines.index += 1
    header = [str(cell).lower().replace(" ", "_") for cell in lines.iloc[0]]
    body = lines.iloc[1:]
    body = body[(body != "").any(axis=1)]
    used = [bool(title) or bool((body[n] != "").any()) for n, title in enumerate(header)]
    header = [title for title, kept in zip(header, used, strict=True) if kept]
    body = body.loc[:, used]
    _check_columns(name, header)
    if body.empty:
        raise InputError(name, "has a header but no row below it")
    if len(body) > max_rows:
        raise InputError(name, f"has {len(body)} rows, {max_rows} are allowed; split it")
    body.columns = pandas.Index(header)
    return body


# -- CSV -------------------------------------------------------------------------------------------


def _csv_lines(name: str, content: bytes, *, max_rows: int) -> pandas.DataFrame:
    text = _decoded(name, content)
    first_line = text.split("\n", 1)[0]
    separator = max((",", ";", "\t"), key=first_line.count)
    try:
        return pandas.read_csv(
            io.StringIO(text),
            sep=separator,
            header=None,
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            nrows=max_rows + 2,
        )
    except pandas.errors.EmptyDataError:
        raise InputError(name, "is empty") from None
    except pandas.errors.ParserError as error:
        raise InputError(name, _parser_rule(str(error))) from None


def _decoded(name: str, content: bytes) -> str:
    if content.startswith(b"PK\x03\x04"):
        raise InputError(name, "is an Excel workbook, not CSV; name it .xlsx")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(name, f"is not UTF-8 (line {line}); save it as “CSV UTF-8”") from None
    if "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        raise InputError(name, f"holds a NUL character (line {line}); save it as “CSV UTF-8”")
    if text[:1] in ("\r", "\n"):
        raise InputError(name, "row 1 is empty; the names of the columns must stand there")
    return text


def _parser_rule(message: str) -> str:
    if found := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        expected, line, seen = found.groups()
        return f"row {line} has {seen} fields, the header has {expected}"
    if "EOF inside string" in message:
        return "has a quotation mark that is never closed"
    return "cannot be read as CSV"


# -- rows ------------------------------------------------------------------------------------------


def _rows(
    table: pandas.DataFrame, *, source: str, digest: str, default_portal: str | None
) -> Iterator[Row]:
    first_with: dict[tuple[Any, ...], int] = {}
    for number, values in zip(table.index, table.to_dict("records"), strict=True):
        row = _row(
            int(number),
            {str(column): str(value) for column, value in values.items()},
            source=source,
            source_key=f"{digest}:{number}",
            default_portal=default_portal,
        )
        if (request := row.request) is not None:
            asks_for = (
                request.portal,
                request.account,
                request.period_from,
                request.period_to,
                request.recipient and request.recipient.lower(),
            )
            first = first_with.setdefault(asks_for, row.number)
            if first != row.number:
                again = Problem(field="row", rule=f"asks for the same as row {first}")
                row = Row(number=row.number, request=None, problems=(again,))
        yield row


def _row(
    number: int,
    values: Mapping[str, str],
    *,
    source: str,
    source_key: str,
    default_portal: str | None,
) -> Row:
    problems: dict[str, str] = {}
    for field, text in values.items():
        if rule := text_problem(text):
            problems[field] = rule
    taken: dict[str, Any] = {"portal": default_portal, "channel": source}
    convert = {"period_from": as_date, "period_to": as_date, "due_at": as_moment}
    for field, text in values.items():
        if not text or field in problems:
            continue
        try:
            taken[field] = (convert | {"priority": as_priority}).get(field, str)(text)
        except ValueError as error:
            problems[field] = str(error)
    for field in ("portal", *REQUIRED):
        if not taken.get(field) and field not in problems:
            problems[field] = "is missing"
    if problems:
        found = tuple(Problem(field=field, rule=rule) for field, rule in problems.items())
        return Row(number=number, request=None, problems=found)
    return Row(number=number, request=NewRequest(source=source, source_key=source_key, **taken))
