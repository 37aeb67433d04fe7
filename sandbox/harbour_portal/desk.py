"""The addresses: the frameset, the menu, and `/desk.aspx`, which does everything else.

What is meant stands in `__EVENTTARGET`; a page knows what it is about from `__VIEWSTATE`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from sandbox.harbour_portal import browsing, sending
from sandbox.harbour_portal.visit import APPLICATION, View, ViewTampered, Visit, opened, sealed
from sandbox.portal_parts.behind import AnyPortal, SignInNeeded
from sandbox.portal_parts.middleware import server_error
from sandbox.portal_parts.users import Answer, Ended

router = APIRouter()

Action = Callable[[Visit], HTMLResponse]
ACTIONS: dict[str, Action] = {
    "mnuAccounts": browsing.search,
    "mnuQuick": browsing.quick,
    "btnFind": browsing.hits,
    "lnkHits": browsing.hits,
    "lnkAccount": browsing.period,
    "btnShow": browsing.invoices,
    "lnkInvoices": browsing.invoices,
    "lnkInvoice": browsing.listed_invoice,
    "lnkVoid": browsing.void,
    "lnkCopy": sending.form,
    "btnSend": sending.send,
}
_REASONS = {
    Ended.NONE: "",
    Ended.EXPIRED: "Session ended. Please sign on again.",
    Ended.ELSEWHERE: "Session ended: the same user has signed on elsewhere.",
}
_REFUSALS = {
    Answer.WRONG: "Sign-on refused: user or password not valid.",
    Answer.LOCKED: "Sign-on refused: user is locked.",
}


async def form_fields(request: Request) -> dict[str, str]:
    """The posted form, as text."""
    return {name: str(value) for name, value in (await request.form()).items()}


@router.get("/")
def frameset(portal: AnyPortal) -> Response:
    """Two frames, and nothing of its own."""
    return HTMLResponse(portal.templates.get_template("frameset.html").render())


@router.get("/menu.aspx")
def menu(portal: AnyPortal) -> Response:
    """The menu; whatever is clicked here shows in the other frame."""
    return HTMLResponse(portal.templates.get_template("menu.html").render(state=sealed({})))


@router.get("/desk.aspx")
def first_page(request: Request, portal: AnyPortal) -> Response:
    """The search for who is signed on, the sign-on for everybody else."""
    visit = Visit(request=request, portal=portal, fields={}, view={})
    try:
        portal.session_of(request)
    except SignInNeeded as needed:
        return _sign_on(visit, _REASONS[needed.reason])
    return browsing.search(visit)


@router.post("/desk.aspx")
def postback(
    request: Request, portal: AnyPortal, fields: Annotated[dict[str, str], Depends(form_fields)]
) -> Response:
    """Everything that is ever clicked."""
    visit = Visit(request=request, portal=portal, fields=fields, view={})
    if visit.event == "btnLogon":
        return _signed_on(visit)
    if visit.event == "mnuLogoff":
        portal.users.end(request.cookies.get(portal.cookie, ""))
        return _sign_on(visit, "You have signed off.")
    try:
        session = portal.session_of(request)
        view: View = opened(fields.get("__VIEWSTATE", ""))
    except SignInNeeded as needed:
        return _sign_on(visit, _REASONS[needed.reason])
    except ViewTampered:
        return server_error(APPLICATION)
    action = ACTIONS.get(visit.event, browsing.search)
    return action(Visit(request=request, portal=portal, fields=fields, view=view, session=session))


def _sign_on(visit: Visit, message: str) -> HTMLResponse:
    return visit.page("sign_on.html", "Sign-on", message=message)


def _signed_on(visit: Visit) -> HTMLResponse:
    portal = visit.portal
    answer, session = portal.users.sign_in(visit.control(1), visit.fields.get("ctl2", ""))
    portal.store.add("sign_ins" if session else "sign_ins_refused")
    if session is None:
        return _sign_on(visit, _REFUSALS[answer])
    response = browsing.search(visit)
    response.set_cookie(portal.cookie, session.token, httponly=True, samesite="lax")
    return response
