"""Requests from a file on the desk: every row's outcome, and files that cannot be taken."""

from __future__ import annotations

import io

import openpyxl
import pytest
from httpx import Response

from tests.desk_fixtures import OUR_PAGE, Desk, visible
from tests.integration import queue_steps as steps

CSV = "account,period_from,period_to,reference\n"
GOOD = "4031101,2025-01-01,2025-01-31,CS-1\n"


def upload(desk: Desk, name: str, content: bytes, **form: str) -> Response:
    files = {"file": (name, content)}
    values = {"portal": "practice", **form}
    answer: Response = desk.client.post("/file", data=values, files=files, headers=OUR_PAGE)
    return answer


def logged(desk: Desk) -> list[str]:
    query = "select requested_by from billcopy.requests"
    return [str(who) for (who,) in steps.execute(desk.database, query)]


def test_every_row_is_reported_and_the_good_ones_enter(desk: Desk) -> None:
    rows = f"{CSV}{GOOD}12,2025-01-01,2025-01-31,\n4031102,2025-02-01,2025-01-01,\n"
    answer = upload(desk, "requests.csv", rows.encode())
    told = visible(answer.text)
    assert answer.status_code == 200
    assert "1 logged, 2 not logged." in told
    assert "is not an account number of Practice Bank" in told
    assert "must not lie before" in told
    assert logged(desk) == ["rep"]


def test_the_same_file_again_enters_nothing(desk: Desk) -> None:
    for expected in ("1 logged.", "0 logged, 1 were there already."):
        assert expected in visible(upload(desk, "requests.csv", (CSV + GOOD).encode()).text)
    assert len(logged(desk)) == 1


def test_a_workbook_is_read_as_well(desk: Desk) -> None:
    book = openpyxl.Workbook()
    for row in (CSV + GOOD).splitlines():
        book.active.append(row.split(","))
    content = io.BytesIO()
    book.save(content)
    assert "1 logged." in visible(upload(desk, "requests.xlsx", content.getvalue()).text)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("requests.csv", b"", "is empty"),
        ("requests.pdf", b"%PDF", "is neither .csv nor .xlsx"),
        ("requests.xlsm", b"PK", "may hold macros"),
        ("requests.csv", "accounts\n4031101\n".encode("utf-16"), "is not UTF-8"),
        ("requests.csv", b"acount,period_from,period_to\n1,2,3\n", "did you mean"),
        ("../../etc/<b>requests.csv", b"", "is empty"),
        ("requests.csv", (CSV + GOOD * 2_100).encode(), "2000 are allowed"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why_beside_it(
    desk: Desk, name: str, content: bytes, said: str
) -> None:
    answer = upload(desk, name, content)
    assert answer.status_code == 422
    assert said in visible(answer.text)
    assert "<b>requests" not in answer.text
    assert "aria-invalid" in answer.text
    assert logged(desk) == []


def test_no_file_at_all_is_said(desk: Desk) -> None:
    answer = desk.post("/file", {"portal": "practice"})
    assert answer.status_code == 422
    assert "File is missing." in visible(answer.text)


def test_a_file_too_large_is_not_read(desk: Desk) -> None:
    assert upload(desk, "requests.csv", b"x" * (12 * 1024 * 1024)).status_code == 413


def test_formulas_in_a_file_do_not_enter(desk: Desk) -> None:
    rows = f"{CSV}4031101,2025-01-01,2025-01-31,=cmd()\n"
    told = visible(upload(desk, "requests.csv", rows.encode()).text)
    assert "0 logged, 1 not logged." in told
    assert "would take for a formula" in told
