"""What the keywords of the attempt in hand did, and where they stopped.

The listener StepLog tells it; nothing is written to the database before the attempt ends, so a
keyword costs microseconds. Arguments are kept only as they stand in the file, where no customer is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MOST_STEPS = 400
LONGEST_TEXT = 200


@dataclass(frozen=True, kw_only=True)
class Place:
    """A keyword, and the line that calls it."""

    keyword: str
    file: Path | None
    line: int | None

    def __str__(self) -> str:
        if self.file is None:
            return self.keyword
        return f"{self.keyword} ({self.file.name}:{self.line})"


@dataclass(frozen=True, kw_only=True)
class Stop:
    """The library keyword that failed last, and the keywords that led to it, the outermost first.

    `expected` are its arguments as they stand in the file.
    """

    place: Place
    library: str
    expected: tuple[str, ...]
    through: tuple[Place, ...]


class Trail:
    """The keywords of one attempt."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """A new attempt begins."""
        self.stop: Stop | None = None
        self._open: list[tuple[Place, float]] = []
        self._steps: list[dict[str, Any]] = []
        self._left_out = 0

    def entered(self, place: Place) -> None:
        """A keyword of a file begins."""
        self._open.append((place, time.monotonic()))

    def left(self, *, passed: bool, is_step: bool) -> None:
        """It ended; `is_step` says whether it is worth a line."""
        if not self._open:  # it began before the attempt did
            return
        place, began = self._open.pop()
        if is_step:
            self.note(place.keyword, began=began, passed=passed)

    def note(self, keyword: str, *, began: float, passed: bool) -> None:
        """A keyword ended that began at this moment of the monotonic clock."""
        if len(self._steps) >= MOST_STEPS:
            self._left_out += 1
            return
        ended = time.monotonic()
        milliseconds = round((ended - began) * 1000)
        self._steps.append({"began": began, "step": keyword, "ms": milliseconds, "passed": passed})

    def stopped(self, place: Place, *, library: str, arguments: Sequence[str]) -> None:
        """A library keyword failed; the last one to do so is where the attempt stopped."""
        expected = tuple(str(one)[:LONGEST_TEXT] for one in arguments)
        through = tuple(place for place, _ in self._open)
        self.stop = Stop(place=place, library=library, expected=expected, through=through)

    def steps(self) -> list[dict[str, Any]]:
        """The keywords as rows for `request_queue.record_steps`."""
        now = time.monotonic()
        rows = [
            {
                "ago": now - one["began"],
                "kind": "keyword",
                "step": one["step"],
                "detail": {"ms": one["ms"], **({} if one["passed"] else {"status": "failed"})},
            }
            for one in self._steps
        ]
        if self._left_out:
            detail = {"left_out": self._left_out}
            rows.append({"ago": 0.0, "kind": "keyword", "step": "more keywords", "detail": detail})
        return rows
