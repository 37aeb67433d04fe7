"""Listener: one task per request, for as long as there is something to do.

The suite's second task is a template; it is taken out and appended again after each task that ended
well enough (a deep copy keeps setup, teardown, tags and documentation).

* The claim is the first step *inside* a task, so a task that Robot never runs claims nothing.
* Settling is done here: keywords no longer run after a fatal error or a signal.
* What decides is the error that was recorded, and the database; Robot's PASS proves nothing.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from billcopy.bot import stream
from billcopy.bot.context import current


class RequestStream:
    """See the module."""

    ROBOT_LISTENER_API_VERSION = 3

    def start_suite(self, suite: Any, result: Any) -> None:
        """Take the template out, and learn of a signal before Robot does."""
        self._suite, self._template = suite, suite.tests.pop()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._tell_of(number)

    def _tell_of(self, number: int) -> None:
        before = signal.getsignal(number)

        def noted(received: int, frame: FrameType | None) -> None:
            current().interrupted = True
            if callable(before):
                before(received, frame)

        signal.signal(number, noted)

    def end_test(self, task: Any, result: Any) -> None:
        """Settle what was claimed, and go on or not."""
        run = current()
        request = run.work.request
        if request is not None:
            result.tags.add(f"request-{request.request_id}")
        if stream.task_ended(run, passed=result.passed, message=result.message):
            self._suite.tests.append(self._template.deepcopy())
