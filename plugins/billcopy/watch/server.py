"""The watch's own web server: `/health` and `/metrics`, nothing else, nothing to be changed."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from billcopy.errors import SettingsError
from billcopy.settings import PREFIX
from billcopy.watch.metrics import CONTENT_TYPE

Pages = dict[str, Callable[[], tuple[int, str, bytes]]]


def pages(health: Callable[[], dict[str, Any]], metrics: Callable[[], bytes]) -> Pages:
    """What stands at which path: status, content type, body."""

    def health_page() -> tuple[int, str, bytes]:
        said = health()
        status = 200 if said["status"] == "ok" else 503
        return status, "application/json", (json.dumps(said, indent=2) + "\n").encode()

    return {"/health": health_page, "/metrics": lambda: (200, CONTENT_TYPE, metrics())}


@contextlib.contextmanager
def serving(host: str, port: int, shown: Pages) -> Iterator[str]:
    """Serve in a thread of its own until leaving; gives the address. Port 0: any that is free.

    Raises:
        SettingsError: the port is taken, or the host is none of ours.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers GET, and knows no other method."""

        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            """One of the pages, or 404."""
            page = shown.get(self.path.partition("?")[0])
            status, kind, body = page() if page else (404, "text/plain", b"not here\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a probe asks every few seconds."""

    try:
        server = http.server.ThreadingHTTPServer((host, port), Handler)
    except OSError as problem:
        rule = f"{host}:{port} cannot be used ({problem.strerror})"
        raise SettingsError(f"{PREFIX}WATCH_PORT", rule) from None
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="watch", daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
