"""A portal's memory: customers, invoices, the sent log and counters, in one SQLite file.

The file outlives the process: a restarted portal still knows what it sent, voided and edited.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Generic, TypeVar

from sandbox import data

_SCHEMA = Path(__file__).with_name("schema.sql")
_FIRST_SENT_ID = 100481
T = TypeVar("T")
TABLES = ("sent_items", "counters", "invoices", "accounts")


@dataclass(frozen=True, kw_only=True)
class SentItem:
    """A row of the sent log; `sent_at` is seconds since the epoch."""

    id: int
    sent_at: float
    account: str
    invoice: str
    recipient: str
    sent_by: str


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """One page of a list: its rows, the number of the first one (from 1) and of all."""

    rows: Sequence[T]
    number: int
    first: int
    total: int
    size: int

    @property
    def last(self) -> int:
        """The number of the last row on this page."""
        return self.first + len(self.rows) - 1

    @property
    def has_next(self) -> bool:
        """Whether more rows follow on another page."""
        return self.last < self.total


class Store:
    """All calls may come from any thread; each is one transaction."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.executescript(_SCHEMA.read_text(encoding="utf-8"))
        if not self._rows("select 1 from accounts limit 1"):
            self._fill()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def reset(self) -> None:
        """Back to the first day: nothing sent, nothing voided, nothing edited."""
        if not (self.count("voided") or self.count("edited")):
            with self._transaction() as connection:
                connection.execute("delete from sent_items")
                connection.execute("delete from counters")
            return
        with self._transaction() as connection:
            for table in TABLES:
                connection.execute(f"delete from {table}")  # noqa: S608  our own names
        self._fill()

    # -- customers and invoices ---------------------------------------------------------------

    def search_accounts(self, digits: str, *, page: int, size: int) -> Page[sqlite3.Row]:
        """Accounts with these digits anywhere in their number, by surname and name."""
        return self._page(
            "from accounts where instr(number, ?) > 0 order by surname, name, number",
            (digits,),
            page=page,
            size=size,
        )

    def account(self, number: str) -> sqlite3.Row | None:
        """The account with exactly this number."""
        rows = self._rows("select * from accounts where number = ?", number)
        return rows[0] if rows else None

    def invoices(
        self,
        account: str,
        *,
        issued_from: date | None,
        issued_to: date | None,
        open_only: bool,
        page: int,
        size: int,
    ) -> Page[sqlite3.Row]:
        """Invoices of the account with both bounds included, the newest first."""
        return self._page(
            """from invoices where account = ? and issued_on between ? and ?
               and (status = 'open' or ?) order by issued_on desc, number desc""",
            (
                account,
                (issued_from or date.min).isoformat(),
                (issued_to or date.max).isoformat(),
                not open_only,
            ),
            page=page,
            size=size,
        )

    def invoice(self, number: str) -> sqlite3.Row | None:
        """The invoice with exactly this number."""
        rows = self._rows("select * from invoices where number = ?", number)
        return rows[0] if rows else None

    def another_account(self, number: str) -> sqlite3.Row:
        """Somebody else's account, for the fault that shows the wrong one."""
        return self._rows("select * from accounts where number <> ? limit 1", number)[0]

    def another_invoice(self, invoice: sqlite3.Row) -> sqlite3.Row:
        """Another invoice of the same account, for the fault that shows the wrong one."""
        return self._rows(
            "select * from invoices where account = ? and number <> ? order by number limit 1",
            invoice["account"],
            invoice["number"],
        )[0]

    def void(self, number: str) -> None:
        """Make the invoice void, which nothing undoes."""
        with self._transaction() as connection:
            connection.execute("update invoices set status = 'void' where number = ?", (number,))
            self.add("voided")

    def edit_customer(self, number: str, *, name: str, postcode: str, email: str | None) -> None:
        """Overwrite the customer's name, postcode and address on file."""
        with self._transaction() as connection:
            connection.execute(
                "update accounts set name = ?, postcode = ?, email = ? where number = ?",
                (name, postcode, email, number),
            )
            self.add("edited")

    # -- the sent log -------------------------------------------------------------------------

    def next_sent_id(self) -> int:
        """A number for a sent item; numbers that never reach the log leave gaps, as they do."""
        with self._transaction():
            self.add("sent_ids")
            return _FIRST_SENT_ID + self.count("sent_ids")

    def add_sent(self, item: SentItem) -> None:
        """Write a row of the sent log."""
        with self._transaction() as connection:
            connection.execute(
                "insert into sent_items values (?, ?, ?, ?, ?, ?)",
                (item.id, item.sent_at, item.account, item.invoice, item.recipient, item.sent_by),
            )

    def sent_items(
        self, account: str | None, *, lag_seconds: float, page: int, size: int
    ) -> Page[SentItem]:
        """The rows old enough to be shown, newest first; of one account, or of all (None)."""
        found = self._page(
            "from sent_items where (account = ?1 or ?1 is null) and sent_at <= ?2 order by id desc",
            (account, time.time() - lag_seconds),
            page=page,
            size=size,
        )
        rows = [SentItem(**dict(row)) for row in found.rows]
        return Page(
            rows=rows, number=found.number, first=found.first, total=found.total, size=found.size
        )

    def all_sent(self) -> list[SentItem]:
        """Every row, also those the pages do not show yet, oldest first."""
        return [SentItem(**dict(r)) for r in self._rows("select * from sent_items order by id")]

    # -- counters -----------------------------------------------------------------------------

    def add(self, counter: str) -> None:
        """Count one more."""
        with self._lock:
            self._connection.execute(
                """insert into counters values (?, 1)
                   on conflict (name) do update set value = value + 1""",
                (counter,),
            )

    def count(self, counter: str) -> int:
        """How often that happened since the last reset."""
        rows = self._rows("select value from counters where name = ?", counter)
        return int(rows[0]["value"]) if rows else 0

    # -----------------------------------------------------------------------------------------

    def _fill(self) -> None:
        with self._transaction() as connection:
            connection.executemany(
                "insert into accounts values (?, ?, ?, ?, ?)",
                [(a.number, a.name, a.surname, a.postcode, a.email) for a in data.accounts()],
            )
            connection.executemany(
                "insert into invoices values (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        i.number,
                        i.account,
                        i.issued_on.isoformat(),
                        i.due_on.isoformat(),
                        i.kind,
                        i.status,
                        i.amount,
                    )
                    for i in data.invoices()
                ],
            )

    def _page(
        self, query: str, values: tuple[Any, ...], *, page: int, size: int
    ) -> Page[sqlite3.Row]:
        page = max(page, 1)
        with self._lock:
            total = self._rows(f"select count(*) as n {query}", *values)[0]["n"]
            rows = self._rows(
                f"select * {query} limit {int(size)} offset {int(size) * (page - 1)}", *values
            )
        first = size * (page - 1) + 1
        return Page(rows=rows, number=page, first=first, total=total, size=size)

    def _rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._connection:
            self._connection.execute("begin immediate")
            yield self._connection
