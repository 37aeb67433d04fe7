"""The server over HTTP: one FastAPI application, on loopback only."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response

from sandbox.secrets_server import approle, kv, system, tokens
from sandbox.secrets_server.core import Core
from sandbox.secrets_server.state import Clock
from sandbox.secrets_server.wire import Call, Operation, Refusal, seconds

HOST = "127.0.0.1"
LARGEST_BODY = 1 << 20
START_TIMEOUT_SECONDS = 10
# The order counts: a KV mount may have any name that is not taken by the others.
ROUTES = (*system.ROUTES, *approle.ROUTES, *tokens.ROUTES, *kv.ROUTES)
OPERATIONS: dict[str, Operation] = {
    "GET": "read",
    "HEAD": "read",
    "POST": "update",
    "PUT": "update",
    "DELETE": "delete",
    "LIST": "list",
}


async def _call(request: Request, path: str) -> tuple[Call, bool]:
    """The request as a call, and whether its body or headers could not be read."""
    operation = OPERATIONS[request.method]
    if operation == "read" and request.query_params.get("list") == "true":
        operation = "list"
    body = await request.body()
    malformed = len(body) > LARGEST_BODY
    data: Any = {}
    wrap_ttl = 0
    try:
        data = json.loads(body) if body.strip() and not malformed else {}
        wrap_ttl = seconds(request.headers.get("x-vault-wrap-ttl"), "X-Vault-Wrap-TTL")
    except (ValueError, Refusal):
        malformed = True
    if not isinstance(data, dict):
        data, malformed = ({}, malformed or data is not None)
    call = Call(
        operation=operation,
        path=path,
        data=data,
        query=dict(request.query_params),
        token=request.headers.get("x-vault-token", ""),
        wrap_ttl=wrap_ttl,
    )
    return call, malformed


def application(core: Core) -> FastAPI:
    """The HTTP application around a core."""
    app = FastAPI(title="Secrets server of the sandbox", docs_url=None, openapi_url=None)

    @app.api_route("/v1/{path:path}", methods=list(OPERATIONS))
    async def answer(request: Request, path: str) -> Response:
        call, malformed = await _call(request, path)
        status, body = core.handle(call, malformed=malformed)
        if body is None:
            return Response(status_code=status)
        # Exactly this content type: hvac reads the errors of no other.
        content = json.dumps(body).encode()
        return Response(content, status_code=status, headers={"Content-Type": "application/json"})

    return app


@dataclass(frozen=True, kw_only=True)
class SecretsServer:
    """A running server; for a person: its address and where its files are."""

    url: str
    directory: Path
    root_token: str = field(repr=False)
    unseal_key: str = field(repr=False)
    clock: Clock = field(repr=False)
    core: Core = field(repr=False)

    @property
    def audit_file(self) -> Path:
        """JSON lines; see `audit`."""
        return self.core.audit_path

    def audit(self) -> list[dict[str, Any]]:
        """The audit file's lines, oldest first."""
        return [json.loads(line) for line in self.audit_file.read_text().splitlines()]

    def seal(self) -> None:
        """Seal, as an operator would in an emergency."""
        self.core.seal()

    def unseal(self) -> None:
        """Unseal again, with the key of the folder."""
        self.core.unseal(self.unseal_key)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)  # already now: whoever finds the files may connect and wait
    except OSError as error:
        listener.close()
        message = f"port {port} of {HOST} cannot be taken ({error.strerror}); choose another"
        raise OSError(error.errno, message) from None
    return listener


@contextlib.contextmanager
def running(directory: Path, port: int = 0, clock: Clock | None = None) -> Iterator[SecretsServer]:
    """A server in a thread of this process, stopped on leaving.

    Args:
        directory: keeps state, audit file, root token and unseal key; made (0700) if missing. A
            server started on it again knows what it knew, and is unsealed.
        port: TCP port on loopback; 0 takes a free one.
        clock: its time; by default the machine's.

    Raises:
        OSError: the port is taken.
    """
    clock = clock or Clock()
    listener = _listen(port)
    with contextlib.closing(listener):
        core = Core(directory, ROUTES, clock)
        config = uvicorn.Config(
            application(core),
            http="h11",  # the faster parser does not know the method LIST
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listener]}, name="secrets-server", daemon=True
        )
        thread.start()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                message = "the secrets server did not start"
                raise RuntimeError(message)
            time.sleep(0.01)
        try:
            yield SecretsServer(
                url=f"http://{HOST}:{listener.getsockname()[1]}",
                directory=directory,
                root_token=(directory / "root_token").read_text(),
                unseal_key=(directory / "unseal_key").read_text(),
                clock=clock,
                core=core,
            )
        finally:
            server.should_exit = True
            thread.join(timeout=5)
