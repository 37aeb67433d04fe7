"""What a bot must never touch: voiding an invoice, editing a customer. Both change real state.

The service user sees the same links as everybody, as on the old site, and is answered 403.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from sandbox.portal_parts.users import Session
from sandbox.practice_portal.browsing import known_account, known_invoice
from sandbox.practice_portal.context import Portal, RightMissing, SignedIn, ThePortal, page

router = APIRouter()


def _demand(right: str, session: Session, portal: Portal) -> None:
    if not session.may(right):
        portal.store.add("denied")
        raise RightMissing(session)


@router.post("/invoices/{number}/void")
def void(portal: ThePortal, session: SignedIn, number: str) -> Response:
    """Void the invoice, at once and for good."""
    _demand("void", session, portal)
    portal.store.void(known_invoice(portal, number)["number"])
    return RedirectResponse(f"/invoices/{number}", status_code=303)


@router.get("/accounts/{number}/edit")
def edit_form(request: Request, portal: ThePortal, session: SignedIn, number: str) -> Response:
    """The customer's master data, to be changed."""
    _demand("edit", session, portal)
    account = known_account(portal, number)
    return page(request, "edit.html", session=session, account=account)


@router.post("/accounts/{number}/edit")
def edit(
    portal: ThePortal,
    session: SignedIn,
    number: str,
    name: Annotated[str, Form()] = "",
    postcode: Annotated[str, Form()] = "",
    email: Annotated[str, Form()] = "",
) -> Response:
    """Overwrite the customer's master data."""
    _demand("edit", session, portal)
    known_account(portal, number)
    portal.store.edit_customer(
        number, name=name.strip(), postcode=postcode.strip(), email=email.strip() or None
    )
    return RedirectResponse(f"/accounts/{number}/invoices", status_code=303)
