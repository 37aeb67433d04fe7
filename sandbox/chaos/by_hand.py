"""Bots without Airflow: started one after the other, and rescued, as the DAGs would do it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from billcopy import request_queue
from billcopy.bot import old_bot
from billcopy.bot.launch import launch
from billcopy.bot.order import BotOrder
from billcopy.database import connect_to
from billcopy.errors import BillCopyError
from sandbox.chaos.world import ACTOR, World

PAUSE_SECONDS = 1.0


@contextlib.contextmanager
def bots_at_work(world: World, order: Callable[[], BotOrder], log: Path) -> Iterator[None]:
    """Keep one bot at work and rescue every second; on leaving the bot in hand ends by itself."""
    stop = threading.Event()

    def work() -> None:
        with log.open("a", encoding="utf-8") as file:
            while not stop.is_set():
                reason = launch(order(), on_line=lambda line: print(line, file=file, flush=True))
                print(f"ended: {reason.name}", file=file, flush=True)
                stop.wait(PAUSE_SECONDS)

    def rescue() -> None:
        while not stop.wait(PAUSE_SECONDS):
            with (
                contextlib.suppress(BillCopyError),
                contextlib.closing(connect_to(world.ops)) as connection,
            ):
                request_queue.rescue(connection, actor=ACTOR, end_bot=old_bot.end)

    threads = [threading.Thread(target=one, name=one.__name__) for one in (work, rescue)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
