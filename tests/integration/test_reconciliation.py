"""The sent log against the deliveries, both ways: what is an orphan, what is not, what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billcopy import errors, request_queue
from billcopy.database import Connection, Login
from tests.alarm_fixtures import Watch
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

SINCE = datetime.now(UTC) - timedelta(days=7)
TO = "a@x.ie"


def row(proof: str, **changes: Any) -> dict[str, Any]:
    """A row of our user's, a minute ago."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    values = {"proof": proof, "invoice": "INV-0000", "recipient": TO, "ours": True}
    return {**values, "sent_at": at.isoformat(), **changes}


@dataclass
class Comparing:
    """A bot that only reads."""

    database: Database
    bot: Connection
    ids: list[int] = field(default_factory=list)

    def compare(
        self, *log: dict[str, Any], complete: bool = True, since: datetime = SINCE
    ) -> dict[str, int]:
        """One comparison, from beginning to end."""
        run = steps.start_bot_run(self.bot)
        number = request_queue.start_reconciliation(self.bot, run, since=since)
        due = request_queue.deliveries_to_compare(self.bot, number)
        found = request_queue.compare_sent_log(
            self.bot,
            number,
            proof_kind="sent_log",
            log=log,
            delivery_ids=[one["delivery_id"] for one in due],
            complete=complete,
        )
        request_queue.finish_reconciliation(
            self.bot,
            number,
            complete=complete,
            whole_log=True,
            rows_read=len(log),
            checked=len(due),
            unchecked=0,
        )
        return {name: count for name, count in found.items() if count}

    def findings(self, *, even_done: bool = False) -> list[tuple[str, str]]:
        """Kind and subject of what differs."""
        ops = self.database.connect(Login.OPS)
        found = request_queue.list_findings(ops, "practice", even_done=even_done)
        ops.close()
        return [(one["kind"], one["subject"]) for one in found]

    def deliver(self, proof: str, **changes: Any) -> int:
        """A confirmed delivery of INV-0000 to TO; its number."""
        steps.submit(self.database, recipient=TO, check_value="BH1 1AA", **changes)
        request = steps.claim(self.bot)
        (delivery,) = steps.plan(self.bot, request)
        assert steps.begin(self.bot, request, delivery) == "go"
        steps.confirm(self.bot, request, delivery, proof)
        steps.settle(self.bot, request)
        return delivery.delivery_id


@pytest.fixture
def comparing(database: Database) -> Iterator[Comparing]:
    bot = database.connect(Login.BOT)
    yield Comparing(database, bot)
    bot.close()


def test_a_log_that_shows_what_we_sent_is_well(comparing: Comparing) -> None:
    comparing.deliver("row-1")
    assert comparing.compare(row("row-1")) == {}
    assert comparing.findings() == []


def test_a_row_that_no_delivery_accounts_for_is_an_orphan(comparing: Comparing) -> None:
    comparing.deliver("row-1")
    found = comparing.compare(row("row-1"), row("row-2", invoice="INV-0009"))
    assert found == {"rows_without_delivery": 1}
    assert comparing.findings() == [("row_without_delivery", "row-2")]


def test_a_confirmed_delivery_without_its_row_is_an_orphan(comparing: Comparing) -> None:
    number = comparing.deliver("row-1")
    assert comparing.compare() == {"deliveries_without_row": 1}
    assert comparing.findings() == [("delivery_without_row", str(number))]
    assert comparing.compare(row("row-1")) == {}  # the next day it is there
    assert comparing.findings() == []


def test_an_incomplete_look_concludes_nothing_from_what_is_missing(comparing: Comparing) -> None:
    comparing.deliver("row-1")
    assert comparing.compare(complete=False) == {}
    assert comparing.compare(row("row-2"), complete=False) == {"rows_without_delivery": 1}


def test_rows_of_other_people_and_older_rows_are_not_ours_to_judge(comparing: Comparing) -> None:
    old = (SINCE - timedelta(days=1)).isoformat()
    assert comparing.compare(row("row-1", ours=False), row("row-2", sent_at=old)) == {}


def test_a_row_of_a_delivery_in_doubt_is_no_orphan(comparing: Comparing) -> None:
    steps.submit(comparing.database, recipient=TO, check_value="BH1 1AA")
    request = steps.claim(comparing.bot)
    (delivery,) = steps.plan(comparing.bot, request)
    steps.begin(comparing.bot, request, delivery)
    assert comparing.compare(row("row-1")) == {}
    assert comparing.compare(row("row-1", recipient="else@x.ie")) == {"rows_without_delivery": 1}


def test_the_same_bill_twice_to_one_recipient_is_seen(comparing: Comparing) -> None:
    comparing.deliver("row-1")
    later = row("row-2", recipient="A@X.ie", sent_at=datetime.now(UTC).isoformat())
    assert comparing.compare(row("row-1"), later) == {"rows_without_delivery": 1, "rows_twice": 1}


def test_a_bill_sent_again_for_a_reason_is_no_duplicate(comparing: Comparing) -> None:
    comparing.deliver("row-1")
    comparing.deliver("row-2", resend_reason="the customer lost it")
    later = row("row-2", sent_at=datetime.now(UTC).isoformat())
    assert comparing.compare(row("row-1"), later) == {}


def test_a_bill_that_was_sent_by_hand_is_no_orphan(comparing: Comparing) -> None:
    steps.submit(comparing.database, recipient=TO, check_value="BH1 1AA")
    request = steps.claim(comparing.bot)
    steps.plan(comparing.bot, request)
    steps.execute(
        comparing.database,
        "update billcopy.deliveries set state = 'confirmed', sending_at = now(),"
        " confirmed_at = now(), proof_kind = 'person', proof_value = 'by hand',"
        " recipient_hmac = (select recipient_hmac from billcopy.requests)",
    )
    assert comparing.compare(row("row-1")) == {}


def test_who_does_not_hold_the_portals_lock_may_not_compare(comparing: Comparing) -> None:
    run = steps.start_bot_run(comparing.bot)
    number = request_queue.start_reconciliation(comparing.bot, run, since=SINCE)
    other = comparing.database.connect(Login.BOT)
    with pytest.raises(errors.NotPermitted):
        request_queue.deliveries_to_compare(other, number)


def test_an_orphan_is_an_alarm_until_a_person_looked_after_it(watch: Watch) -> None:
    bot = watch.database.connect(Login.BOT)
    comparing = Comparing(watch.database, bot)
    comparing.compare(row("row-2"))
    watch.look()
    assert watch.subjects() == ["billcopy alarm: sent log and deliveries differ (practice)"]
    ops = watch.database.connect(Login.OPS)
    (alarm,) = request_queue.list_alarms(ops)
    request_queue.acknowledge_alarm(ops, alarm["alarm_id"], actor="mary", reason="a colleague")
    comparing.compare(row("row-2"))
    assert watch.look().alarms == []
    assert comparing.findings() == []
    assert comparing.findings(even_done=True) == [("row_without_delivery", "row-2")]
