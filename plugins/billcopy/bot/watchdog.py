"""Ends a bot that stands still where nothing else would: a frozen browser answers no keyword.

With a request in hand the attempt's deadline ends it; while signing in, and between requests, there
is no lease and so no rescue, but the portal's lock is held. The watchdog first ends the browser,
which ends the keyword that waits for it; if even that moves nothing, the process.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator

from billcopy.bot.context import BotRun
from billcopy.bot.order import StopReason

LOOK_EVERY_SECONDS = 1.0
LAST_GRACE_SECONDS = 30.0


@contextlib.contextmanager
def watching(run: BotRun) -> Iterator[None]:
    """Watch over a bot run as long as the body goes on."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(run, over), name="watchdog", daemon=True)
    run.must_move_within(run.stuck_after_seconds)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _watch(run: BotRun, over: threading.Event) -> None:
    while not over.wait(LOOK_EVERY_SECONDS):
        if time.monotonic() < run.must_move_by:
            continue
        run.work.say("nothing has moved for too long; ending the browser")
        run.must_move_within(LAST_GRACE_SECONDS)
        run.kill_browser()
        moved_by = run.must_move_by
        while not over.wait(LOOK_EVERY_SECONDS) and run.must_move_by == moved_by:
            if time.monotonic() >= moved_by:
                run.work.say("the bot itself stands still; ending it")
                os._exit(StopReason.INFRASTRUCTURE.value)
