"""Keeps the lease on the request in hand alive, from a thread and on a connection of its own.

A bot that hangs in the browser still renews; one that is frozen or dead does not, and loses its
lease. The database never extends a lease past the attempt's deadline, so a hang ends, too.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from datetime import timedelta

from billcopy import request_queue
from billcopy.bot.connection import open_connection
from billcopy.bot.order import DatabaseAccess
from billcopy.database import Connection
from billcopy.errors import BillCopyError, DatabaseUnavailable, LeaseLost
from billcopy.model import ClaimedRequest

logger = logging.getLogger(__name__)

_RETRY_SECONDS = 0.5


class LeaseKeeper:
    """`hold` a request, `let_go` of it; in between its lease is renewed."""

    def __init__(self, access: DatabaseAccess, *, renew_every: timedelta) -> None:
        self._access = access
        self._renew_every = renew_every.total_seconds()
        self._changed = threading.Condition()
        self._request: ClaimedRequest | None = None
        self._stopping = False
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="lease-keeper", daemon=True)
        self._thread.start()

    def hold(self, request: ClaimedRequest) -> None:
        """Renew this request's lease from now on."""
        with self._changed:
            self._request = request
            self._changed.notify()

    def let_go(self) -> None:
        """Renew nothing until the next `hold`."""
        with self._changed:
            self._request = None
            self._changed.notify()

    def stop(self) -> None:
        """End the thread; a renewal under way is waited for."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        wait: float | None = None
        while True:
            with self._changed:
                if not self._stopping:
                    self._changed.wait(wait)
                if self._stopping:
                    break
                request = self._request
            wait = None if request is None else self._renew(request)
        if self._connection is not None:
            self._connection.close()

    def _renew(self, request: ClaimedRequest) -> float | None:
        """Renew once; how long to wait before the next time, None for never."""
        try:
            if self._connection is None:
                self._connection = open_connection(self._access)
            request_queue.renew(self._connection, request)
            return self._renew_every
        except LeaseLost:
            return None  # begin_delivery will say so where it matters
        except DatabaseUnavailable:
            with contextlib.suppress(Exception):
                if self._connection is not None:
                    self._connection.close()
            self._connection = None
            return _RETRY_SECONDS
        except BillCopyError as error:
            logger.warning("The lease could not be renewed: %s", error.code)
            return _RETRY_SECONDS
