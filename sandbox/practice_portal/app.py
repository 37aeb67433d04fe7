"""The practice portal as an ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from sandbox.portal_parts import behind, switchboard_routes
from sandbox.portal_parts.middleware import FaultyServer
from sandbox.practice_portal import browsing, editing, entrance, sending
from sandbox.practice_portal.context import (
    APPLICATION,
    COOKIE,
    LETTERHEAD,
    TIME_FORMAT,
    NoticeUnread,
    RightMissing,
    SignInNeeded,
    page,
)
from sandbox.practice_portal.faults import Faults
from sandbox.practice_portal.options import Options

_STATIC = Path(__file__).with_name("static")


def create_app(options: Options) -> FastAPI:
    """A portal with these options; its data file is closed when the server stops."""
    portal = behind.portal(
        options,
        package="sandbox.practice_portal",
        cookie=COOKIE,
        letterhead=LETTERHEAD,
        neutral=Faults(),
        times=TIME_FORMAT,
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        portal.store.close()

    app = FastAPI(
        title="BillView", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.portal = portal
    for part in (entrance, browsing, editing, sending, switchboard_routes):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=_STATIC))
    app.add_middleware(FaultyServer, switchboard=portal.switchboard, application=APPLICATION)
    app.add_exception_handler(SignInNeeded, _to_sign_in)
    app.add_exception_handler(NoticeUnread, _to_notice)
    app.add_exception_handler(RightMissing, _no_right)
    app.add_exception_handler(HTTPException, _http_error)
    return app


def _to_sign_in(_request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInNeeded)
    return RedirectResponse(f"/signin?reason={error.reason.value}", status_code=303)


def _to_notice(_request: Request, _error: Exception) -> Response:
    return RedirectResponse("/notice", status_code=303)


def _no_right(request: Request, error: Exception) -> Response:
    assert isinstance(error, RightMissing)
    title, text = "Not permitted", "Your user ID does not have the right to do this."
    return page(request, "message.html", session=error.session, status=403, title=title, text=text)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/_sandbox"):
        return await http_exception_handler(request, error)
    title = "Page not found" if error.status_code == 404 else "Not possible"
    text = "The page or record you asked for does not exist."
    return page(request, "message.html", status=error.status_code, title=title, text=text)
