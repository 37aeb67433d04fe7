"""The bot reads the portal's own log and compares it, on both practice portals; nothing is sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billcopy import request_queue
from billcopy.bot.order import StopReason
from tests.bot_fixtures import EMAIL, POSTCODE, Bot

pytestmark = pytest.mark.slow
SINCE = datetime.now(UTC) - timedelta(days=2)


def last(bot: Bot) -> dict[str, Any]:
    return request_queue.list_reconciliations(bot.ops, bot.name, count=1)[0]


def findings(bot: Bot) -> list[tuple[str, str]]:
    found = request_queue.list_findings(bot.ops, bot.name)
    return [(one["kind"], one["invoice_number"]) for one in found]


def test_what_was_sent_is_found_in_the_log_and_what_is_missing_there_too(either_bot: Bot) -> None:
    bot = either_bot
    first, second = bot.submit(), bot.submit(account=bot.account("6093377"))
    assert bot.run() is StopReason.DRAINED
    assert {bot.state(first), bot.state(second)} == {"delivered"}
    sent = bot.sent()

    assert bot.run(reconcile_since=SINCE) is StopReason.DRAINED, bot.lines
    seen = last(bot)
    assert seen["complete"], bot.lines
    assert (seen["deliveries_checked"], seen["deliveries_unchecked"]) == (len(sent), 0)
    assert seen["rows_read"] == len(sent)
    assert seen["whole_log"] is (bot.name == "practice")
    assert findings(bot) == []

    # A proof that the log does not show: as if the bank had lost the row.
    bot.execute(
        "update billcopy.deliveries set proof_value = proof_value || '-lost' where id ="
        " (select min(id) from billcopy.deliveries)"
    )
    (lost,) = bot.execute("select invoice_number from billcopy.deliveries order by id limit 1")
    assert bot.run(reconcile_since=SINCE) is StopReason.DRAINED
    kinds = dict(findings(bot))
    assert kinds["delivery_without_row"] == kinds["row_without_delivery"] == lost[0]
    assert bot.sent() == sent
    said = " ".join(bot.lines)
    for secret in (bot.account("3310487"), bot.account("6093377"), EMAIL, POSTCODE):
        assert secret not in said


def test_what_a_colleague_sent_with_our_user_is_an_orphan(bot: Bot) -> None:
    """An account nobody asked us about: only a log for everything can show it."""
    from tests.integration.practice_clerk import INVOICE, Visitor

    with Visitor(bot.portal) as clerk:
        clerk.go_to_work().send()
    assert bot.run(reconcile_since=SINCE) is StopReason.DRAINED
    assert findings(bot) == [("row_without_delivery", INVOICE)]


def test_a_closed_portal_is_left_alone(bot: Bot) -> None:
    request_queue.stop_portal(bot.ops, bot.name, actor="mary", reason="the bank asked us to")
    assert bot.run(reconcile_since=SINCE) is StopReason.STOPPED
    assert request_queue.list_reconciliations(bot.ops, bot.name) == []


def test_a_log_that_cannot_be_read_counts_as_not_compared(bot: Bot) -> None:
    def break_it(folder: Any) -> None:
        file = folder / "sending.resource"
        text = file.read_text()
        file.write_text(text.replace("Sent items\n    ${log}", "No such page\n    ${log}"))

    bot.portal_folder(break_it)
    assert bot.run(reconcile_since=SINCE) is StopReason.INFRASTRUCTURE
    assert last(bot)["complete"] is False
