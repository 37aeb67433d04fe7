"""Requests with everything that retention erases, finished any number of days ago."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from billcopy import evidence, request_queue, retention
from billcopy.database import Login
from billcopy.errors import AccountNotFound
from billcopy.model import Story
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

ACCOUNT, RECIPIENT, CHECK = "4027318", "mary.featherstone@x.ie", "Featherstone"
PERSONAL = (ACCOUNT, RECIPIENT, CHECK, "letter of the customer", "TICKET-MARY")


WHO = {"actor": "olga", "reason": "routine"}


def run(database: Database, **changes: object) -> dict[str, retention.Place]:
    """One pass; by place."""
    settings = database.settings.model_copy(update=changes)
    ops = database.connect(Login.OPS)
    done = retention.erase(ops, retention.begin(settings, **WHO))
    ops.close()
    return {place.name: place for place in done}


def erased(database: Database) -> dict[str, int]:
    """One pass; what it erased, by place, where it did."""
    return {name: place.erased for name, place in run(database).items() if place.erased}


def story(database: Database, number: int) -> Story:
    """A request's story, as the desk reads it."""
    return request_queue.story(database.connect(Login.DESK), number)


def finished(database: Database, *, days: float = 0, key: str = "1", **changes: Any) -> int:
    """A delivered request with a reference, a reason, steps and a picture; returns its number."""
    asked = {
        "account": ACCOUNT,
        "recipient": RECIPIENT,
        "check_value": CHECK,
        "reference": "TICKET-MARY",
        "resend_reason": "letter of the customer",
        **changes,
    }
    number = steps.submit(database, **asked)
    desk, bot = database.connect(Login.DESK), database.connect(Login.BOT)
    request_queue.set_priority(desk, number, 1, actor="ann", reason="letter of the customer")
    run = steps.start_bot_run(bot)
    request = steps.claim(bot, run)
    assert request.request_id == number
    (delivery,) = steps.plan(bot, request)
    assert steps.begin(bot, request, delivery) == "go"
    request_queue.record_click(
        bot,
        request,
        delivery.delivery_id,
        clicked_at=request_queue.database_now(bot),
        confirmation=f"Sent to {RECIPIENT}",
    )
    request_queue.record_step(bot, request, "looked", detail={"rows": 1})
    failure = {"ago": 0, "kind": "failure", "step": "stopped", "detail": {"on_screen": [CHECK]}}
    request_queue.record_steps(bot, request, [failure])
    picture(database, bot, request, delivery.delivery_id)
    steps.confirm(bot, request, delivery, f"row-{number}")
    assert steps.settle(bot, request)[0] == "delivered"
    request_queue.finish_bot_run(bot, run, stop_reason="DRAINED", blocked_requests=0)
    steps.hang_up(database, bot)
    desk.close()
    age(database, number, days)
    return number


def rejected(database: Database, **changes: Any) -> int:
    """A request that the bank did not know; nothing was sent."""
    number = steps.submit(database, **changes)
    bot = database.connect(Login.BOT)
    steps.settle(bot, steps.claim(bot), AccountNotFound)
    steps.hang_up(database, bot)
    return number


def picture(database: Database, bot: Any, request: Any, delivery_id: int | None) -> str:
    """Store a picture of a request in hand, and its row; returns its address."""
    name = evidence.place(
        portal="practice",
        request_id=request.request_id,
        attempt_id=request.attempt_id,
        delivery_id=delivery_id,
        kind="confirmation",
    )
    stored = evidence.store(database.settings.evidence_url, name, b"picture")
    request_queue.record_evidence(
        bot,
        request,
        delivery_id=delivery_id,
        kind="confirmation",
        url=stored.url,
        digest=stored.digest,
    )
    return stored.url


def age(database: Database, number: int, days: float) -> None:
    """Move a finished request so many days back."""
    back = f"interval '{days * 86400} seconds'"
    steps.execute(
        database,
        f"update billcopy.requests set received_at = received_at - {back},"
        f" finished_at = finished_at - {back} where id = %s",
        number,
    )
    steps.execute(
        database,
        f"update billcopy.deliveries set sending_at = sending_at - {back},"
        f" confirmed_at = confirmed_at - {back} where request_id = %s",
        number,
    )


def files(database: Database) -> list[Path]:
    """Every file of the evidence store."""
    folder = Path(database.settings.evidence_url.removeprefix("file://"))
    return sorted(path for path in folder.rglob("*") if path.is_file())


def everything(database: Database) -> str:
    """All rows of all tables, as text, to look for what must not be there or must not change."""
    tables = steps.execute(
        database,
        "select c.oid::regclass::text from pg_class c where c.relkind = 'r'"
        " and c.relnamespace = 'billcopy'::regnamespace order by 1",
    )
    return "\n".join(
        f"{table}: {row}"
        for (table,) in tables
        for (row,) in steps.execute(database, f"select t::text from {table} as t order by 1")
    )
