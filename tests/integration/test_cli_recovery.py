"""The commands that tell the queue what happened without it."""

from __future__ import annotations

import pytest

from billcopy.database import Login
from tests.cli_fixtures import Run
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

WHY = ("--actor", "ann", "--reason", "disk failed")


def test_a_restore_says_what_happens_now(billcopy: Run, database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    steps.claim(bot)
    shown = billcopy("restored", "practice", "--since", "2026-01-02T03:04+01:00", *WHY).stdout
    assert "counts since 2026-01-02" in shown
    assert "1 requests wait, 1 of them were in hand at the backup." in shown
    assert "Nothing is claimed before" in shown
    [(event, actor, reason)] = steps.execute(
        database, "select event, actor, reason from billcopy.events where event = 'restored'"
    )
    assert (event, actor, reason) == ("restored", "ann", "disk failed")
    assert "restored from a backup" in billcopy("status").stdout


def test_a_restore_needs_a_portal_and_a_moment_that_was(billcopy: Run) -> None:
    told = billcopy("restored", "nowhere", "--since", "2026-01-02", *WHY, code=1).stderr
    assert 'no portal is called "nowhere"' in told
    told = billcopy("restored", "practice", "--since", "2099-01-02", *WHY, code=1).stderr
    assert "since: must not lie in the future" in told


def test_sent_by_hand_says_what_became_of_the_request(billcopy: Run, database: Database) -> None:
    number = steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    [delivery] = steps.plan(bot, request)
    told = billcopy("sent-by-hand", str(delivery.delivery_id), *WHY, code=1).stderr
    assert "hold it first" in told
    steps.execute(
        database,
        "update billcopy.requests set lease_until = clock_timestamp() - interval '1 hour'",
    )
    billcopy("rescue")
    billcopy("hold", str(number), *WHY)
    told = billcopy("sent-by-hand", str(delivery.delivery_id), *WHY, code=1).stderr
    assert "recipient: must be given" in told
    arguments = (str(delivery.delivery_id), "--to", "a@x.ie", *WHY)
    shown = billcopy("sent-by-hand", *arguments).stdout
    assert (
        shown == f"Delivery {delivery.delivery_id} is confirmed; request {number} is delivered.\n"
    )


@pytest.mark.parametrize("command", ["restored", "sent-by-hand"])
def test_who_and_why_must_be_given(billcopy: Run, command: str) -> None:
    assert "Missing option" in billcopy(command, "1", code=2).stderr
