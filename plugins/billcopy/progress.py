"""The lines a bot says while it works: one per request, one per invoice, readable in a task log.

Nothing here takes an account number, a name or an address: a request is its number and its masked
account, a recipient is never shown.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from billcopy.model import ClaimedRequest, Delivery, Settled

Say = Callable[[str], None]

_ENDINGS = {
    "delivered": "delivered",
    "partial": "partly delivered",
    "rejected": "could not be sent",
    "failed": "failed",
    "cancelled": "cancelled",
    "held": "held for a person",
    "queued": "back in the queue",
}


def speaker(stream: TextIO | None = None) -> Say:
    """A function that writes one line at once, wherever the process's output goes."""
    out = stream or sys.stdout

    def say(line: str) -> None:
        try:
            out.write(line.replace("\n", " ") + "\n")
            out.flush()
        except (BrokenPipeError, ValueError):  # nobody listens any more; the work goes on
            return

    return say


def request_taken(request: ClaimedRequest) -> str:
    """A request was claimed."""
    look = ", only to look at the sent log" if request.look_only else ""
    period = f"{request.period_from.isoformat()} to {request.period_to.isoformat()}"
    return f"request {request.request_id}: account {request.account_masked}, {period}{look}"


def invoices_found(request: ClaimedRequest, *, found: int, to_send: int) -> str:
    """The portal listed its invoices."""
    return f"request {request.request_id}: {_count(found, 'invoice')} found, {to_send} to send"


def delivery_line(request: ClaimedRequest, delivery: Delivery, what: str) -> str:
    """Something happened to one invoice."""
    return f"request {request.request_id}: invoice {delivery.invoice_number}: {what}"


def request_ended(
    request: ClaimedRequest, settled: Settled, *, seconds: float, why: str | None = None
) -> str:
    """A request was settled; `why` is a reason code."""
    ending = _ENDINGS.get(settled.state, settled.state)
    reason = settled.reason_code or why
    because = f" ({reason})" if reason else ""
    return f"request {request.request_id}: {ending}{because} after {seconds:.1f} s"


class Stopwatch:
    """Seconds since it was made, from a clock that never jumps."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._started


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
