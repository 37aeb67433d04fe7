"""Keeps requests coming in: two bills of an account each, never the same bill twice."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from random import Random

import psycopg2

from billcopy import request_queue
from billcopy.database import connect_to
from billcopy.errors import DatabaseUnavailable
from billcopy.model import NewRequest
from sandbox import data
from sandbox.chaos.world import ACTOR, World

AHEAD = 3  # requests that wait or are in hand at any time
LOOK_SECONDS = 1.0
_NUMBERS = "select source_key, id from billcopy.requests where source = %s"
_OPEN = "select count(*) from billcopy.requests where state in ('queued', 'claimed')"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What one request asks for."""

    account: str
    recipient: str
    period_from: date
    period_to: date
    invoices: tuple[str, ...]


def asks(random: Random) -> Iterator[Ask]:
    """Requests in random order, about two thousand; no invoice is in two of them."""
    by_account: dict[str, list[data.Invoice]] = defaultdict(list)
    for invoice in data.invoices():
        by_account[invoice.account].append(invoice)
    found = []
    for account in data.accounts():
        if account.email is None:
            continue
        bills = sorted(by_account[account.number], key=lambda one: one.issued_on)
        for before, first, second, after in zip(
            [None, *bills[1::2]], bills[::2], bills[1::2], [*bills[2::2], None], strict=False
        ):
            alone = (before is None or before.issued_on < first.issued_on) and (
                after is None or second.issued_on < after.issued_on
            )
            if alone and {first.kind, second.kind} == {data.BILL}:
                found.append(
                    Ask(
                        account=account.number,
                        recipient=account.email,
                        period_from=first.issued_on,
                        period_to=second.issued_on,
                        invoices=(first.number, second.number),
                    )
                )
    random.shuffle(found)
    return iter(found)


class Feeder:
    """Submits in a thread until `enough` and at least so many requests; `asked` says which.

    What a restore has made vanish it submits again, as a representative would.
    """

    def __init__(self, world: World, random: Random, *, at_least: int) -> None:
        self._world = world
        self._by_key: dict[str, Ask] = {}
        self._asks = asks(random)
        self._at_least = at_least
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeder", daemon=True)

    @property
    def asked(self) -> dict[int, Ask]:
        """Every ask by the number its request has now; a negative one where it has none."""
        numbers = self._numbers()
        return {
            numbers.get(key, -position): ask
            for position, (key, ask) in enumerate(self._by_key.items(), 1)
        }

    def _numbers(self) -> dict[str, int]:
        return dict(self._world.query(_NUMBERS, ACTOR))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def enough(self) -> None:
        """Submit what is missing to the least number, then end; returns when that is done."""
        self._enough.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._has_done():
            with contextlib.suppress(psycopg2.Error, DatabaseUnavailable):
                for key in self._by_key.keys() - self._numbers().keys():
                    self._submit(self._by_key[key])
                while self._world.query(_OPEN)[0][0] < AHEAD and not self._has_done():
                    self._submit(next(self._asks))
            self._enough.wait(LOOK_SECONDS)

    def _has_done(self) -> bool:
        if not self._enough.is_set() or len(self._by_key) < self._at_least:
            return False
        with contextlib.suppress(psycopg2.Error):
            return not self._by_key.keys() - self._numbers().keys()
        return False

    def _submit(self, ask: Ask) -> None:
        key = f"{ask.account}/{ask.period_from}"
        request = NewRequest(
            portal="practice",
            account=ask.account,
            period_from=ask.period_from,
            period_to=ask.period_to,
            source=ACTOR,
            source_key=key,
        )

        def submit() -> int:
            with contextlib.closing(connect_to(self._world.desk)) as connection:
                return request_queue.submit(connection, request, actor=ACTOR).request_id

        _until_answered(submit)
        self._by_key[key] = ask


def _until_answered(submit: Callable[[], int]) -> int:
    while True:
        try:
            return submit()  # its source key enters once, however often it is asked
        except DatabaseUnavailable:
            threading.Event().wait(LOOK_SECONDS)
