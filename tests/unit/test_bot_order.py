"""The one line a bot is started with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from billcopy.bot.order import BotOrder, DatabaseAccess, StopReason, TestRequest
from billcopy.credentials import VaultAccess
from billcopy.errors import InputError
from billcopy.model import Selection

ORDER = BotOrder(
    portal="practice",
    vault=VaultAccess(url="http://v", path="p", role_id="r", wrapped_secret_id="hvs.hidden"),
    database=DatabaseAccess(host="h", port=1, dbname="d", user="u", password="hidden-too"),
    actor="ann",
    work_dir="/w",
    evidence_url="file:///e",
    portal_path=("/p1", "/p2"),
)


@pytest.mark.parametrize(
    "order",
    [
        ORDER,
        replace(ORDER, database=None, rehearse=()),
        replace(ORDER, reconcile_since=datetime(2026, 1, 1, tzinfo=UTC), watched_folders=("/d",)),
        replace(
            ORDER,
            selection=Selection(request_ids=(1, 2), received_from=datetime(2026, 1, 1, tzinfo=UTC)),
        ),
        replace(
            ORDER,
            rehearse=(
                TestRequest(account="1", period_from=date(2026, 1, 1), period_to=date(2026, 2, 1)),
            ),
        ),
    ],
    ids=["queue", "rehearsal", "sent log", "selection", "test request"],
)
def test_an_order_survives_the_way_to_the_bot(order: BotOrder) -> None:
    line = order.to_json()
    assert "\n" not in line
    assert BotOrder.from_json(line) == order


def test_a_printed_order_shows_no_secret_and_no_account() -> None:
    order = replace(
        ORDER,
        rehearse=(
            TestRequest(account="777", period_from=date(2026, 1, 1), period_to=date(2026, 2, 1)),
        ),
    )
    for hidden in ("hvs.hidden", "hidden-too", "777"):
        assert hidden not in repr(order)


@pytest.mark.parametrize("line", ["", "{}", "[1]", "null", '{"portal": "hvs.hidden"', "nonsense"])
def test_a_line_that_is_no_order_is_refused_unquoted(line: str) -> None:
    with pytest.raises(InputError) as refused:
        BotOrder.from_json(line)
    assert "hvs.hidden" not in str(refused.value)


def test_every_exit_code_has_a_reason() -> None:
    assert [StopReason.from_exit_code(one.value) for one in StopReason] == list(StopReason)
    assert StopReason.from_exit_code(143) is StopReason.INTERRUPTED
    assert StopReason.from_exit_code(1) is StopReason.INFRASTRUCTURE
