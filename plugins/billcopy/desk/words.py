"""The desk's own words: fields, rules, groups of states. Those of states are the database's."""

from __future__ import annotations

import re
from dataclasses import dataclass

LABELS = {
    "portal": "Bank",
    "account": "Account number",
    "period_from": "First day",
    "period_to": "Last day",
    "recipient": "E-mail address",
    "check_value": "Surname or postcode",
    "reference": "Your reference",
    "priority": "Priority",
    "resend_reason": "Reason to send again",
    "reason": "Reason",
    "file": "File",
}
PRIORITIES = {1: "Urgent", 2: "Normal", 3: "Low"}


@dataclass(frozen=True)
class Group:
    """States that a representative looks at together, or the worklist."""

    slug: str
    label: str
    states: tuple[str, ...] | None = None
    needs_a_person: bool = False


GROUPS = (
    Group("all", "All"),
    Group("open", "Open", ("queued", "claimed", "held")),
    Group("person", "Needs a person", needs_a_person=True),
    Group("sent", "Sent", ("delivered",)),
    Group("partly", "Partly sent", ("partial",)),
    Group("not-sent", "Not sent", ("rejected", "failed")),
    Group("cancelled", "Cancelled", ("cancelled",)),
)
_BY_SLUG = {group.slug: group for group in GROUPS}
_CONTINUES = re.compile(r"(is|must|holds|begins|cannot|may) ")


def group(slug: str) -> Group:
    """The group of this name; all for a name that is none."""
    return _BY_SLUG.get(slug, GROUPS[0])


def problem(field: str, rule: str) -> str:
    """The rule that a field breaks, as a sentence that names the field as the page does."""
    label = LABELS.get(field, field.replace("_", " ").capitalize())
    for name, words in LABELS.items():
        rule = re.sub(rf"\b{name}\b", f"“{words}”", rule) if "_" in name else rule
    sentence = f"{label} {rule}" if _CONTINUES.match(rule) else f"{label}: {rule}"
    return sentence if sentence.endswith((".", "?", "!")) else sentence + "."


def count(number: int, noun: str) -> str:
    """“1 bill”, “2 bills”."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
