"""Files of requests: what is taken, and what each bad row is told."""

from __future__ import annotations

import contextlib
import io
import time
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from billcopy import intake, intake_text
from billcopy.errors import InputError
from tests.intake_fixtures import GOOD, HEADER, csv_file, only_problem, refusal, workbook

ROOT = Path(__file__).resolve().parents[2]


# -- what is taken ---------------------------------------------------------------------------------


def test_a_csv_row_becomes_a_request_with_its_leading_zeros(tmp_path: Path) -> None:
    [row] = intake.parse(csv_file(tmp_path, HEADER, GOOD))
    assert row.number == 2
    assert row.problems == ()
    request = row.request
    assert request is not None
    assert (request.portal, request.account) == ("practice", "04027310")
    assert (request.period_from, request.period_to) == (date(2024, 1, 1), date(2024, 3, 31))
    assert (request.recipient, request.check_value, request.reference) == (None, None, "T-1")
    assert (request.priority, request.source, request.channel) == (2, "csv", "csv")


def test_an_excel_row_becomes_the_same_request(tmp_path: Path) -> None:
    first = datetime(2024, 1, 1)  # noqa: DTZ001 a sheet's dates have no zone
    row = ["practice", "04027310", first, "2024-03-31", None, None, "T-1", 2]
    [read] = intake.parse(workbook(tmp_path, HEADER.split(","), row))
    request = read.request
    assert request is not None
    assert (request.account, request.period_from) == ("04027310", date(2024, 1, 1))
    assert (request.recipient, request.priority, request.source) == (None, 2, "xlsx")


def test_the_same_file_gives_the_same_source_keys(tmp_path: Path) -> None:
    first = intake.parse(csv_file(tmp_path, HEADER, GOOD, name="a.csv"))
    again = intake.parse(csv_file(tmp_path, HEADER, GOOD, name="b.csv"))
    other = intake.parse(csv_file(tmp_path, HEADER, GOOD.replace("T-1", "T-2"), name="c.csv"))
    keys = [rows[0].request and rows[0].request.source_key for rows in (first, again, other)]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0] is not None
    assert keys[0].endswith(":2")
    assert len(keys[0]) == 34


def test_a_semicolon_file_with_a_byte_order_mark_is_taken(tmp_path: Path) -> None:
    lines = [line.replace(",", ";") for line in (HEADER, GOOD)]
    [row] = intake.parse(csv_file(tmp_path, *lines, encoding="utf-8-sig"))
    assert row.request is not None


def test_empty_rows_are_skipped_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    other = GOOD.replace("04027310", "94027310")
    rows = intake.parse(csv_file(tmp_path, HEADER, "", GOOD, ",,,,,,,", other, ""))
    assert [row.number for row in rows] == [3, 5]


def test_column_names_may_be_written_as_people_write_them(tmp_path: Path) -> None:
    [row] = intake.parse(csv_file(tmp_path, "Portal,Account,Period from, PERIOD_TO ", GOOD[:39]))
    assert row.request is not None


def test_the_portal_may_come_from_the_command(tmp_path: Path) -> None:
    path = csv_file(tmp_path, "account,period_from,period_to", "4027310,2024-01-01,2024-01-31")
    [row] = intake.parse(path, default_portal="practice")
    assert row.request is not None
    assert row.request.portal == "practice"
    assert "“portal” is missing" in refusal(path)


def test_names_of_all_alphabets_are_kept(tmp_path: Path) -> None:
    line = "practice,4027310,2024-01-01,2024-01-31,a@example.org,O'Brien-Łukasiewicz,T-1,"
    [row] = intake.parse(csv_file(tmp_path, HEADER, line))
    assert row.request is not None
    assert row.request.check_value == "O'Brien-Łukasiewicz"


@pytest.mark.parametrize(("text", "priority"), [("1", 1), ("urgent", 1), ("Low", 3), ("", 2)])
def test_a_priority_is_a_number_or_a_word(tmp_path: Path, text: str, priority: int) -> None:
    [row] = intake.parse(csv_file(tmp_path, HEADER, GOOD[:-1] + text))
    assert row.request is not None
    assert row.request.priority == priority


def test_a_due_day_lasts_until_its_end_and_a_due_moment_keeps_its_zone() -> None:
    assert intake_text.as_moment("2024-05-06").strftime("%H:%M:%S") == "23:59:59"
    assert intake_text.as_moment("2024-05-06").tzinfo is not None
    assert intake_text.as_moment("2024-05-06T10:00+02:00") == datetime(2024, 5, 6, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_ten_thousand_rows_are_read_in_seconds(tmp_path: Path, kind: str) -> None:
    rows = [["practice", f"{n:08d}", "2024-01-01", "2024-01-31"] for n in range(10_000)]
    header = ["portal", "account", "period_from", "period_to"]
    if kind == "csv":
        path = csv_file(tmp_path, *(",".join(row) for row in [header, *rows]))
    else:
        path = workbook(tmp_path, header, *rows)
    started = time.process_time()
    read = intake.parse(path)
    assert len(read) == 10_000
    assert all(row.request for row in read)
    assert time.process_time() - started < 20


# -- rows that are told why not --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("04027310", "", "account: is missing"),
        ("practice", "", "portal: is missing"),
        ("2024-01-01", "", "period_from: is missing"),
        ("2024-01-01", "01.01.2024", "period_from: “01.01.2024” is not written as YYYY-MM-DD"),
        ("2024-01-01", "2024-1-1", "period_from: “2024-1-1” is not written as YYYY-MM-DD"),
        ("2024-01-01", "20240101", "period_from: “20240101” is not written as YYYY-MM-DD"),
        ("2024-03-31", "2024-02-31", "period_to: there is no 2024-02-31 in the calendar"),
        ("2024-01-01", "0225-01-01", "period_from: the year 0225 cannot be meant"),
        ("2024-01-01", "9999-01-01", "period_from: the year 9999 cannot be meant"),
        ("T-1,2", "T-1,soon", "priority: “soon” is none of 1 (urgent), 2 (normal), 3 (low)"),
        ("T-1", "=HYPERLINK(1)", "reference: begins with “=”, which a spreadsheet"),
        ("T-1", "@SUM(A1)", "reference: begins with “@”, which a spreadsheet"),
        ("T-1", '"T\n1"', "reference: holds a line break"),
        ("T-1", '"T\r1"', "reference: holds a line break"),
        ("T-1", "T\x1b[31m1", "reference: holds an invisible control character (U+001B)"),
        ("T-1", "T\u202e1", "reference: holds an invisible control character (U+202E)"),
        ("T-1", "T" * 501, "reference: is longer than 500 characters"),
        (",,,", ',"a@b.example\nBcc: c@d.example",,', "recipient: holds a line break"),
    ],
)
def test_a_bad_row_is_told_its_field_and_rule(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    assert only_problem(csv_file(tmp_path, HEADER, GOOD.replace(old, new, 1))).startswith(told)


def test_all_problems_of_a_row_are_told_at_once(tmp_path: Path) -> None:
    [row] = intake.parse(csv_file(tmp_path, HEADER, "practice,,2024-02-30,31/03/2024,,,,"))
    assert {problem.field for problem in row.problems} == {"account", "period_from", "period_to"}


def test_a_repeated_row_is_told_which_row_it_repeats(tmp_path: Path) -> None:
    again = GOOD.replace("T-1", "T-2")
    rows = intake.parse(csv_file(tmp_path, HEADER, GOOD, again))
    assert rows[0].request is not None
    assert rows[1].request is None
    assert str(rows[1].problems[0]) == "row: asks for the same as row 2"


def test_a_bad_row_does_not_stop_the_good_ones(tmp_path: Path) -> None:
    bad = GOOD.replace("2024-01-01", "yesterday")
    rows = intake.parse(csv_file(tmp_path, HEADER, bad, GOOD))
    assert [bool(row.request) for row in rows] == [False, True]


# -- whatever comes --------------------------------------------------------------------------------

relaxed = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@relaxed
@given(st.binary(max_size=400))
@example(b"\x00")
@example(b"a\xff")
def test_any_bytes_named_csv_or_xlsx_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("any.csv", "any.xlsx"):
        (tmp_path / name).write_bytes(content)
        refusal(tmp_path / name)


@relaxed
@given(st.lists(st.text(max_size=30), min_size=8, max_size=8))
def test_any_text_in_a_row_is_taken_or_told(tmp_path: Path, cells: list[str]) -> None:
    quoted = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    path = tmp_path / "any.csv"
    path.write_bytes(f"{HEADER}\n{quoted}\n{GOOD}\n".encode(errors="surrogatepass"))
    try:
        rows = intake.parse(path)
    except InputError:
        return
    assert rows[-1].request is not None
    assert all((row.request is None) == bool(row.problems) for row in rows)


@relaxed
@given(st.binary(min_size=1, max_size=60), st.integers(min_value=0))
@example(b"\x00\x00@", 49417)  # a zip of an unknown version
def test_a_damaged_workbook_is_refused_and_never_a_traceback(
    tmp_path: Path, noise: bytes, at: int
) -> None:
    path = workbook(tmp_path, HEADER.split(","), GOOD.split(","))
    content = bytearray(path.read_bytes())
    start = at % len(content)
    content[start : start + len(noise)] = noise
    path.write_bytes(bytes(content))
    with contextlib.suppress(InputError):
        intake.parse(path)


def test_a_workbook_whose_xml_is_nonsense_is_refused(tmp_path: Path) -> None:
    source = workbook(tmp_path, HEADER.split(","), GOOD.split(","))
    broken = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(broken, "w") as new:
        for part in old.infolist():
            body = old.read(part)
            new.writestr(part, b"<nonsense" if "sheet1" in part.filename else body)
    (tmp_path / "broken.xlsx").write_bytes(broken.getvalue())
    assert "cannot be read as an Excel workbook" in refusal(tmp_path / "broken.xlsx")
