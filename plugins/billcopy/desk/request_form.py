"""The form of a request: what was typed, what is wrong with it, what it asks for."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from billcopy import intake_text
from billcopy.desk import words
from billcopy.model import DeskPortal, NewRequest

FIELDS = (
    "portal",
    "account",
    "period_from",
    "period_to",
    "recipient",
    "check_value",
    "reference",
    "priority",
    "resend_reason",
)
OPTIONAL = ("recipient", "check_value", "reference", "resend_reason")
FURTHER = ("priority", "resend_reason")  # folded away until asked for
SOURCE = "desk"
_TOKEN_LENGTH = 43


@dataclass(frozen=True, kw_only=True)
class RequestForm:
    """What stands in the form. `token` lets the same form enter once, however often it comes."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: Mapping[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    message: str | None = None
    """What is wrong with the form as a whole."""
    twin: int | None = None
    """The request that asks for the same already."""

    def value(self, name: str) -> str:
        """What was typed into a field."""
        return self.values.get(name, "")

    @property
    def first_problem(self) -> str | None:
        """The field that gets the focus."""
        return next((name for name in FIELDS if name in self.problems), None)

    @property
    def unfolded(self) -> bool:
        """Whether the further fields must be seen."""
        used = any(self.value(name) not in ("", "2") for name in FURTHER)
        return used or any(name in self.problems for name in FURTHER)


def read(typed: Mapping[str, str]) -> RequestForm:
    """The form as it came; spaces around what was typed are not meant."""
    values = {name: typed.get(name, "").strip() for name in FIELDS}
    token = typed.get("token", "")
    if len(token) == _TOKEN_LENGTH and token.isascii() and token.isprintable():
        return RequestForm(values=values, token=token)
    return RequestForm(values=values)


def filled(form: RequestForm, first: date, last: date) -> RequestForm:
    """The form with another period."""
    values = {**form.values, "period_from": first.isoformat(), "period_to": last.isoformat()}
    return RequestForm(values=values, token=form.token)


def as_request(form: RequestForm) -> tuple[NewRequest | None, dict[str, str]]:
    """What the form asks for, or the sentence for every field that cannot be meant.

    Only what a form alone can get wrong is judged here; the database judges the rest.
    """
    problems: dict[str, str] = {}
    taken: dict[str, Any] = {}
    convert = {
        "period_from": intake_text.as_date,
        "period_to": intake_text.as_date,
        "priority": intake_text.as_priority,
    }
    for name in FIELDS:
        text = form.value(name)
        if not text:
            if name not in (*OPTIONAL, "priority"):
                problems[name] = words.problem(name, "is missing")
            continue
        if rule := intake_text.text_problem(text):
            problems[name] = words.problem(name, rule)
            continue
        try:
            taken[name] = convert.get(name, str)(text)
        except ValueError as error:
            problems[name] = words.problem(name, str(error))
    if problems:
        return None, problems
    return NewRequest(source=SOURCE, channel=SOURCE, source_key=form.token, **taken), {}


def blank(portals: list[DeskPortal]) -> RequestForm:
    """An empty form for the first portal."""
    first = portals[0].name if portals else ""
    return RequestForm(values={"portal": first, "priority": "2"})
