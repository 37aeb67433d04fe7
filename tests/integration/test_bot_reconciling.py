"""What the reading bot run asks for and makes of it, without a browser: the log is handed to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from billcopy import portal_profile, request_queue
from billcopy.bot import reconciling as bot_reconciling
from billcopy.bot.connection import PortalConnection
from billcopy.bot.order import DatabaseAccess, StopReason
from billcopy.bot.reconciling import Reconciling
from billcopy.database import Login
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.rules.source import ROOT

SINCE = datetime.now(UTC) - timedelta(days=3)
US = "svc-billcopy"


@pytest.fixture
def connection(database: Database) -> Iterator[PortalConnection]:
    access = DatabaseAccess(**database.parameters(Login.BOT))  # type: ignore[arg-type]
    found = PortalConnection(access, "practice", lock_wait_seconds=1)
    found.take_lock()
    yield found
    found.close()


@pytest.fixture
def reconcile(database: Database, connection: PortalConnection, tmp_path: Path):
    """Run one comparison, reading with the given function; why it stopped, and what was said."""

    def run(
        read: Callable[[Reconciling], StopReason], *, whole: bool = True
    ) -> tuple[StopReason, list[str]]:
        folder = tmp_path / "practice"
        folder.mkdir(exist_ok=True)
        for file in (ROOT / "robot" / "portals" / "practice").iterdir():
            text = file.read_text()
            name = "Read Whole Sent Log"
            (folder / file.name).write_text(text if whole else text.replace(name, "Read It All"))
        said: list[str] = []
        stop = bot_reconciling.reconcile(
            connection,
            portal_profile.load(folder),
            bot_run_id=steps.start_bot_run(connection._connection),
            since=SINCE,
            say=said.append,
            read=read,
        )
        return stop, said

    return run


def deliver(database: Database, connection: PortalConnection, account: str, row: str) -> None:
    to = "a@x.ie" if account == "4027310" else "b@x.ie"
    steps.submit(database, account=account, recipient=to, check_value="BH1 1AA")
    bot = connection._connection
    request = steps.claim(bot)
    (delivery,) = steps.plan(bot, request)
    assert steps.begin(bot, request, delivery) == "go"
    steps.confirm(bot, request, delivery, row)
    steps.settle(bot, request)


def row(number: str, invoice: str = "INV-0000", **changes: Any) -> dict[str, str]:
    """A row as the portal folder's keyword returns it, of a minute from now."""
    at = datetime.now(UTC).astimezone(ZoneInfo("America/Chicago"))
    return {
        "id": number,
        "invoice": invoice,
        "recipient": "a@x.ie",
        "sent_at": f"{at:%m/%d/%Y %I:%M:%S %p}",
        "sender": US,
        **changes,
    }


def last(database: Database) -> dict[str, Any]:
    ops = database.connect(Login.OPS)
    return request_queue.list_reconciliations(ops, "practice", count=1)[0]


def findings(database: Database) -> list[tuple[str, str]]:
    ops = database.connect(Login.OPS)
    return [(one["kind"], one["subject"]) for one in request_queue.list_findings(ops, "practice")]


def test_a_log_for_everything_is_read_once(database, connection, reconcile) -> None:
    deliver(database, connection, "4027310", "1")
    looks = []

    def read(reconciling: Reconciling) -> StopReason:
        while part := reconciling.next_part:
            looks.append(part)
            log = [row("1"), row("2", "INV-9"), row("3", "INV-8", sender="someone else")]
            reconciling.compare({"rows": log, "complete": True}, sender=US.upper())
        return StopReason.DRAINED

    stop, said = reconcile(read)
    assert stop is StopReason.DRAINED
    assert [look.whole for look in looks] == [True]
    assert findings(database) == [("row_without_delivery", "2")]
    seen = last(database)
    assert (seen["complete"], seen["whole_log"], seen["rows_read"]) == (True, True, 3)
    assert (seen["deliveries_checked"], seen["deliveries_unchecked"]) == (1, 0)
    assert "1 finding(s)" in said[-1]
    assert "a@x.ie" not in " ".join(said)


def test_without_one_it_is_read_account_by_account(database, connection, reconcile) -> None:
    deliver(database, connection, "4027310", "1")
    deliver(database, connection, "6093377", "2")
    looks = []

    def read(reconciling: Reconciling) -> StopReason:
        while part := reconciling.next_part:
            looks.append((part.account, part.invoices))
            log = [row("1")] if part.account == "4027310" else []
            reconciling.compare({"rows": log, "complete": True}, sender=US)
        return StopReason.DRAINED

    reconcile(read, whole=False)
    assert looks == [("4027310", ["INV-0000"]), ("6093377", ["INV-0000"])]
    assert [kind for kind, _ in findings(database)] == ["delivery_without_row"]
    assert last(database)["whole_log"] is False


def test_what_was_not_read_is_not_compared(database, connection, reconcile) -> None:
    deliver(database, connection, "4027310", "1")
    stop, said = reconcile(lambda _: StopReason.INFRASTRUCTURE, whole=False)
    assert stop is StopReason.INFRASTRUCTURE
    seen = last(database)
    assert seen["complete"] is False
    assert (seen["deliveries_checked"], seen["deliveries_unchecked"]) == (0, 1)
    assert "not all of the log could be read" in said[-1]
    assert findings(database) == []


def test_a_delivery_whose_account_was_erased_is_said_to_be_unchecked(
    database, connection, reconcile
) -> None:
    deliver(database, connection, "4027310", "1")
    ops = database.connect(Login.OPS)
    request_queue.erase_subject(ops, 1, actor="mary", reason="asked for")
    stop, _ = reconcile(lambda _: StopReason.INFRASTRUCTURE, whole=False)
    assert stop is StopReason.DRAINED  # there is no account left to look at
    assert last(database)["deliveries_unchecked"] == 1


def test_nobody_signs_in_to_a_stopped_portal(database, connection, reconcile) -> None:
    ops = database.connect(Login.OPS)
    request_queue.stop_portal(ops, "practice", actor="mary", reason="the bank asked us to")
    stop, said = reconcile(lambda _: pytest.fail("it signed in"))
    assert stop is StopReason.STOPPED
    assert said == ["the portal is closed; its sent log is not read"]
