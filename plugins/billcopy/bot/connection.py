"""The bot's writing connection: it holds the portal's lock, so it is the right to one session.

When it is lost, it is opened again and the lock re-taken before anything else is written; a lock
that somebody else holds by then ends the bot run.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Concatenate, ParamSpec, TypeVar

from billcopy import database, request_queue
from billcopy.bot.order import DatabaseAccess
from billcopy.database import Connection
from billcopy.errors import DatabaseUnavailable, PortalLockBusy

P = ParamSpec("P")
R = TypeVar("R")

_LOCK_POLL_SECONDS = 0.5
_UNANSWERED_MILLISECONDS = 20_000  # a server that acknowledges nothing for so long is gone


def open_connection(access: DatabaseAccess) -> Connection:
    """A connection as the bot's login.

    Raises:
        DatabaseUnavailable: no answer.
    """
    return database.connect_to({**asdict(access), "tcp_user_timeout": _UNANSWERED_MILLISECONDS})


class PortalConnection:
    """One connection, one portal lock. Not for use by several threads."""

    def __init__(self, access: DatabaseAccess, portal: str, *, lock_wait_seconds: float) -> None:
        """`lock_wait_seconds`: how long to wait for another bot to end, or the database to return.

        Raises:
            DatabaseUnavailable: no answer.
        """
        self._access = access
        self._portal = portal
        self._lock_wait_seconds = lock_wait_seconds
        self._locked = False
        self._given_up = False
        self._connection = open_connection(access)

    def close(self) -> None:
        """Close it, and with it the lock; also a second time."""
        self._connection.close()

    def take_lock(self) -> None:
        """Become the one bot of this portal, waiting for another one to end.

        Raises:
            PortalLockBusy: it did not end in time.
        """
        give_up_at = time.monotonic() + self._lock_wait_seconds
        while not request_queue.take_portal_lock(self._connection, self._portal):
            if time.monotonic() >= give_up_at:
                raise PortalLockBusy
            time.sleep(_LOCK_POLL_SECONDS)
        self._locked = True
        with database.translated_errors(), self._connection.cursor() as cursor:
            cursor.execute(database.named_query("listen_for_requests"))

    def once(
        self,
        function: Callable[Concatenate[Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Call a function of the queue; a lost answer is not asked for again.

        Raises:
            DatabaseUnavailable: whether it happened is unknown.
        """
        return function(self._connection, *args, **kwargs)

    def repeatable(
        self,
        function: Callable[Concatenate[Connection, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Call a function that may be repeated with the same values; a lost answer is asked again.

        Raises:
            DatabaseUnavailable: not even after a reconnect.
            PortalLockBusy: after the reconnect another bot held the portal.
        """
        try:
            return function(self._connection, *args, **kwargs)
        except DatabaseUnavailable:
            if self._given_up:
                raise
            self._reconnect()
            return function(self._connection, *args, **kwargs)

    def wait_for_news(self, seconds: float) -> None:
        """Sleep until the queue says that something came in for this portal, or time is over.

        Raises:
            DatabaseUnavailable: the connection is gone.
        """
        with database.translated_errors():
            self._connection.poll()
            if not self._news():
                readable, _, _ = select.select([self._connection], [], [], seconds)
                if readable:
                    self._connection.poll()
                    self._news()

    def _news(self) -> bool:
        payloads = [notice.payload for notice in self._connection.notifies]
        self._connection.notifies.clear()
        return self._portal in payloads

    def _reconnect(self) -> None:
        give_up_at = time.monotonic() + self._lock_wait_seconds
        self._connection.close()
        self._given_up = True  # unless it comes back: nobody waits for it a second time
        while True:
            try:
                self._connection = open_connection(self._access)
                break
            except DatabaseUnavailable:
                if time.monotonic() >= give_up_at:
                    raise
                time.sleep(_LOCK_POLL_SECONDS)
        if self._locked:
            self.take_lock()
        self._given_up = False
