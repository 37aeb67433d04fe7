"""The application: its pages, who may see them, and what is said when something does not work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from billcopy.database import Connection
from billcopy.desk import list_pages, rendering, request_pages, upload_pages
from billcopy.desk.access import Person
from billcopy.errors import DatabaseUnavailable, NotFound, NotPermitted

log = logging.getLogger(__name__)
MAX_FORM_BYTES = 64 * 1024
MAX_UPLOAD_BYTES = 11 * 1024 * 1024


def create_app(
    *,
    person: Callable[..., Person],
    connect: Callable[[], AbstractContextManager[Connection]],
    connect_operations: Callable[[], AbstractContextManager[Connection]],
    sign_in_url: Callable[[str], str],
    origins: Collection[str] = (),
    evidence_url: str | None = None,
) -> FastAPI:
    """The desk.

    Args:
        person: FastAPI dependency that gives who is signed in and may read; it raises an
            HTTPException 401 or 403 where nobody is signed in, NotPermitted where they may not.
        connect: opens a connection of the login `billcopy_desk`.
        connect_operations: opens one of `billcopy_ops`; used only to decide about doubtful bills.
        sign_in_url: where to sign in, given the path and query to come back to.
        origins: addresses of the desk as browsers see it, where a proxy changes the host.
        evidence_url: where the bot's covered pictures lie; None: the desk shows none.
    """
    app = FastAPI(title="Bill copies", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.connect = connect
    app.state.connect_operations = connect_operations
    app.state.origins = tuple(origins)
    app.state.last_portals = []
    app.state.evidence_url = evidence_url

    def remember(request: Request, found: Person = Depends(person)) -> None:  # noqa: B008
        request.state.desk_person = found

    for pages in (list_pages, request_pages, upload_pages):
        app.include_router(pages.router, dependencies=[Depends(remember)])
    app.mount("/static", StaticFiles(directory=rendering.FOLDER / "static"))
    _answer_errors(app, sign_in_url)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Any]) -> Response:
        largest = MAX_UPLOAD_BYTES if request.url.path.endswith("/file") else MAX_FORM_BYTES
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > largest or "transfer-encoding" in request.headers:
            return PlainTextResponse("That is too much.", 413, rendering.HEADERS)
        answer: Response = await call_next(request)
        for name, value in rendering.HEADERS.items():
            answer.headers.setdefault(name, value)
        if request.scope["path"].endswith((".css", ".js")):
            answer.headers["Cache-Control"] = "max-age=86400"
        return answer

    return app


def _answer_errors(app: FastAPI, sign_in_url: Callable[[str], str]) -> None:
    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code in (401, 403):  # only the access dependency says so
            if request.method != "GET" or "x-live" in request.headers:
                words = "You are signed out. Sign in again in another tab, then repeat this."
                return rendering.trouble(request, status=401, title="Signed out", words=words)
            back_to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(sign_in_url(back_to), 303, rendering.HEADERS)
        return nothing_here(request)

    @app.exception_handler(RequestValidationError)
    async def not_understood(request: Request, _: RequestValidationError) -> Response:
        return nothing_here(request)

    @app.exception_handler(NotPermitted)
    async def not_permitted(request: Request, error: NotPermitted) -> Response:
        return rendering.trouble(request, status=403, title="Not allowed", words=error.message)

    @app.exception_handler(NotFound)
    async def not_found(request: Request, _: NotFound) -> Response:
        return nothing_here(request)

    @app.exception_handler(DatabaseUnavailable)
    async def no_database(request: Request, error: DatabaseUnavailable) -> Response:
        log.warning("%s %s: %s", request.method, request.url.path, error.message)
        return rendering.trouble(
            request,
            status=503,
            title="The database does not answer",
            words="Nothing is lost, what was logged before is kept. Please try again in a minute;"
            " if it stays so, tell operations.",
            headers={"Retry-After": "15"},
        )

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> Response:
        words = "Something unexpected happened. Look at the list whether your change is there"
        return rendering.trouble(
            request,
            status=500,
            title="That did not work",
            words=f"{words}, then try again; if it stays so, tell operations.",
        )


def nothing_here(request: Request) -> Response:
    """There is no such page."""
    words = "There is no such request or page. Search for it by its number on the list."
    return rendering.trouble(request, status=404, title="Nothing here", words=words)
