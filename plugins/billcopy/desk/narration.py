"""One request's story in plain words: what became of it, of each bill, and what happened when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billcopy.desk import changes, doubts, words
from billcopy.model import Story

BOTS_LOGIN = "billcopy_bot"
PROOFS = {
    "sent_log": "found in the bank's log",
    "invoice_note": "noted on the bill by the bank",
    "screen": "the bank's page said so",
    "person": "two people said so",
}
TWO_PEOPLE = "The bank's log cannot tell; two people must decide."
SEE_TO_IT = "It was tried once more at night. Somebody must see to it: try again, or by hand."
SEE_TO_IT_ERASED = (
    "It was tried once more at night. Its personal data have been erased since, so it cannot be"
    " tried again; somebody must say that it is seen to."
)
_DECISIONS = {"sent": "it was sent", "not_sent": "it was not sent", "give_up": "it is given up"}


@dataclass(frozen=True)
class Moment:
    """Something that happened, in words."""

    at: datetime
    what: str
    who: str | None = None
    why: str | None = None


def next_step(told: Story) -> str | None:
    """What happens now, by itself or by whom; None: nothing more."""
    request = told.request
    if changes.needs_seeing_to(request):
        return SEE_TO_IT_ERASED if request["erased"] else SEE_TO_IT
    if request["finished_at"]:
        return None
    if doubts.waiting(told):
        then = " Then it is cancelled." if request["cancel_requested_at"] else ""
        return (
            f"Operations decide, two people together, whether the doubtful bills were sent.{then}"
        )
    if request["cancel_requested_at"]:
        return "It will be cancelled; a bill that may have been sent is looked up first."
    if request["state"] == "held":
        return "Somebody must look at it, then release or cancel it."
    if request["closed_because"]:
        return f"Nothing is sent at {request['portal_title']} just now. {request['closed_because']}"
    return None


def next_try(request: Mapping[str, Any]) -> datetime | None:
    """When the bot takes it up again, where that lies ahead."""
    at = datetime.fromisoformat(request["not_before"])
    return at if request["state"] == "queued" and at > datetime.now(UTC) else None


def timeline(told: Story) -> list[Moment]:
    """What happened, newest first."""
    invoices = {str(row["id"]): row["invoice_number"] for row in told.deliveries}
    found = [moment for event in told.events for moment in _event(event, invoices)]
    return sorted(found, key=lambda moment: moment.at, reverse=True)


def _event(event: Mapping[str, Any], invoices: Mapping[str, str]) -> Iterator[Moment]:
    at = datetime.fromisoformat(event["at"])
    by_bot = event["db_role"] == BOTS_LOGIN
    who = "the bot" if by_bot else event["actor"]
    why = None if by_bot else event["reason"]
    if event["entity"] == "delivery":
        what = _delivery_words(event, invoices.get(event["entity_id"], "?"))
    else:
        what = _request_words(event)
    yield Moment(at, what, who, why)


def _delivery_words(event: Mapping[str, Any], invoice: str) -> str:
    decision = _DECISIONS.get(str(event["detail"].get("decision")))
    if decision and "approved" in event["event"]:
        return f"Bill {invoice}: a second person agrees that {decision}."
    if decision:
        return f"Bill {invoice}: one person says that {decision}; another must agree."
    said = event["plain_words"] or event["meaning"] or _plainly(event["event"])
    return f"Bill {invoice}: {said}"


def _request_words(event: Mapping[str, Any]) -> str:
    before, now = event["from_state"], event["to_state"]
    if now is None:
        return _decision_words(event)
    if before is None:
        return "Logged."
    if now == "claimed":
        return "The bot took it up."
    if now == "queued" and before == "claimed":
        return f"Back in the queue: {event['plain_words'] or 'to be tried again.'}"
    words_now = event["plain_words"] or event["meaning"] or _plainly(event["event"])
    if before == "held" and now == "queued":
        return "Released into the queue."
    if now == "queued":
        return "Put back into the queue."
    if now == "held":
        return f"Set aside: {words_now}"
    if event["meaning"] and event["plain_words"]:
        return f"{event['meaning']} {event['plain_words']}"
    return str(words_now)


def _decision_words(event: Mapping[str, Any]) -> str:
    name, detail = event["event"], event["detail"]
    if name == "priority set":
        return f"Priority set to {words.PRIORITIES.get(detail.get('to'), '?').lower()}."
    return {
        "cancel requested": "Asked to be cancelled.",
        "looked after": "Somebody has seen to it by hand.",
        "account revealed": "The account number was shown.",
        "subject erased": "Personal data were erased; the masked story stays.",
    }.get(name, _plainly(name))


def _plainly(name: str) -> str:
    return name.replace("_", " ").capitalize() + "."


def bills(told: Story) -> list[dict[str, Any]]:
    """Each bill: what became of it, when, and what proves it."""
    for_people = {one.delivery_id for one in doubts.waiting(told)}
    return [
        {
            **row,
            "said": TWO_PEOPLE if row["id"] in for_people else row["reason"] or row["meaning"],
            "proof": PROOFS.get(row["proof_kind"] or ""),
            "ended_at": row["confirmed_at"] or row["clicked_at"] or row["sending_at"],
        }
        for row in told.deliveries
    ]


def steps(told: Story) -> list[Moment]:
    """The bot's own steps, oldest first; single keywords and faults are for QA's story."""
    invoices = {row["id"]: row["invoice_number"] for row in told.deliveries}
    return [
        Moment(datetime.fromisoformat(row["at"]), _step_words(row, invoices))
        for row in told.steps
        if row.get("kind", "checkpoint") == "checkpoint"
    ]


def _step_words(row: Mapping[str, Any], invoices: Mapping[Any, str]) -> str:
    about = f", bill {invoices[row['delivery_id']]}" if row["delivery_id"] in invoices else ""
    detail = row["detail"] or {}
    shown = [
        f"{str(key).replace('_', ' ')}: {_value(value)}"
        for key, value in detail.items()
        if isinstance(value, str | int | float | bool) and "://" not in str(value)
    ]
    said = _plainly(row["step"]).rstrip(".") + about
    return f"{said} ({', '.join(shown)})" if shown else said


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def pictures(found: Sequence[Mapping[str, Any]], told: Story) -> list[dict[str, Any]]:
    """What the bot kept of what it saw: number, moment, and of what."""
    invoices = {row["id"]: row["invoice_number"] for row in told.deliveries}
    return [
        {
            "id": one["id"],
            "at": one["at"],
            "what": str(one["kind"]).replace("_", " ").replace("-", " ").capitalize()
            + (f", bill {invoices[one['delivery_id']]}" if one["delivery_id"] in invoices else ""),
        }
        for one in found
    ]
