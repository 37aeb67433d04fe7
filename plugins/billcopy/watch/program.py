"""`python -m billcopy watch`: a pass every minute, `/health` and `/metrics`, and a ping to outside.

It lives without Airflow. If the database is gone it says so at `/health` and stays silent to the
dead-man's switch, so that somebody outside notices; the same happens when it dies itself, or when
a channel takes no alarms.
"""

from __future__ import annotations

import contextlib
import threading
import urllib.request
from collections.abc import Callable, Sequence

from billcopy import database, request_queue
from billcopy.database import Connection
from billcopy.errors import BillCopyError
from billcopy.settings import Settings
from billcopy.watch import health, metrics, notify, passes, server
from billcopy.watch.notify import Channel
from billcopy.watch.passes import Look

PING_SECONDS = 10

Say = Callable[[str], None]


class Watcher:
    """Keeps a connection and what the last pass saw."""

    def __init__(self, settings: Settings, channels: Sequence[Channel], *, say: Say) -> None:
        self.look: Look | None = None
        self._settings = settings
        self._channels = channels
        self._say = say
        self._said = ""
        self._connection: Connection | None = None
        self._tells = False

    def once(self) -> Look:
        """One pass, and the ping if all went well; raises nothing that the next pass may mend."""
        try:
            connection = self._connected()
            self.look = passes.watch_once(
                connection, self._settings, self._channels, tells=self._tells
            )
        except BillCopyError as error:
            self.close()
            self.look = Look(problem=f"{error.code}: {error.message}")
        except Exception as error:
            self.close()
            self.look = Look(problem=f"UNEXPECTED: {type(error).__name__}: {error}")
        self._say_what_changed(self.look)
        if self.look.problem is None and not self.look.untold:
            self._ping()
        return self.look

    def close(self) -> None:
        """Close the connection; also a second time."""
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
        self._connection, self._tells = None, False

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = database.connect(self._settings, database.Login.WATCH)
        if not self._tells:
            self._tells = request_queue.take_watch(self._connection)
        return self._connection

    def _ping(self) -> None:
        if self._settings.ping_url is None:
            return
        try:
            with urllib.request.urlopen(self._settings.ping_url, timeout=PING_SECONDS):  # noqa: S310
                pass
        except (OSError, ValueError) as error:
            self._say(f"the dead-man's switch does not answer ({type(error).__name__})")

    def _say_what_changed(self, look: Look) -> None:
        open_ones = [f"alarm {one['alarm_id']}: {one['text']}" for one in look.alarms]
        untold = [f"{name} takes nothing: {error}" for name, error in look.untold.items()]
        standby = [] if look.tells or look.problem else ["another watch tells; this one only looks"]
        lines = [look.problem] if look.problem else [*standby, *open_ones, *untold]
        said = "\n".join(filter(None, lines)) or "all is well"
        if said != self._said:
            self._say(said)
        self._said = said


def run(settings: Settings, *, stop: threading.Event, say: Say) -> None:
    """Watch until `stop` is set.

    Raises:
        SettingsError: a channel or the port is not well set.
    """
    watcher = Watcher(settings, notify.channels(settings), say=say)
    shown = server.pages(
        health=lambda: health.health(watcher.look, settings),
        metrics=metrics.exposition(lambda: watcher.look),
    )
    with (
        contextlib.closing(watcher),
        server.serving(settings.watch_host, settings.watch_port, shown) as url,
    ):
        say(f"{url}/health  {url}/metrics")
        while True:
            watcher.once()
            if stop.wait(settings.watch_seconds):
                return
