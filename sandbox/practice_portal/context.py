"""What every page needs: the signed-in session, and the templates with their faults."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse

from sandbox.portal_parts import behind
from sandbox.portal_parts.behind import SignInNeeded, portal_of
from sandbox.portal_parts.mailer import Letterhead
from sandbox.portal_parts.switchboard import applies
from sandbox.portal_parts.users import Session
from sandbox.practice_portal.faults import Faults

__all__ = ["SignInNeeded", "portal_of"]

APPLICATION = "BillView"
COOKIE = "BVSESSION"
DATE_FORMAT = "%m/%d/%Y"
TIME_FORMAT = "%m/%d/%Y %I:%M:%S %p"
LETTERHEAD = Letterhead(bank="Fernmoor Bank", domain="fernmoor-bank.example", dates=DATE_FORMAT)

Portal = behind.Portal[Faults]


class NoticeUnread(Exception):
    """The notice after signing in was not continued from."""


class RightMissing(Exception):
    """The user may not do that."""

    def __init__(self, session: Session) -> None:
        super().__init__(session.user)
        self.session = session


ThePortal = Annotated[Portal, Depends(portal_of)]


def session_of(request: Request, portal: ThePortal) -> Session:
    """The session of a page that stands behind the sign-in, notice read or not."""
    return portal.session_of(request)


def signed_in(session: Annotated[Session, Depends(session_of)]) -> Session:
    """The session of an ordinary page; raises if it is still at the notice."""
    if not session.notice_read:
        raise NoticeUnread
    return session


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
    portal: Portal = portal_of(request)
    faults = portal.switchboard.now
    path = request.url.path
    text = portal.templates.get_template(template).render(
        user=session.user if session else None,
        label=faults.label,
        late_ms=faults.late_button_ms,
        rerender_ms=faults.rerender_ms,
        popup_title=faults.popup_title,
        popup=applies(path, where=faults.popup),
        native_alert=applies(path, where=faults.native_alert),
        path=path,
        **values,
    )
    return HTMLResponse(text, status_code=status)
