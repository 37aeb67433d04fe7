"""A request's story, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from billcopy.cli.output import moment, say, table, when
from billcopy.model import Story

Line = tuple[datetime, str, str]


_FAILURE = (
    ("page", "on the page"),
    ("title", "called"),
    ("keyword", "at the keyword"),
    ("through", "called by"),
    ("expected", "expected"),
    ("on_screen", "on screen"),
    ("more_on_screen", "and so many more"),
    ("not_shown_as_it_may_be_data", "not shown, may be data"),
    ("picture", "picture"),
    ("replay", "to walk there again"),
)


def print_story(told: Story, *, keywords: bool = False) -> None:
    """Print the request, its deliveries, and everything that happened in the order it happened.

    `keywords`: the bot's keywords, too; those that failed are always told.
    """
    request = told.request
    say(f"Request {request['id']}: {_state(request)}", style="bold")
    for title, value in _facts(request):
        if value:
            say(f"  {title:<12} {value}")
    if told.deliveries:
        say()
        table(
            ("delivery", "invoice", "dated", "kind", "to", "state", "proof"),
            [
                (
                    row["id"],
                    row["invoice_number"],
                    row["invoice_date"],
                    row["kind"],
                    row["recipient_masked"],
                    _state(row),
                    _proof(row),
                )
                for row in told.deliveries
            ],
        )
    say()
    previous = None
    lines = _timeline(told, keywords=keywords)
    for at, kind, words in sorted(lines, key=lambda line: line[0]):
        day = at.strftime("%Y-%m-%d")
        if day != previous:
            say(at.strftime("%A %Y-%m-%d %Z"), style="bold")
            previous = day
        say(f"  {at.strftime('%H:%M:%S')}  {kind:<9} {words}")


def _state(row: Mapping[str, Any]) -> str:
    words = row.get("reason") or row.get("meaning")
    return f"{row['state']} – {words}" if words else str(row["state"])


def _proof(delivery: Mapping[str, Any]) -> str:
    if not delivery.get("proof_kind"):
        return ""
    return f"{delivery['proof_kind']} {delivery['proof_value']}"


def _facts(request: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "portal", request["portal"]
    yield "account", request["account_masked"]
    yield "period", f"{request['period_from']} to {request['period_to']}"
    yield "recipient", request["recipient_masked"] or "the address on file"
    yield "reference", request["reference"]
    yield "priority", {1: "urgent", 2: "normal", 3: "low"}.get(request["priority"])
    by = f"by {request['requested_by']} through {request['channel']}"
    yield "received", f"{when(request['received_at'])} {by}"
    yield "due", when(request["due_at"])
    if request["state"] == "queued":
        yield "not before", when(request["not_before"], seconds=True)
    yield "finished", when(request["finished_at"])
    if request.get("legal_hold_at"):
        since, by = when(request["legal_hold_at"]), request["legal_hold_by"]
        yield "legal hold", f"since {since}, by {by}: {request['legal_hold_reason']}"
    yield "attempts", request["attempts"]
    yield "rescues", request["rescues"]
    yield "send again", request["resend_reason"]
    if request["cancel_requested_at"]:
        asked = when(request["cancel_requested_at"])
        yield "cancel", f"asked by {request['cancel_requested_by']} {asked}"


def _timeline(told: Story, *, keywords: bool) -> Iterator[Line]:
    invoices = {row["id"]: row["invoice_number"] for row in told.deliveries}
    for event in told.events:
        yield _at(event["at"]), "change", _event_words(event, invoices)
    for step in told.steps:
        if step["kind"] != "keyword":
            yield _at(step["at"]), *_step_words(step, invoices)
        elif keywords or step["detail"].get("status"):
            yield _at(step["at"]), "keyword", f"{step['step']}{_detail(step['detail'])}"
    for piece in told.evidence:
        about = _about(piece.get("delivery_id"), invoices)
        where = "erased" if piece.get("erased_at") else piece["url"]
        yield _at(piece["at"]), "evidence", f"{piece['kind']}{about}: {where}"
    for attempt in told.attempts:
        number = attempt["epoch"]
        look = ", only to read the bank's log" if attempt["look_only"] else ""
        who = f"bot run {attempt['bot_run_id']} on {attempt['host']}"
        yield _at(attempt["started_at"]), "attempt", f"{number} began: {who}{look}"
        if attempt["ended_at"]:
            why = f", {attempt['reason_code']}" if attempt["reason_code"] else ""
            detail = f": {attempt['detail']}" if attempt["detail"] else ""
            yield (
                _at(attempt["ended_at"]),
                "attempt",
                f"{number} {attempt['ended_as']}{why}{detail}",
            )


def _step_words(step: Mapping[str, Any], invoices: Mapping[Any, str]) -> tuple[str, str]:
    if step["kind"] == "failure":
        return "stopped", _failure_words(step["detail"])
    about = _about(step.get("delivery_id"), invoices)
    return "step", f"{step['step']}{about}{_detail(step['detail'])}"


def _failure_words(told: Mapping[str, Any]) -> str:
    """One line per fact, under each other."""
    lines = []
    for key, label in _FAILURE:
        if value := told.get(key):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{label}: {shown}")
    return ("\n" + " " * 22).join(lines)


def _event_words(event: Mapping[str, Any], invoices: Mapping[Any, str]) -> str:
    words = str(event["event"])
    if event["entity"] == "delivery":
        words += _about(int(event["entity_id"]), invoices)
    if event["from_state"]:
        words += f" (was {event['from_state']})"
    if event["reason_code"]:
        words += f", {event['reason_code']}"
    words += f", by {event['actor']}"
    if event["reason"]:
        words += f": {event['reason']}"
    return words + _detail(event["detail"])


def _about(delivery_id: int | None, invoices: Mapping[Any, str]) -> str:
    return f", invoice {invoices[delivery_id]}" if delivery_id in invoices else ""


def _detail(detail: Mapping[str, Any] | None) -> str:
    if not detail:
        return ""
    return " [" + ", ".join(f"{key} {value}" for key, value in detail.items()) + "]"


def _at(value: Any) -> datetime:
    at = moment(value)
    assert at is not None
    return at
