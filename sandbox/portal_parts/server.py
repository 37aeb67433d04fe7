"""Run a practice portal: in this process until it is told to stop, or in a thread of a test."""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import httpx
import uvicorn
from fastapi import FastAPI

from sandbox.portal_parts.options import CLERK, SERVICE_USER, Options

# uvicorn's annotation says int; a fraction works and lets the portal end within a second even
# while the latency fault keeps pages waiting.
_GRACE_SECONDS = cast("int", 0.5)
_START_SECONDS = 20


def server(app: FastAPI, *, host: str, port: int) -> uvicorn.Server:
    """A uvicorn server for a portal."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            # The client's address decides about the switchboard: take the real one.
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )


class RunningPortal:
    """A portal running in a thread, and its switchboard for the test's hands."""

    def __init__(self, app: Callable[[], FastAPI], options: Options, *, port: int) -> None:
        self._app = app
        self.options = options
        self.port = port
        self.username = SERVICE_USER
        self.clerk = CLERK
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """The service user's password."""
        return self.options.passwords[SERVICE_USER]

    @property
    def clerk_password(self) -> str:
        """The clerk's password."""
        return self.options.passwords[CLERK]

    def start(self) -> None:
        """Listen (again), with the same data."""
        self._server = server(self._app(), host="127.0.0.1", port=self.port)
        self._thread = threading.Thread(target=self._server.run, name="practice-portal")
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError(f"the practice portal did not start on port {self.port}")
            time.sleep(0.01)

    def stop(self) -> None:
        """Refuse connections; sessions and faults are forgotten, what was sent is not."""
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._client.close()

    def set_faults(self, **faults: Any) -> None:
        """Merge these into the faults in force; raises on an unknown name or value."""
        self._client.put("/_sandbox/faults", json=faults).raise_for_status()

    def faults(self) -> dict[str, Any]:
        """The faults now in force."""
        return self._json("GET", "/_sandbox/faults")

    def clear_faults(self) -> None:
        """Good behaviour again."""
        self._json("DELETE", "/_sandbox/faults")

    def state(self) -> dict[str, Any]:
        """What really happened; see `switchboard_routes.snapshot`."""
        return self._json("GET", "/_sandbox/state")

    @property
    def sent(self) -> list[dict[str, Any]]:
        """Everything sent, also what the pages do not show yet, oldest first."""
        rows: list[dict[str, Any]] = self.state()["sent"]
        return rows

    def reset(self) -> None:
        """The first day again."""
        self._json("POST", "/_sandbox/reset")

    def _json(self, method: str, path: str) -> dict[str, Any]:
        answer = self._client.request(method, path)
        answer.raise_for_status()
        values: dict[str, Any] = answer.json()
        return values


P = TypeVar("P", bound=RunningPortal)


@contextlib.contextmanager
def serving(portal: P) -> Iterator[P]:
    """Start it, and close it at the end."""
    portal.start()
    try:
        yield portal
    finally:
        portal.close()


def new_passwords() -> dict[str, str]:
    """Fresh passwords for the two users a portal knows."""
    return {SERVICE_USER: secrets.token_urlsafe(12), CLERK: secrets.token_urlsafe(12)}


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
