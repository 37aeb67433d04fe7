"""What a person typed, as a value: dates, moments, priorities, plain text; or the rule it breaks.

The command line and the file intake share it, so that both say the same.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from billcopy.model import LOW, NORMAL, URGENT

MAX_CHARACTERS = 500
_PRIORITIES = {
    **{str(level): level for level in (URGENT, NORMAL, LOW)},
    "urgent": URGENT,
    "normal": NORMAL,
    "low": LOW,
}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FORMULA_START = ("=", "+", "-", "@")  # a spreadsheet that opens a report would run these


def as_date(text: str) -> date:
    """A date in the one format taken, ISO 8601 (2024-03-31).

    Raises:
        ValueError: the text is another format, no day of the calendar, or a year nobody means.
    """
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(f"“{text}” is not written as YYYY-MM-DD")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"there is no {text} in the calendar") from None
    if not 1990 <= day.year <= 2100:
        raise ValueError(f"the year {day.year:04d} cannot be meant")
    return day


def as_moment(text: str) -> datetime:
    """A moment with its zone; a bare date means the end of that day, here.

    Raises:
        ValueError: the text is no ISO 8601 date or moment.
    """
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        day = as_date(text)
        return datetime(day.year, day.month, day.day, 23, 59, 59).astimezone()
    try:
        moment = datetime.fromisoformat(text)
        as_date(moment.date().isoformat())
        return (moment if moment.tzinfo else moment.astimezone()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"“{text}” is not written as YYYY-MM-DD or YYYY-MM-DDTHH:MM") from None


def as_priority(text: str) -> int:
    """A priority as its number or word.

    Raises:
        ValueError: it is neither.
    """
    try:
        return _PRIORITIES[text.lower()]
    except KeyError:
        raise ValueError(f"“{text}” is none of 1 (urgent), 2 (normal), 3 (low)") from None


def text_problem(text: str) -> str | None:
    """The rule a piece of text breaks, whatever field it is for; None if it is plain text."""
    if len(text) > MAX_CHARACTERS:
        return f"is longer than {MAX_CHARACTERS} characters"
    if "\r" in text or "\n" in text:
        return "holds a line break, which could smuggle lines into an e-mail's header"
    if found := CONTROL.search(text):
        return f"holds an invisible control character (U+{ord(found.group()):04X})"
    if text.startswith(_FORMULA_START):
        return f"begins with “{text[0]}”, which a spreadsheet would take for a formula"
    return None
