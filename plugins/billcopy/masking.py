"""What may be written down about a page that shows customers: as little as possible.

Robot's output file, the task log and the database's details must hold no account number, name or
address. Two rules do it: a text passes only if its shape is known to be harmless (deny by default),
and in what passes, the values of the request in hand are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "•••"
WITHHELD = "A step failed; its message is withheld, it may show customer data."

_HARMLESS_LINES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(Timeout)?Error: [\w.]+: Timeout [\d.]+ ?m?s exceeded\.?",
        r"\s*-?\s*waiting for (locator|getBy)\w*\(.*\).*",
        r"Error: [\w.]+: (Page crashed|Target (page, context or browser|crashed|closed).*)",
        r"Error: [\w.]+: net::ERR_[A-Z_]+( at \S+)?",
        r"Call log:",
        r"(Task|Test|Keyword) timeout .{1,40} exceeded\.",
        r"Execution terminated by signal",
        r"(Setup|Teardown) failed:|Also teardown failed:|Several failures occurred:|\d+\) .{0,0}",
        r"No keyword with name '[^']{1,80}' found\.(.*)",
        r"Keyword '[^']{1,80}' expected .*|Multiple keywords with name '[^']{1,80}' found\..*",
        r"Variable '[$@&]\{[\w ]{1,60}\}' not found\.(.*)",
        r"(Parent suite setup|Task execution|Test execution) .{0,80}",
        r"ConnectionError: .*|Could not connect to (the )?(P|p)laywright.*",
        r"(Resource|Library|Variable) file '[^']*' does not exist\.",
        r"",
    )
)
_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+\.[\w.-]+")
_LONG_NUMBER = re.compile(r"(?<![\w-])\d{6,}(?![\w-])")
_QUERY = re.compile(r"(https?://[^\s?#]+)[?#]\S*")


class Masker:
    """Replaces the personal values of the request in hand; knows none between two requests."""

    def __init__(self, *, strict: bool = True) -> None:
        """`strict` False, for a rehearsal with test accounts: messages are masked, not withheld."""
        self._strict = strict
        self._values: list[str] = []

    def remember(self, values: Iterable[str | None]) -> None:
        """Take more values to hide, until `forget`."""
        known = {value.strip() for value in values if value and len(value.strip()) > 2}
        self._values = sorted({*self._values, *known}, key=len, reverse=True)

    def forget(self) -> None:
        """The request is out of hand."""
        self._values = []

    def masked(self, text: str) -> str:
        """The text without the remembered values, addresses and long bare numbers."""
        text = _LONG_NUMBER.sub(MASK, _EMAIL.sub(MASK, _QUERY.sub(r"\1", text)))
        for value in self._values:
            if value in text:
                text = text.replace(value, MASK)
        return text

    def failure(self, message: str, *, ours: Iterable[str] = ()) -> str:
        """A failure message, reduced to its harmless lines.

        `ours` are beginnings that only our own errors have; a line that begins so is kept, masked.
        A harmless message comes back unchanged, so that whoever compares it still can.
        """
        if not self._strict:
            return self.masked(message)
        kept: list[str] = []
        withheld = False
        for line in message.split("\n"):
            if any(line.startswith(beginning) for beginning in ours) or is_harmless(line):
                kept.append(self.masked(line))
            else:
                withheld = True
        if withheld:
            kept.append(WITHHELD)
        return "\n".join(kept)


def is_harmless(line: str) -> bool:
    """Whether a line of a failure message has a shape that cannot show page content."""
    return any(pattern.fullmatch(line) for pattern in _HARMLESS_LINES)
