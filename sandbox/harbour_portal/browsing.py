"""Search, hits, invoices, one invoice with its notes; and the one thing that changes it."""

from __future__ import annotations

import sqlite3
import time
from datetime import date, datetime

from fastapi.responses import HTMLResponse

from sandbox.harbour_portal.visit import DATE_FORMAT, View, Visit, bare

SHORTEST_SEARCH = 4


def search(visit: Visit) -> HTMLResponse:
    """The empty search; also where one lands after the sign-on."""
    return visit.page("search.html", "Account search", message="")


def hits(visit: Visit) -> HTMLResponse:
    """Accounts whose number holds the figure anywhere: leading zeros do not count."""
    wanted = visit.view.get("wanted") or bare(visit.control(1))
    if len(wanted) < SHORTEST_SEARCH or not wanted.isdigit():
        return visit.page("search.html", "Account search", message="Figure too short.")
    found = visit.portal.store.search_accounts(
        wanted, page=_page(visit), size=visit.portal.options.page_size
    )
    title = f"Hits, page {found.number}"
    return visit.page("hits.html", title, view={"wanted": wanted}, found=found)


def period(visit: Visit) -> HTMLResponse:
    """The account was chosen; which days?"""
    account = visit.portal.store.account(bare(visit.argument))
    if account is None:
        return nothing(visit)
    view = {"account": account["number"]}
    return visit.page("invoices.html", "Period", view=view, account=account, found=None, message="")


def invoices(visit: Visit) -> HTMLResponse:
    """The account's invoices of the period, page by page."""
    account = visit.portal.store.account(visit.view.get("account", ""))
    if account is None:
        return nothing(visit)
    turned = visit.event == "lnkInvoices"
    first = visit.view.get("first", "") if turned else visit.control(1)
    last = visit.view.get("last", "") if turned else visit.control(2)
    view: View = {"account": account["number"], "first": first, "last": last}
    try:
        found = visit.portal.store.invoices(
            account["number"],
            issued_from=_day(first),
            issued_to=_day(last),
            open_only=False,
            page=_page(visit),
            size=visit.portal.options.page_size,
        )
    except ValueError:
        return visit.page(
            "invoices.html", "Period", view=view, account=account, found=None, message="Date?"
        )
    title = f"Invoices, page {found.number}"
    return visit.page("invoices.html", title, view=view, account=account, found=found, message="")


def quick(visit: Visit) -> HTMLResponse:
    """The field in the menu: an invoice by its number."""
    return _invoice(visit, visit.control(1))


def listed_invoice(visit: Visit) -> HTMLResponse:
    """An invoice out of the list."""
    return _invoice(visit, visit.argument)


def void(visit: Visit) -> HTMLResponse:
    """Void the invoice, at once and for good, for who may; it goes to the address of all else."""
    number = visit.view.get("invoice", "")
    if not visit.user.may("void"):
        visit.portal.store.add("denied")
        return visit.page("nothing.html", "Not permitted", message="", status=403)
    visit.portal.store.void(number)
    return _invoice(visit, number)


def nothing(visit: Visit) -> HTMLResponse:
    """What was asked for is not there."""
    return visit.page("nothing.html", "Nothing found", message="No such entry.")


def _invoice(visit: Visit, number: str) -> HTMLResponse:
    store = visit.portal.store
    invoice = store.invoice(number)
    if invoice is None:
        return nothing(visit)
    return visit.page(
        "invoice.html",
        f"Invoice {number}",
        view={"invoice": number},
        invoice=invoice,
        account=store.account(invoice["account"]),
        sent=_notes(visit, invoice),
    )


def _notes(visit: Visit, invoice: sqlite3.Row) -> list[dict[str, object]]:
    oldest_hidden = time.time() - visit.portal.lag_seconds
    return [
        {"recipient": item.recipient, "at": item.sent_at, "by": item.sent_by.upper()}
        for item in visit.portal.store.all_sent()
        if item.invoice == invoice["number"] and item.sent_at <= oldest_hidden
    ]


def _page(visit: Visit) -> int:
    return int(visit.argument) if visit.argument.isdigit() else 1


def _day(text: str) -> date | None:
    if not text:
        return None
    return datetime.strptime(text, DATE_FORMAT).date()  # noqa: DTZ007  a day has no zone
