"""A file's rows into the queue, one transaction each, and what became of every one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from billcopy import request_queue
from billcopy.database import Connection
from billcopy.errors import AlreadyOpen, InputError

if TYPE_CHECKING:
    from billcopy.intake import Row  # pandas is slow to import


@dataclass(frozen=True, kw_only=True)
class RowReport:
    """What became of one row: it entered, it was there already, or it was refused and why."""

    row: int
    outcome: Literal["entered", "there", "refused"]
    request_id: int | None = None
    why: tuple[str, ...] = ()
    code: str | None = None
    """What refused it: the first field that breaks a rule, or the error's code."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def submit_rows(connection: Connection, rows: Sequence[Row], *, actor: str) -> list[RowReport]:
    """Submit every row that is a request; a refused row does not stop the next.

    Submitting the same file again is harmless: what had entered is reported as being there.

    Raises:
        DatabaseUnavailable: the rows before it have entered; submit the same file again.
    """
    return [_submit_row(connection, row, actor=actor) for row in rows]


def _submit_row(connection: Connection, row: Row, *, actor: str) -> RowReport:
    if row.request is None:
        why = tuple(str(problem) for problem in row.problems)
        code = row.problems[0].field
        return RowReport(row=row.number, outcome="refused", why=why, code=code)
    try:
        submitted = request_queue.submit(connection, row.request, actor=actor)
    except (InputError, AlreadyOpen) as error:
        if isinstance(error, InputError) and error.field == "actor":
            raise  # not the row's fault
        code = error.field if isinstance(error, InputError) else error.code
        return RowReport(row=row.number, outcome="refused", why=(error.message,), code=code)
    return RowReport(
        row=row.number,
        outcome="entered" if submitted.entered else "there",
        request_id=submitted.request_id,
    )
