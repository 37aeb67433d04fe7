"""What every page needs: the portal's parts, the signed-in session, and the templates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from sandbox.practice_portal.faults import Switchboard, applies
from sandbox.practice_portal.options import Options
from sandbox.practice_portal.store import Store
from sandbox.practice_portal.users import Ended, Session, Users

COOKIE = "BVSESSION"
DATE_FORMAT = "%m/%d/%Y"
TIME_FORMAT = "%m/%d/%Y %I:%M:%S %p"


class SignInNeeded(Exception):
    """There is no session (any more)."""

    def __init__(self, reason: Ended) -> None:
        super().__init__(reason.value)
        self.reason = reason


class NoticeUnread(Exception):
    """The notice after signing in was not continued from."""


class RightMissing(Exception):
    """The user may not do that."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.user)
        self.session = session


@dataclass(frozen=True, kw_only=True)
class Portal:
    """The parts behind the pages."""

    options: Options
    store: Store
    users: Users
    switchboard: Switchboard
    templates: Environment

    @property
    def lag_seconds(self) -> float:
        """How late a row of the sent log shows up just now."""
        lag = self.switchboard.now.sent_log_lag_seconds
        return self.options.sent_log_lag_seconds if lag is None else lag


def templates(options: Options) -> Environment:
    """The page templates, with the portal's own ideas of dates and money."""
    environment = Environment(
        loader=PackageLoader("sandbox.practice_portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    zone = ZoneInfo(options.time_zone)
    environment.filters["day"] = lambda iso: date.fromisoformat(iso).strftime(DATE_FORMAT)
    environment.filters["moment"] = lambda at: datetime.fromtimestamp(at, zone).strftime(
        TIME_FORMAT
    )
    environment.filters["money"] = money
    environment.globals["time_zone"] = options.time_zone
    return environment


def money(pence: int) -> str:
    """Pounds as the old program writes them: a credit has CR behind it, not a sign before it."""
    return f"{abs(pence) / 100:,.2f}" + (" CR" if pence < 0 else "")


def portal_of(request: Request) -> Portal:
    """The portal that answers this request."""
    portal: Portal = request.app.state.portal
    return portal


def session_of(request: Request) -> Session:
    """The session of a page that stands behind the sign-in, notice read or not."""
    portal = portal_of(request)
    found = portal.users.session(request.cookies.get(COOKIE))
    if isinstance(found, Ended):
        raise SignInNeeded(found)
    if portal.switchboard.session_ends_here():
        portal.users.end(found.token)
        raise SignInNeeded(Ended.EXPIRED)
    return found


def signed_in(session: Annotated[Session, Depends(session_of)]) -> Session:
    """The session of an ordinary page; raises if it is still at the notice."""
    if not session.notice_read:
        raise NoticeUnread
    return session


ThePortal = Annotated[Portal, Depends(portal_of)]
AnySession = Annotated[Session, Depends(session_of)]
SignedIn = Annotated[Session, Depends(signed_in)]


def page(
    request: Request,
    template: str,
    *,
    session: Session | None = None,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """Render a page; the faults that every page shows are put in here."""
    portal = portal_of(request)
    faults = portal.switchboard.now
    path = request.url.path
    text = portal.templates.get_template(template).render(
        user=session.user if session else None,
        label=faults.label,
        late_ms=faults.late_button_ms,
        popup=applies(path, where=faults.popup),
        native_alert=applies(path, where=faults.native_alert),
        path=path,
        **values,
    )
    return HTMLResponse(text, status_code=status)
