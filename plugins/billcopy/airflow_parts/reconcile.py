"""The task that reads the bank's sent log: a bot run like any other, but it claims nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Param

from billcopy import settings
from billcopy.airflow_parts.delivery_run import MOMENT
from billcopy.airflow_parts.run_bot import RunBotOperator
from billcopy.bot.order import BotOrder

FORM = {
    "since": Param(
        None,
        type=["null", "string"],
        format="date-time",
        pattern=MOMENT,
        title="Sent since",
        description="Compare what was sent at or after this time. Empty: the last days.",
    )
}


class ReadSentLogOperator(RunBotOperator):
    """Have the bot compare the portal's sent log with our deliveries.

    Green: it could read. What differs is no failure of the run but an alarm.
    """

    def _order(self, context: Mapping[str, Any]) -> BotOrder:
        return replace(super()._order(context), reconcile_since=since_of(context["params"]))


def since_of(params: Mapping[str, Any]) -> datetime:
    """From when on to compare: what the form says, else the last days by the settings."""
    if params.get("since"):
        return datetime.fromisoformat(params["since"])
    return datetime.now(UTC) - timedelta(days=settings.load().reconciliation_days)
