"""The faults that strike before or after any page: slowness and server errors."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.portal_parts.switchboard import Switchboard

UNTOUCHED = ("/_sandbox/", "/static/", "/favicon.ico")
_ERROR_PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Runtime Error</title></head>
<body bgcolor="white"><h1>Server Error in '/{}' Application.</h1><hr width="100%" size="1">
<h2><i>Runtime Error</i></h2><p>An application error occurred on the server.</p></body></html>
"""


def server_error(application: str, status: int = 500) -> HTMLResponse:
    """The page of a crash."""
    return HTMLResponse(_ERROR_PAGE.format(application), status_code=status)


def file_to_save() -> Response:
    """A file where a page should be."""
    headers = {"Content-Disposition": 'attachment; filename="copy.pdf"'}
    return Response(b"%PDF-1.4\n", media_type="application/pdf", headers=headers)


class FaultyServer:
    """ASGI middleware around the pages; the switchboard itself is never disturbed."""

    def __init__(self, app: ASGIApp, switchboard: Switchboard[Any], application: str) -> None:
        self._app = app
        self._switchboard = switchboard
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer late, or not at all, or as if nothing were wrong."""
        if scope["type"] != "http" or scope["path"].startswith(UNTOUCHED):
            await self._app(scope, receive, send)
            return
        faults, path = self._switchboard.now, scope["path"]
        slow = faults.latency_ms > 0 and re.search(faults.latency_path, path) is not None
        delay = faults.latency_ms / 1000 if slow else 0.0
        if delay and faults.latency_when == "before":
            await asyncio.sleep(delay)
        if re.search(faults.http_500_path, path) and self._switchboard.take("http_500"):
            error = server_error(self._application, faults.http_500_status or 500)
            await error(scope, receive, send)
            return
        if re.search(faults.download_path, path) and self._switchboard.take("download"):
            await file_to_save()(scope, receive, send)
            return

        async def send_late(message: Message) -> None:
            if message["type"] == "http.response.start":
                await asyncio.sleep(delay)
            await send(message)

        late = delay > 0 and faults.latency_when == "after"
        await self._app(scope, receive, send_late if late else send)
