"""The form for a copy, and the send. It leaves a note on the invoice, and nothing else."""

from __future__ import annotations

import smtplib
import time

from fastapi.responses import HTMLResponse

from sandbox.harbour_portal.browsing import nothing
from sandbox.harbour_portal.visit import APPLICATION, Visit
from sandbox.portal_parts import mailer
from sandbox.portal_parts.middleware import server_error
from sandbox.portal_parts.store import SentItem


def form(visit: Visit) -> HTMLResponse:
    """The form, with the address on file filled in."""
    return _form(visit, visit.view.get("invoice", ""))


def send(visit: Visit) -> HTMLResponse:
    """Send the invoice whose number stands in the form, then say so."""
    portal = visit.portal
    portal.store.add("send_posts")
    number, recipient = visit.control(4), visit.control(5)
    invoice = portal.store.invoice(number)
    account = portal.store.account(invoice["account"]) if invoice else None
    if invoice is None or account is None:
        return nothing(visit)
    if not mailer.is_address(recipient):
        return _form(visit, number, typed=recipient, message="E-mail?")
    item = SentItem(
        id=portal.store.next_sent_id(),
        sent_at=time.time(),
        account=account["number"],
        invoice=number,
        recipient=recipient,
        sent_by=visit.user.user,
    )
    if not portal.switchboard.take("says_sent_but_did_not"):
        try:
            mailer.send_copy(
                portal.options,
                portal.letterhead,
                account=account,
                invoice=invoice,
                recipient=recipient,
            )
        except (OSError, smtplib.SMTPException):
            return _form(visit, number, typed=recipient, message="Mail system not available.")
        portal.store.add_sent(item)
    if portal.switchboard.take("send_then_crash"):
        return server_error(APPLICATION)
    return visit.page("sent.html", "Copy sent", item=item)


def _form(
    visit: Visit, number: str, *, typed: str | None = None, message: str = ""
) -> HTMLResponse:
    store = visit.portal.store
    invoice = store.invoice(number)
    account = store.account(invoice["account"]) if invoice else None
    if invoice is None or account is None:
        return nothing(visit)
    recipient = account["email"] or "" if typed is None else typed
    wrong = visit.portal.switchboard.now.wrong_form
    if wrong == "account":
        account = store.another_account(account["number"])
    elif wrong == "invoice":
        invoice = store.another_invoice(invoice)
    elif wrong == "recipient":
        recipient = "somebody.else@example.com"
    return visit.page(
        "copy.html",
        "Copy by e-mail",
        view={"invoice": number},
        account=account,
        invoice=invoice,
        recipient=recipient,
        message=message,
    )
