"""Watches, beside a bot at work, whether somebody has paused its DAG.

Airflow itself only starts nothing new in a paused DAG. The task asks its supervisor, which asks the
API server: the same way as for a connection or an XCom, with no right that the task has not anyway.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

logger = logging.getLogger(__name__)

EVERY_SECONDS = 10.0


def dag_is_paused(context: Mapping[str, Any]) -> bool:
    """Whether the DAG of this task is paused now."""
    return bool(context["ti"].get_dag(context["dag_run"].dag_id).is_paused)


@contextlib.contextmanager
def watching(
    is_paused: Callable[[], bool], *, then: Callable[[], None]
) -> Iterator[threading.Event]:
    """Ask every ten seconds; the first time it is so, set the event and call `then`.

    An API server that does not answer is asked again: a bot is not ended on a suspicion.
    """
    paused, over = threading.Event(), threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(is_paused, then, paused, over), name="pause-watch", daemon=True
    )
    watcher.start()
    try:
        yield paused
    finally:
        over.set()


def _watch(
    is_paused: Callable[[], bool],
    then: Callable[[], None],
    paused: threading.Event,
    over: threading.Event,
) -> None:
    failing = False
    while not over.wait(EVERY_SECONDS):
        try:
            now = is_paused()
        except Exception as error:  # whatever the API server's silence looks like here
            if not failing:
                logger.warning(
                    "Whether the DAG is paused cannot be asked: %s", type(error).__name__
                )
            failing = True
            continue
        failing = False
        if now and not over.is_set():
            paused.set()
            then()
            return
