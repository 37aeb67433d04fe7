"""The Excel door of the intake: a workbook's one sheet as rows of text, or a refusal.

Only what the person who made the sheet can see in it is taken, and only what cannot be misread: no
formula, no macro, nothing hidden, no number whose digits are made by its format.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from datetime import date, datetime
from typing import Any

import openpyxl
from openpyxl.cell.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from billcopy.errors import InputError

MAX_UNPACKED_BYTES = 64 * 1024 * 1024  # a workbook is a zip: a small file can unpack to anything
MAX_COLUMNS = 50  # a stray cell far to the right would make the sheet enormous


def read(name: str, content: bytes, *, max_rows: int) -> list[list[str]]:
    """All rows of the workbook's one filled sheet, each cell as the text the sheet shows.

    Raises:
        InputError: the workbook, a row, a column or a cell cannot be taken; the field names it.
    """
    _check_package(name, content)
    try:
        with warnings.catch_warnings(action="ignore"):  # of features of Excel it leaves out
            book = openpyxl.load_workbook(io.BytesIO(content), data_only=False, keep_links=False)
    except Exception:  # openpyxl raises whatever its XML reader met
        raise InputError(name, "cannot be read as an Excel workbook; save it again") from None
    sheets = [sheet for sheet in book.worksheets if sheet.max_row > 1 or sheet.max_column > 1]
    if not sheets:
        raise InputError(name, "is empty")
    if len(sheets) > 1:
        filled = ", ".join(sheet.title for sheet in sheets)
        raise InputError(name, f"has {len(sheets)} filled sheets ({filled}); leave one")
    sheet = sheets[0]
    _check_sheet(name, sheet, max_rows=max_rows)
    return [[_cell_text(cell) for cell in line] for line in sheet.iter_rows()]


def _check_sheet(name: str, sheet: Worksheet, *, max_rows: int) -> None:
    """What a person looking at the sheet would not see must not be read either."""
    if sheet.sheet_state != "visible":
        raise InputError(name, f"the only filled sheet, “{sheet.title}”, is hidden")
    if sheet.max_row > max_rows + 1:
        raise InputError(
            name,
            f"reaches down to row {sheet.max_row}, {max_rows} rows are allowed; "
            "delete the empty rows below, or split it",
        )
    if sheet.max_column > MAX_COLUMNS:
        raise InputError(name, f"reaches over {sheet.max_column} columns; delete the empty ones")
    for number, row in sheet.row_dimensions.items():
        if row.hidden and number <= sheet.max_row:
            raise InputError(f"row {number}", "is hidden (by a filter?); show or remove it")
    for letter, column in sheet.column_dimensions.items():
        if column.hidden and (column.min or 0) <= sheet.max_column:
            raise InputError(f"column {letter}", "is hidden; show or remove it")


def _check_package(name: str, content: bytes) -> None:
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise InputError(name, "is encrypted or an old .xls; save it as .xlsx without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            parts = package.infolist()
    # The last one is what zipfile raises for a version of the format that it does not know.
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InputError(name, "is not an Excel workbook") from None
    if any(part.filename.lower().endswith("vbaproject.bin") for part in parts):
        raise InputError(name, "holds macros; save it as .xlsx or .csv")
    if sum(part.file_size for part in parts) > MAX_UNPACKED_BYTES:
        raise InputError(name, "is too large unpacked; copy the filled rows to a new workbook")


def _cell_text(cell: Any) -> str:
    """What the sheet shows in this cell, as text; only what cannot be misread is taken."""
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        raise InputError(f"cell {cell.coordinate}", "holds a formula; paste its value instead")
    if cell.data_type == "e":
        raise InputError(f"cell {cell.coordinate}", f"holds the error {value}")
    if isinstance(value, datetime):
        bare = value.time() == datetime.min.time()
        return (value.date() if bare else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _number_text(cell, value)
    return str(value)


def _number_text(cell: Cell, value: float) -> str:
    # A format like 00000000 shows zeros the number does not have: another account than was seen.
    plain = math.isfinite(value) and value == int(value) and abs(value) < 1e11
    if not plain or cell.number_format not in ("General", "0", "@"):
        raise InputError(
            f"cell {cell.coordinate}",
            "is a number whose digits depend on its format; format the column as text",
        )
    return str(int(value))
