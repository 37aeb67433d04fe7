"""Files of requests that are refused as a whole, and what each is told."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from billcopy import intake, intake_workbook
from tests.intake_fixtures import GOOD, HEADER, csv_file, refusal, workbook

ROOT = Path(__file__).resolve().parents[2]


def test_an_unknown_column_is_named_with_the_one_that_was_meant(tmp_path: Path) -> None:
    told = refusal(csv_file(tmp_path, HEADER.replace("account", "acount"), GOOD))
    assert told == "requests.csv: the column “acount” is unknown; did you mean “account”?"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    assert "“period_to” is missing" in refusal(
        csv_file(tmp_path, "portal,account,period_from", "a,b,c")
    )


def test_a_column_given_twice_is_named(tmp_path: Path) -> None:
    assert "“account” is there twice" in refusal(
        csv_file(tmp_path, HEADER + ",account", GOOD + ",1")
    )


def test_values_below_no_name_are_refused(tmp_path: Path) -> None:
    assert "column 9 holds values but has no name" in refusal(
        csv_file(tmp_path, HEADER + ",", GOOD + ",x")
    )


def test_a_row_with_too_many_fields_is_named(tmp_path: Path) -> None:
    assert "row 3 has 9 fields, the header has 8" in refusal(
        csv_file(tmp_path, HEADER, GOOD, GOOD + ",x")
    )


def test_a_quotation_mark_left_open_is_told(tmp_path: Path) -> None:
    assert "never closed" in refusal(csv_file(tmp_path, HEADER, '"' + GOOD))


@pytest.mark.parametrize("content", [b"", b" \n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "requests.csv"
    path.write_bytes(content)
    assert refusal(path) == "requests.csv: is empty"


def test_a_header_alone_is_refused(tmp_path: Path) -> None:
    assert "has a header but no row" in refusal(csv_file(tmp_path, HEADER))
    assert "has a header but no row" in refusal(workbook(tmp_path, HEADER.split(",")))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path, encoding: str) -> None:
    path = csv_file(tmp_path, HEADER, GOOD.replace("T-1", "Müller"), encoding=encoding)
    assert "is not UTF-8" in refusal(path)


def test_a_file_with_too_many_rows_is_refused(tmp_path: Path) -> None:
    rows = [GOOD.replace("04027310", f"{n:08d}") for n in range(4)]
    assert "3 are allowed" in refusal(csv_file(tmp_path, HEADER, *rows), max_rows=3)
    cells = [row.split(",") for row in rows]
    assert "3 rows are allowed" in refusal(
        workbook(tmp_path, HEADER.split(","), *cells), max_rows=3
    )


@pytest.mark.parametrize("name", ["requests.xlsm", "requests.xls", "requests.txt", "requests"])
def test_other_kinds_of_file_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    assert "save it as" in refusal(tmp_path / name)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "cannot be read (No such file" in refusal(tmp_path / "requests.csv")


def test_a_workbook_named_csv_and_a_csv_named_workbook_are_told(tmp_path: Path) -> None:
    book = workbook(tmp_path, HEADER.split(","), GOOD.split(","))
    assert "is an Excel workbook" in refusal(book.rename(tmp_path / "book.csv"))
    assert "is not an Excel workbook" in refusal(csv_file(tmp_path, HEADER, name="text.xlsx"))
    (tmp_path / "locked.xlsx").write_bytes(b"\xd0\xcf\x11\xe0rest")
    assert "without a password" in refusal(tmp_path / "locked.xlsx")


def test_a_formula_is_refused_by_its_cell(tmp_path: Path) -> None:
    row: list[Any] = ["practice", "4027310", "2024-01-01", "=TODAY()"]
    assert refusal(workbook(tmp_path, HEADER.split(",")[:4], row)).startswith(
        "cell D2: holds a formula"
    )


def test_an_error_value_is_refused_by_its_cell(tmp_path: Path) -> None:
    row: list[Any] = ["practice", "4027310", "2024-01-01", "#REF!"]
    assert "cell D2: holds the error #REF!" in refusal(
        workbook(tmp_path, HEADER.split(",")[:4], row)
    )


def test_macros_are_refused_even_under_an_innocent_name(tmp_path: Path) -> None:
    path = workbook(tmp_path, HEADER.split(","), GOOD.split(","))
    with zipfile.ZipFile(path, "a") as package:
        package.writestr("xl/vbaProject.bin", b"x")
    assert "holds macros" in refusal(path)


def test_a_small_workbook_that_unpacks_to_a_huge_one_is_refused(tmp_path: Path) -> None:
    path = workbook(tmp_path, HEADER.split(","), GOOD.split(","))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/filler.xml", b" " * (intake_workbook.MAX_UNPACKED_BYTES + 1))
    assert "too large unpacked" in refusal(path)


def test_a_number_that_only_looks_like_an_account_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER.split(",")[:4])
    book.active.append(["practice", 4027310, "2024-01-01", "2024-01-31"])
    book.save(tmp_path / "plain.xlsx")
    [row] = intake.parse(tmp_path / "plain.xlsx")
    assert row.request is not None
    assert row.request.account == "4027310"
    book.active["B2"].number_format = "00000000"  # shows 04027310
    book.save(tmp_path / "zeros.xlsx")
    assert refusal(tmp_path / "zeros.xlsx").startswith("cell B2: is a number whose digits")


@pytest.mark.parametrize("hide", ["row", "column", "sheet"])
def test_what_the_reader_does_not_see_is_not_submitted(tmp_path: Path, hide: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(HEADER.split(","))
    sheet.append(GOOD.split(","))
    if hide == "row":
        sheet.row_dimensions[2].hidden = True
    elif hide == "column":
        sheet.column_dimensions["E"].hidden = True
    else:
        book.create_sheet("front")
        book.active = 1
        sheet.sheet_state = "hidden"
    book.save(tmp_path / "requests.xlsx")
    assert "hidden" in refusal(tmp_path / "requests.xlsx")


def test_a_workbook_with_two_filled_sheets_is_refused(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("more")):
        sheet.append(HEADER.split(","))
        sheet.append(GOOD.split(","))
    book.save(tmp_path / "requests.xlsx")
    assert "2 filled sheets (Sheet, more)" in refusal(tmp_path / "requests.xlsx")


def test_a_stray_cell_far_away_does_not_cost_the_machine_its_memory(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER.split(","))
    book.active.append(GOOD.split(","))
    book.active["XFD2"] = "x"
    book.save(tmp_path / "wide.xlsx")
    assert "reaches over 16384 columns" in refusal(tmp_path / "wide.xlsx")
    del book.active["XFD2"]
    book.active["A1048576"] = "x"
    book.save(tmp_path / "deep.xlsx")
    assert "reaches down to row 1048576" in refusal(tmp_path / "deep.xlsx")


def test_the_sample_file_is_read_and_its_slips_are_told() -> None:
    samples = ROOT / "sandbox" / "samples"
    expected = yaml.safe_load((samples / "expected.yaml").read_text(encoding="utf-8"))
    refused_at_submit = {
        told["refused_at_submit"] for told in expected.values() if "refused_at_submit" in told
    }
    rows = intake.parse(samples / "requests.csv")
    codes = {problem.field for row in rows for problem in row.problems}
    assert len(rows) == len(expected)
    assert codes
    assert codes <= refused_at_submit
