"""From the list of invoices to the click: plan, look at the form, ask for the permit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from billcopy import form_check, progress
from billcopy.bot.work import BotWork
from billcopy.errors import (
    AttemptTimedOut,
    BusinessError,
    FormMismatch,
    NothingFound,
    PageDrift,
    Refused,
    Unexpected,
)
from billcopy.model import Delivery, FoundInvoice, Permission

OpenPermit = Callable[[str, float, float], None]
"""Opens the guard for an invoice: milliseconds from now, and that moment on the wall's clock."""
Answer = Literal["go", "next", "stop"]


def walk_needed(work: BotWork) -> bool:
    """Whether anything is left that needs the account's pages."""
    if work.in_hand.look_only:
        return False
    planned = work.deliveries()
    return not planned or any(one.state == "planned" for one in planned)


def plan(work: BotWork, listed: Sequence[Mapping[str, Any]]) -> list[Delivery]:
    """Plan what the portal listed; what is to be sent now, oldest first.

    Rows outside the period are left out, so a portal without a filter is no problem.

    Raises:
        NothingFound: no invoice in the period that may be sent.
        PageDrift: a row lacks its number, or its date is not one.
        Refused: the queue says to wait or to ask a person.
    """
    request, profile = work.in_hand, work.profile
    rows = (_invoice(work, row) for row in listed)
    found = {
        one.number: one for one in rows if request.period_from <= one.issued_on <= request.period_to
    }
    ignored = sorted({one.kind for one in found.values() if not profile.is_sendable(one.kind)})
    _obey(work.ledger.plan(request, list(found.values()), ignored))
    known = work.deliveries()
    if all(one.reason_code == "KIND_NOT_SENT" for one in known):
        raise NothingFound
    planned = [one for one in known if one.state == "planned"]
    work.say(progress.invoices_found(request, found=len(found), to_send=len(planned)))
    work.step("invoices listed", found=len(found), to_send=len(planned))
    return planned


def _invoice(work: BotWork, row: Mapping[str, Any]) -> FoundInvoice:
    number = str(row.get("number") or "").strip()
    if not number:
        raise PageDrift("List Invoices returned a row without a number.")
    return FoundInvoice(
        number=number,
        issued_on=work.profile.read_date(str(row.get("date") or "")),
        kind=str(row.get("kind") or "").strip(),
    )


def check_form(work: BotWork, delivery: Delivery, fields: Mapping[str, Any]) -> None:
    """The last look before the click.

    Raises:
        FormMismatch, NoAddressOnFile, CheckValueMismatch: this invoice must not be sent.
        PageDrift: the form lacks a field.
    """
    request = work.in_hand
    form = form_check.SendForm.from_fields(fields)
    work.masker.remember([form.account, form.recipient, form.postcode, form.name])
    work.masker.remember(form.name.replace(",", " ").split())
    expected = form_check.Expected(
        account=request.account,
        invoice=delivery.invoice_number,
        recipient=request.recipient,
        check_value=request.check_value,
        surname_first=work.profile.name_order == "surname_first",
    )
    form_check.check(form, expected)
    work.forms[delivery.delivery_id] = form


def begin(work: BotWork, delivery: Delivery, open_permit: OpenPermit) -> Answer:
    """Ask for the click. "go" only after the guard is open for exactly this one.

    "next": this one is not to be sent (any more). "stop": the queue says no for now; the refusal is
    recorded, what was clicked before can still be proved.

    Raises:
        DatabaseUnavailable: it did not answer; the delivery may be `sending` all the same, and
            nobody clicks.
        LeaseLost: another bot run may hold the request.
    """
    form = work.forms.pop(delivery.delivery_id, None)
    if form is None:
        raise Unexpected("The send form of this delivery was not checked.")
    if not work.ledger.may_send:
        work.say_of(delivery, "form checked, not sent")
        work.rehearsed.append(delivery)
        return "next"
    # Both clocks start before the question: its way there and back is not given to the click.
    asked_at, asked_on = time.monotonic(), time.time()
    try:
        permission = work.ledger.begin(work.in_hand, delivery, form.recipient)
        if permission.verdict == "duplicate":
            work.say_of(delivery, "sent before, not again")
            return "next"
        if permission.verdict == "look":
            work.look_first(Refused(permission.reason_code or "REFUSED"))
            work.say_of(delivery, "not sent before the bank's log has been read")
            return "next"
        _obey(permission)
    except FormMismatch as error:
        work.ledger.reject(work.in_hand, delivery, error.code)
        return "next"
    except Refused as refusal:
        work.record(refusal)
        work.say_of(delivery, f"not now ({refusal.refusal})")
        return "stop"
    if permission.sending_at is None or permission.deadline_at is None:
        raise Unexpected("The database permitted a click without a deadline.")
    budget = (permission.deadline_at - permission.sending_at).total_seconds()
    budget = min(budget, work.profile.click_budget.total_seconds())
    left = budget - (time.monotonic() - asked_at)
    if left <= 0:
        raise AttemptTimedOut("The permit had run out before the click.")
    open_permit(delivery.invoice_number, left * 1000, (asked_on + budget) * 1000)
    return "go"


def record_click(work: BotWork, delivery: Delivery, confirmation: str) -> None:
    """The portal says that it was sent. Where it keeps no log, its screen is the proof."""
    work.clicked_now()
    clicked_at = datetime.now(UTC)
    said = work.masker.masked(confirmation)[:300]
    work.ledger.record_click(work.in_hand, delivery, clicked_at, said)
    if work.profile.sent_log.proof == "screen":
        value = f"{delivery.invoice_number}|{clicked_at.isoformat()}|{said}"
        work.ledger.confirm(work.in_hand, delivery, "screen", value)
    work.say_of(delivery, "sent")


def reject(work: BotWork, delivery: Delivery) -> None:
    """This invoice cannot be sent: the recorded business error becomes the delivery's own.

    Raises:
        BillCopyError: what is recorded is no business error.
    """
    if not isinstance(work.error, BusinessError):
        raise work.error or Unexpected()
    work.ledger.reject(work.in_hand, delivery, work.error.code)
    work.say_of(delivery, f"not sent ({work.error.code})")
    work.error = None


def _obey(permission: Permission) -> None:
    if permission.verdict not in ("go", "planned"):
        raise Refused(permission.reason_code or "REFUSED")
