"""The task that reads the sent log: from when on, and that it is a reading bot run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.airflow_fixtures import import_airflow

import_airflow()

from billcopy.airflow_parts import reconcile, run_bot  # noqa: E402
from billcopy.bot.order import BotOrder  # noqa: E402
from tests.unit.test_bot_order import ORDER  # noqa: E402


def test_the_form_says_since_when() -> None:
    said = {"since": "2026-11-01T00:00:00Z"}
    assert reconcile.since_of(said) == datetime(2026, 11, 1, tzinfo=UTC)


def test_without_a_form_it_is_the_last_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLCOPY_RECONCILIATION_DAYS", "3")
    since = reconcile.since_of({"since": None})
    assert timedelta(days=3) <= datetime.now(UTC) - since < timedelta(days=3, hours=1)


def test_the_bot_is_told_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_bot.RunBotOperator, "_order", lambda _self, _context: ORDER)
    task = reconcile.ReadSentLogOperator(task_id="read_sent_log", portal="practice")
    order = task._order({"params": {"since": "2026-11-01T00:00:00Z"}})
    assert isinstance(order, BotOrder)
    assert order.reconcile_since == datetime(2026, 11, 1, tzinfo=UTC)
    assert (task.pool, task.retries) == ("portal_practice", 0)
