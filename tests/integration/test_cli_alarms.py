"""The commands about alarms and reconciliation, as somebody at a terminal sees them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from billcopy import request_queue
from billcopy.database import Login
from tests.alarm_fixtures import Watch
from tests.cli_fixtures import Run, answer
from tests.integration import queue_steps as steps

WHY = ("--reason", "found out why")


def trip(watch: Watch) -> None:
    watch.execute(
        "update billcopy.portals set breaker_opened_at = now(), breaker_reason = 'PORTAL_DOWN'"
    )
    watch.look()


def test_open_alarms_are_listed_and_seen_to(billcopy: Run, watch: Watch) -> None:
    assert billcopy("alarms").stdout == "0 alarms are open.\n"
    trip(watch)
    (alarm,) = answer(billcopy("alarms", "--json"))
    told = billcopy("alarms").stdout
    assert "closed by its breaker" in told
    assert "Next: Remove the cause" in told
    assert "operations.md#breaker-and-maintenance" in told
    billcopy("acknowledge-alarm", alarm["alarm_id"], *WHY)
    assert "seen to by casey" in billcopy("alarms").stdout


def test_what_is_over_is_shown_on_demand(billcopy: Run, watch: Watch) -> None:
    trip(watch)
    ops = watch.database.connect(Login.OPS)
    request_queue.close_breaker(ops, "practice", actor="mary", reason="up again")
    watch.look()
    assert answer(billcopy("alarms", "--json")) == []
    assert "over since" in billcopy("alarms", "--closed", "1").stdout


def test_an_alarm_nobody_knows_is_refused(billcopy: Run, watch: Watch) -> None:
    assert "no alarm 4711" in billcopy("acknowledge-alarm", 4711, *WHY, code=1).stderr


def test_what_differs_is_listed_without_personal_data(billcopy: Run, watch: Watch) -> None:
    assert "practice was never compared." in billcopy("reconciliation", "practice").stdout
    bot = watch.database.connect(Login.BOT)
    since = datetime.now(UTC) - timedelta(days=1)
    number = request_queue.start_reconciliation(bot, steps.start_bot_run(bot), since=since)
    row = {"proof": "77", "invoice": "INV-7", "recipient": "grace@x.ie", "ours": True}
    request_queue.compare_sent_log(
        bot,
        number,
        proof_kind="sent_log",
        log=[{**row, "sent_at": datetime.now(UTC).isoformat()}],
        delivery_ids=[],
        complete=True,
    )
    assert "did not end" in billcopy("reconciliation", "practice").stdout
    request_queue.finish_reconciliation(
        bot, number, complete=True, whole_log=True, rows_read=1, checked=0, unchecked=0
    )
    told = billcopy("reconciliation", "practice").stdout
    assert "all of the log since" in told
    assert "INV-7" in told
    assert "in the bank's log, but none of our deliveries" in told
    assert "1 findings." in told
    assert "grace" not in told
    assert (
        answer(billcopy("reconciliation", "practice", "--json"))["findings"][0]["subject"] == "77"
    )


def test_a_comparison_of_the_future_is_refused(billcopy: Run, watch: Watch) -> None:
    options = ("--since", "2099-01-01", *WHY)
    assert "lies in the future" in billcopy("reconcile", "practice", *options, code=2).stderr
