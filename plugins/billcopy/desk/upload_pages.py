"""Requests from a CSV or Excel file, with what became of every row."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from fastapi import Form as FormField
from fastapi.responses import Response

from billcopy import request_queue
from billcopy.desk import rendering, words
from billcopy.desk.access import Reader, Writer
from billcopy.errors import InputError
from billcopy.submission import RowReport, submit_rows

MAX_ROWS = 2_000  # a file this long is entered within a browser's patience
COLUMNS = (
    ("account", "the account number"),
    ("period_from", "first day, as 2026-01-31"),
    ("period_to", "last day, included"),
    ("recipient", "optional: an e-mail address"),
    ("check_value", "surname or postcode; needed with a recipient"),
    ("reference", "optional: your own number"),
    ("priority", "optional: urgent, normal, low"),
    ("due_at", "optional: wanted by"),
    ("resend_reason", "optional: why it is sent again"),
    ("portal", "optional, if it is not the bank chosen above"),
)
router = APIRouter()


@router.get("/file")
def file_page(request: Request, _: Reader) -> Response:
    """The form for a file."""
    return _page(request)


@router.post("/file")
def submit_file(
    request: Request,
    person: Writer,
    file: Annotated[UploadFile | None, File()] = None,
    portal: Annotated[str, FormField()] = "",
) -> Response:
    """Enter every row that is a request, and say which were not and why."""
    from billcopy import intake  # pandas is slow to import

    if file is None or not file.filename:
        return _page(request, problem=words.problem("file", "is missing"), portal=portal)
    with tempfile.TemporaryDirectory(prefix="billcopy-desk-") as folder:
        path = Path(folder) / _plain_name(file.filename)
        path.write_bytes(file.file.read())
        try:
            rows = intake.parse(path, default_portal=portal or None, max_rows=MAX_ROWS)
        except InputError as error:
            problem = f"{error.field} {error.rule}."
            return _page(request, problem=problem, portal=portal)
    with request.app.state.connect() as connection:
        report = submit_rows(connection, rows, actor=person.name)
    return _page(request, report=report, portal=portal, status=200)


def _plain_name(name: str) -> str:
    """The file's name without folders and signs that no name needs; its ending stays."""
    bare = re.sub(r"[^\w .()-]", "_", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    stem, dot, ending = bare.rpartition(".")
    return f"{stem[:80]}{dot}{ending[:8]}" if stem else f"file.{ending[:8]}"


def _page(
    request: Request,
    *,
    problem: str | None = None,
    report: list[RowReport] | None = None,
    portal: str = "",
    status: int = 422,
) -> Response:
    with request.app.state.connect() as connection:
        portals = request_queue.desk_portals(connection)
    lines = report or []
    return rendering.page(
        request,
        "file.html",
        status=status if problem else 200,
        problem=problem,
        report=report,
        counts={
            kind: sum(line.outcome == kind for line in lines)
            for kind in ("entered", "there", "refused")
        },
        portals=portals,
        chosen=portal,
        columns=COLUMNS,
        max_rows=MAX_ROWS,
        otherwise_zone=portals[0].time_zone if portals else None,
    )
