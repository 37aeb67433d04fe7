"""Short steps through the queue for its tests: submit, claim, plan, send."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

from billcopy import errors, request_queue
from billcopy.database import Connection, Login
from billcopy.model import ClaimedRequest, Delivery, FoundInvoice, NewRequest, Selection
from tests.database_fixtures import Database
from tests.waiting import until

_keys = itertools.count(1)
JANUARY = date(2025, 1, 1)


def new_request(**changes: Any) -> NewRequest:
    """A good request; each call has another source key."""
    values: dict[str, Any] = {
        "portal": "practice",
        "account": "4027310",
        "period_from": JANUARY,
        "period_to": date(2025, 6, 30),
        "source_key": f"test-{next(_keys)}",
    }
    return NewRequest(**{**values, **changes})


def submit(database: Database, **changes: Any) -> int:
    """Submit a request as the desk; returns its number."""
    desk = database.connect(Login.DESK)
    return request_queue.submit(desk, new_request(**changes), actor="ann").request_id


def start_bot_run(bot: Connection, **changes: Any) -> int:
    """A bot run of this test process; takes the portal's lock."""
    values: dict[str, Any] = {
        "portal": "practice",
        "host": "test-host",
        "boot_id": "boot",
        "process_group": 4242,
        "process_started_at": 1.5,
        "dag_run_id": None,
        "selection": Selection(),
        "limit": 50,
        "versions": {},
        "actor": "tests",
    }
    request_queue.take_portal_lock(bot, "practice")
    return request_queue.start_bot_run(bot, **{**values, **changes})


def hang_up(database: Database, bot: Connection) -> None:
    """Close a bot's connection; returns when the server has let go of its portal's lock."""
    pid = bot.info.backend_pid
    bot.close()
    look = "select 1 from pg_stat_activity where pid = %s"
    until(lambda: not execute(database, look, pid), "the server learned of it")


def claim(bot: Connection, run: int | None = None) -> ClaimedRequest:
    """Claim what must be there."""
    claimed = request_queue.claim_next(bot, run or start_bot_run(bot))
    assert claimed is not None
    return claimed


def invoices(count: int, kind: str = "bill") -> list[FoundInvoice]:
    """That many invoices, a day apart."""
    return [
        FoundInvoice(number=f"INV-{n:04}", issued_on=JANUARY + timedelta(days=n), kind=kind)
        for n in range(count)
    ]


def plan(bot: Connection, request: ClaimedRequest, count: int = 1) -> list[Delivery]:
    """Plan that many invoices."""
    assert request_queue.plan_deliveries(bot, request, invoices(count), []).verdict == "planned"
    return request_queue.deliveries(bot, request)


def begin(bot: Connection, request: ClaimedRequest, delivery: Delivery, to: str = "a@x.ie") -> str:
    """Ask at the one door; returns the verdict."""
    recipient = request.recipient or to
    answer = request_queue.begin_delivery(bot, request, delivery.delivery_id, recipient=recipient)
    return answer.verdict


def confirm(bot: Connection, request: ClaimedRequest, delivery: Delivery, row: str) -> None:
    """Confirm by a row of the sent log."""
    request_queue.confirm(
        bot, request, delivery.delivery_id, proof_kind="sent_log", proof_value=row
    )


def settle(bot: Connection, request: ClaimedRequest, error: Any = None) -> tuple[str, str | None]:
    """Settle with the code of an error's class, or without an error; returns state and reason."""
    settled = request_queue.settle(
        bot,
        request,
        error_class=error.error_class if error else None,
        reason_code=error.code if error else None,
    )
    return settled.state, settled.reason_code


def in_doubt(database: Database) -> tuple[int, Connection, ClaimedRequest, Delivery]:
    """A request whose first delivery may have been sent, claimed again."""
    number = submit(database)
    bot = database.connect(Login.BOT)
    run = start_bot_run(bot)
    request = claim(bot, run)
    begin(bot, request, plan(bot, request, 2)[0])
    settle(bot, request, errors.PortalDown)
    execute(database, "update billcopy.requests set not_before = now()")
    again = claim(bot, run)
    return number, bot, again, request_queue.deliveries(bot, again)[0]


def held_in_doubt(database: Database) -> tuple[int, Delivery]:
    """A request that waits until two people have said whether its first bill was sent."""
    number, bot, again, doubtful = in_doubt(database)
    settled = request_queue.settle(bot, again, error_class=None, reason_code="IN_DOUBT")
    assert settled.state == "held"
    return number, doubtful


def used_up(database: Database, error: Any = errors.Unexpected) -> tuple[int, Connection, int]:
    """A request whose three attempts ended with the error; its number, the bot, the bot run."""
    number = submit(database)
    bot = database.connect(Login.BOT)
    run = start_bot_run(bot)
    for _ in range(3):
        try_again(database, bot, run, error)
    return number, bot, run


def try_again(
    database: Database, bot: Connection, run: int, error: Any = errors.Unexpected
) -> tuple[str, str | None]:
    """Let it be due, claim it, and settle it with the error; returns state and reason."""
    execute(database, "update billcopy.requests set not_before = now()")
    return settle(bot, claim(bot, run), error)


def execute(database: Database, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run a statement as superuser: to look, or to move a clock."""
    connection = database.superuser
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
