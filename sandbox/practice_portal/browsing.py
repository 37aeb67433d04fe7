"""The pages for reading: account search, invoice list, invoice."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response

from sandbox.practice_portal.context import DATE_FORMAT, Portal, SignedIn, ThePortal, page

router = APIRouter()

SHORTEST_SEARCH = 3


@router.get("/accounts")
def accounts(
    request: Request,
    portal: ThePortal,
    session: SignedIn,
    q: str | None = None,
    page_number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    """Search by digits anywhere in the account number; the list shows even for one hit."""
    digits = (q or "").strip()
    error, found = "", None
    if q is not None and (len(digits) < SHORTEST_SEARCH or not digits.isdigit()):
        error = f"Please enter at least {SHORTEST_SEARCH} digits of the account number."
    elif q is not None:
        found = portal.store.search_accounts(
            digits, page=page_number, size=portal.options.page_size
        )
    return page(request, "accounts.html", session=session, q=digits, error=error, found=found)


@router.get("/accounts/{number}/invoices")
def invoices(
    request: Request,
    portal: ThePortal,
    session: SignedIn,
    number: str,
    date_from: Annotated[str, Query(alias="from")] = "",
    date_to: Annotated[str, Query(alias="to")] = "",
    show: str = "open",
    page_number: Annotated[int, Query(alias="page")] = 1,
) -> Response:
    """The account's invoices; open ones only, unless all are asked for."""
    account = known_account(portal, number)
    error, found = "", None
    try:
        found = portal.store.invoices(
            number,
            issued_from=_day(date_from),
            issued_to=_day(date_to),
            open_only=show != "all",
            page=page_number,
            size=portal.options.page_size,
        )
    except ValueError:
        error = "Please enter dates as MM/DD/YYYY."
    return page(
        request,
        "invoices.html",
        session=session,
        account=account,
        found=found,
        error=error,
        date_from=date_from,
        date_to=date_to,
        show=show,
    )


@router.get("/invoices/{number}")
def invoice(request: Request, portal: ThePortal, session: SignedIn, number: str) -> Response:
    """One invoice, and what may be done with it."""
    found = known_invoice(portal, number)
    account = known_account(portal, found["account"])
    return page(request, "invoice.html", session=session, invoice=found, account=account)


def known_account(portal: Portal, number: str) -> sqlite3.Row:
    """The account, or the page for what is not there."""
    if (found := portal.store.account(number)) is None:
        raise HTTPException(404)
    return found


def known_invoice(portal: Portal, number: str) -> sqlite3.Row:
    """The invoice, or the page for what is not there."""
    if (found := portal.store.invoice(number)) is None:
        raise HTTPException(404)
    return found


def _day(text: str) -> date | None:
    text = text.strip()
    if not text:
        return None
    return datetime.strptime(text, DATE_FORMAT).date()  # noqa: DTZ007  a day has no zone
