"""Keywords of a bot run that only reads the sent log. Portal folders do not use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from robot.api.deco import keyword, library

from billcopy.bot.context import BotRun, current, step
from billcopy.bot.order import StopReason
from billcopy.bot.reconciling import Part, Reconciling

PART_SECONDS = 1800.0  # a log of many pages


@library(scope="GLOBAL", auto_keywords=False)
class SentLog:
    """Hands out what is to be read, and takes what was read."""

    @keyword
    @step
    def next_part_of_the_sent_log(self) -> Part | None:
        """Returns what to read next; None when all was read, or the portal was closed meanwhile."""
        run, reconciling = self._run, self._reconciling
        run.session.keep_token_alive()
        part, closed = reconciling.next_part, reconciling.closed()
        if part is None or closed is not None:
            run.work.stop = closed or StopReason.DRAINED
            return None
        if part.account is not None:
            run.work.masker.remember([part.account])
        run.must_move_within(PART_SECONDS + run.stuck_after_seconds)
        return part

    @keyword
    @step
    def compare_with_our_deliveries(self, log: Mapping[str, Any]) -> None:
        """Has the database judge what was read."""
        run = self._run
        self._reconciling.compare(log, sender=run.work.sender)
        run.session_failures = 0

    @property
    def _reconciling(self) -> Reconciling:
        found = self._run.reconciling
        if found is None:
            raise LookupError("this bot run does not compare the sent log")
        return found

    @property
    def _run(self) -> BotRun:
        return current()
