"""The e-mail form, the send itself, and the log of what was sent.

The send answers with the confirmation page directly, so loading that page again sends again.
"""

from __future__ import annotations

import smtplib
import time
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from sandbox.portal_parts import mailer
from sandbox.portal_parts.middleware import server_error
from sandbox.portal_parts.store import SentItem
from sandbox.portal_parts.users import Session
from sandbox.practice_portal.browsing import known_account, known_invoice
from sandbox.practice_portal.context import APPLICATION, Portal, SignedIn, ThePortal, page

router = APIRouter()


@router.get("/invoices/{number}/email")
def form(request: Request, portal: ThePortal, session: SignedIn, number: str) -> Response:
    """The form, with the address on file filled in."""
    return _form(request, portal, session, number)


@router.post("/invoices/{number}/email")
def send(
    request: Request,
    portal: ThePortal,
    session: SignedIn,
    number: str,
    recipient: Annotated[str, Form()] = "",
) -> Response:
    """Send the copy, then say so."""
    portal.store.add("send_posts")
    recipient = recipient.strip()
    if not mailer.is_address(recipient):
        error = "Please enter an e-mail address." if not recipient else "Not an e-mail address."
        return _form(request, portal, session, number, typed=recipient, error=error)
    invoice = known_invoice(portal, number)
    item = SentItem(
        id=portal.store.next_sent_id(),
        sent_at=time.time(),
        account=invoice["account"],
        invoice=number,
        recipient=recipient,
        sent_by=session.user,
    )
    if not portal.switchboard.take("says_sent_but_did_not"):
        try:
            account = known_account(portal, invoice["account"])
            mailer.send_copy(
                portal.options,
                portal.letterhead,
                account=account,
                invoice=invoice,
                recipient=recipient,
            )
        except (OSError, smtplib.SMTPException):
            error = "The e-mail system is not available. The copy was not sent."
            return _form(request, portal, session, number, typed=recipient, error=error)
        portal.store.add_sent(item)
    if portal.switchboard.take("send_then_crash"):
        return server_error(APPLICATION)
    return page(request, "confirmation.html", session=session, item=item)


@router.get("/sent")
def sent_items(
    request: Request,
    portal: ThePortal,
    session: SignedIn,
    account: str = "",
    page_number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    """What was sent, newest first; all of it, or one account's."""
    account = account.strip()
    found = portal.store.sent_items(
        account or None,
        lag_seconds=portal.lag_seconds,
        page=page_number,
        size=portal.options.page_size,
    )
    return page(request, "sent.html", session=session, found=found, account=account)


def _form(
    request: Request,
    portal: Portal,
    session: Session,
    number: str,
    *,
    typed: str | None = None,
    error: str = "",
) -> Response:
    invoice = known_invoice(portal, number)
    account = known_account(portal, invoice["account"])
    recipient = account["email"] or "" if typed is None else typed
    wrong = portal.switchboard.now.wrong_form
    if wrong == "account":
        account = portal.store.another_account(account["number"])
    elif wrong == "invoice":
        invoice = portal.store.another_invoice(invoice)
    elif wrong == "recipient":
        recipient = "somebody.else@example.com"
    return page(
        request,
        "email.html",
        session=session,
        account=account,
        invoice=invoice,
        action=f"/invoices/{number}/email",
        recipient=recipient,
        error=error,
    )
