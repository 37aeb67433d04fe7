"""The harbour portal as an ASGI application: a frameset, a menu, and one address for the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from sandbox.harbour_portal import desk
from sandbox.harbour_portal.visit import (
    APPLICATION,
    COOKIE,
    LETTERHEAD,
    TIME_FORMAT,
    kind_code,
    padded,
    surname_first,
)
from sandbox.portal_parts import behind, switchboard_routes
from sandbox.portal_parts.middleware import FaultyServer
from sandbox.portal_parts.options import Options
from sandbox.portal_parts.switchboard import CommonFaults


def create_app(options: Options) -> FastAPI:
    """A portal with these options; its data file is closed when the server stops."""
    portal = behind.portal(
        options,
        package="sandbox.harbour_portal",
        cookie=COOKIE,
        letterhead=LETTERHEAD,
        neutral=CommonFaults(),
        times=TIME_FORMAT,
    )
    portal.templates.filters.update(padded=padded, surname_first=surname_first, kind=kind_code)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        portal.store.close()

    app = FastAPI(
        title=APPLICATION, openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan
    )
    app.state.portal = portal
    app.include_router(desk.router)
    app.include_router(switchboard_routes.router)
    app.add_middleware(FaultyServer, switchboard=portal.switchboard, application=APPLICATION)
    return app
