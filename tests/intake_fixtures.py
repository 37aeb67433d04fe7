"""Files of requests, good and bad, and what they are told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from billcopy import intake
from billcopy.errors import InputError

HEADER = "portal,account,period_from,period_to,recipient,check_value,reference,priority"
GOOD = "practice,04027310,2024-01-01,2024-03-31,,,T-1,2"


def csv_file(
    folder: Path, *lines: str, name: str = "requests.csv", encoding: str = "utf-8"
) -> Path:
    """A CSV file with these lines."""
    path = folder / name
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def workbook(folder: Path, *rows: list[Any], name: str = "requests.xlsx") -> Path:
    """A workbook with these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / name)
    return folder / name


def only_problem(path: Path, **options: Any) -> str:
    """What the one row of a file is told."""
    [row] = intake.parse(path, **options)
    assert row.request is None
    [problem] = row.problems
    return str(problem)


def refusal(path: Path, **options: Any) -> str:
    """Why a file is refused as a whole."""
    with pytest.raises(InputError) as refused:
        intake.parse(path, **options)
    return str(refused.value)
