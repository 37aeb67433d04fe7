"""Listener: nothing personal reaches Robot's output, at whatever log level.

It runs before the output file is written. Log messages are dropped unless they are our own; failure
messages are reduced to lines that cannot show page content; values of loops are hidden.
"""

from __future__ import annotations

from typing import Any

from billcopy.bot.context import current, error_prefixes
from billcopy.masking import MASK, WITHHELD

_LOUD = ("WARN", "ERROR", "FAIL")


class Redaction:
    """See the module."""

    ROBOT_LISTENER_API_VERSION = 3
    ROBOT_LISTENER_PRIORITY = 1000  # before any other listener

    def __init__(self) -> None:
        self._ours = error_prefixes()

    def log_message(self, message: Any) -> None:
        """Keep failures, reduced; drop all else: it quotes arguments, return values and pages."""
        message.html = False
        if message.level in _LOUD:
            message.message = self._reduced(message.message)
        else:
            message.message = None

    def message(self, message: Any) -> None:
        """Robot's own words about the run; warnings of keywords come here, too."""
        message.html = False
        if message.level in ("WARN", "ERROR"):
            message.message = self._reduced(message.message or WITHHELD)

    def end_keyword(self, data: Any, result: Any) -> None:
        """Hide values in a keyword's arguments, reduce why it failed."""
        masker = current().work.masker
        result.args = [masker.masked(str(one)) for one in result.args]
        self._reduce(result)

    def end_body_item(self, data: Any, result: Any) -> None:
        """Reduce why a control structure failed."""
        self._reduce(result)

    end_for = end_while = end_while_iteration = end_if = end_if_branch = end_body_item
    end_try = end_try_branch = end_var = end_return = end_group = end_body_item

    def end_for_iteration(self, data: Any, result: Any) -> None:
        """Hide what the loop went over."""
        result.assign = dict.fromkeys(result.assign, MASK)
        self._reduce(result)

    def end_test(self, data: Any, result: Any) -> None:
        """Reduce why a task failed."""
        self._reduce(result)

    def end_suite(self, data: Any, result: Any) -> None:
        """Reduce why the suite's teardown failed."""
        self._reduce(result)

    def _reduce(self, result: Any) -> None:
        if result.message and (reduced := self._reduced(result.message)) != result.message:
            result.message = reduced

    def _reduced(self, message: str) -> str:
        return current().work.masker.failure(message, ours=self._ours)
