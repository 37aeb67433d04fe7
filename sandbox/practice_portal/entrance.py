"""Sign-in, the notice after it, and sign-out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.portal_parts.users import Answer
from sandbox.practice_portal.context import COOKIE, AnySession, ThePortal, page, signed_in

router = APIRouter()

_REASONS = {
    "none": "",
    "expired": "Your session has expired. Please sign in again.",
    "elsewhere": "Your session was ended because this user ID has signed in somewhere else.",
    "signed-out": "You have signed out.",
}
_REFUSALS = {
    Answer.WRONG: "Sign-in failed. The user ID or the password is not right.",
    Answer.LOCKED: "This user ID is locked. Please call the help desk.",
}


@router.get("/", dependencies=[Depends(signed_in)])
def front_door() -> Response:
    """Whoever is signed in goes to the search."""
    return RedirectResponse("/accounts", status_code=303)


@router.get("/signin")
def sign_in_page(request: Request, reason: str = "none") -> Response:
    """The form, with why one is here."""
    return page(request, "signin.html", message=_REASONS.get(reason, ""), refused="")


@router.post("/signin")
def sign_in(
    request: Request,
    portal: ThePortal,
    user_id: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Start the user's only session."""
    answer, session = portal.users.sign_in(user_id.strip(), password)
    portal.store.add("sign_ins" if session else "sign_ins_refused")
    if session is None:
        return page(request, "signin.html", message="", refused=_REFUSALS[answer])
    response = RedirectResponse("/notice", status_code=303)
    response.set_cookie(COOKIE, session.token, httponly=True, samesite="lax")
    return response


@router.get("/notice")
def notice(request: Request, session: AnySession) -> Response:
    """Something nobody reads, between the sign-in and the work."""
    return page(request, "notice.html", session=session)


@router.post("/notice")
def read_notice(portal: ThePortal, session: AnySession) -> Response:
    """Now the other pages open."""
    portal.store.add("notices_read")
    session.notice_read = True
    return RedirectResponse("/accounts", status_code=303)


@router.get("/signout")
def sign_out(request: Request, portal: ThePortal) -> Response:
    """End the session."""
    portal.users.end(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/signin?reason=signed-out", status_code=303)
    response.delete_cookie(COOKIE)
    return response
