"""An older copy of the database is put back while bills have been sent since: none goes out twice.

The copy is a real one: a database made from the other, put back in its place under its name.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime

import pytest
from psycopg2 import sql

from billcopy import request_queue
from billcopy.bot.order import StopReason
from billcopy.database import Connection, Login
from billcopy.model import Restored
from sandbox import copies
from tests.bot_fixtures import ACCOUNT, Bot

pytestmark = pytest.mark.slow

MONTHS = {"january": (1, 31), "february": (2, 28), "march": (3, 31), "april": (4, 30)}


def submit(bot: Bot, month: str, **changes: object) -> int:
    number, last = MONTHS[month]
    period = {"period_from": date(2026, number, 1), "period_to": date(2026, number, last)}
    return bot.submit(**{**period, **changes})


class Backups:
    """Makes a copy of the bot's database, and puts it back."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._name = bot.database.name

    def make(self) -> datetime:
        """A copy of the state now; when that was."""
        [(at,)] = self._bot.execute("select clock_timestamp()")
        with self._alone() as admin:
            copies.keep(admin, self._name)
        moment: datetime = at
        return moment

    def put_back(self) -> None:
        """The database is the copy from now on."""
        with self._alone() as admin:
            copies.put_back(admin, self._name)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[Connection]:
        for connection in (self._bot.desk, self._bot.ops):
            connection.close()
        with contextlib.closing(self._bot.database.server.connect()) as admin:
            yield admin
        self._bot.desk = self._bot.database.connect(Login.DESK)
        self._bot.ops = self._bot.database.connect(Login.OPS)


@pytest.fixture
def bot(either_bot: Bot):
    yield either_bot
    with (
        contextlib.closing(either_bot.database.server.connect()) as admin,
        admin.cursor() as cursor,
    ):
        name = sql.Identifier(copies.copy_of(either_bot.database.name))
        cursor.execute(sql.SQL("drop database if exists {}").format(name))


def sent_since_the_backup(bot: Bot) -> tuple[datetime, dict[str, int]]:
    """A backup; then one request delivered that it knows, one it does not, one never worked on."""
    backups = Backups(bot)
    known = submit(bot, "january")
    since = backups.make()
    forgotten = submit(bot, "february")
    assert bot.run() is StopReason.DRAINED
    assert {bot.state(known), bot.state(forgotten)} == {"delivered"}
    assert len(bot.mails()) == 2
    backups.put_back()
    assert bot.state(known) == "queued"
    # The representative asks again for what has vanished, and for something new.
    return since, {
        "known": known,
        "again": submit(bot, "february"),
        "new": submit(bot, "march"),
    }


def restored(bot: Bot, since: datetime) -> Restored:
    told = request_queue.mark_restored(
        bot.ops, bot.name, since=since, actor="ops", reason="the disk is broken"
    )
    bot.execute(
        "update billcopy.portals set restored_at = restored_at - settle_window,"
        " restored_since = least(restored_since, restored_at - settle_window)"
    )
    return told


def test_after_a_restore_nothing_is_sent_twice_and_everything_is_confirmed(bot: Bot) -> None:
    since, requests = sent_since_the_backup(bot)
    assert restored(bot, since).waiting == 3
    assert bot.run() is StopReason.DRAINED
    assert {name: bot.state(number) for name, number in requests.items()} == dict.fromkeys(
        requests, "delivered"
    )
    mailed = Counter(bot.sent())
    assert sorted(mailed.values()) == [1, 1, 1]
    proofs = {
        delivery["proof_value"]
        for number in requests.values()
        for delivery in bot.story(number).deliveries
    }
    assert len(proofs) == 3
    assert None not in proofs
    states = [
        event["to_state"]
        for event in bot.story(requests["known"]).events
        if event["entity"] == "delivery"
    ]
    assert states == ["planned", "in_doubt", "confirmed"]


def test_the_control_without_the_command_sends_duplicates(bot: Bot) -> None:
    sent_since_the_backup(bot)
    assert bot.run() is StopReason.DRAINED
    assert sorted(Counter(bot.sent()).values()) == [1, 2, 2]


def test_what_was_being_sent_when_the_backup_was_made_is_found_in_the_log(bot: Bot) -> None:
    """The copy holds a delivery in the middle of its click; it was confirmed afterwards."""
    backups = Backups(bot)
    request = submit(bot, "april", account=bot.account(ACCOUNT))
    bot.portal.set_faults(sent_log_lag_seconds=3600)
    bot.run()
    assert bot.state(request) == "queued WAITING_FOR_LOG"
    since = backups.make()
    bot.portal.set_faults(sent_log_lag_seconds=0)
    bot.make_due()
    bot.run()
    assert bot.state(request) == "delivered"
    backups.put_back()
    assert bot.state(request) == "queued WAITING_FOR_LOG"
    restored(bot, since)
    bot.make_due()
    bot.run()
    assert bot.state(request) == "delivered"
    assert len(bot.mails()) == 1
