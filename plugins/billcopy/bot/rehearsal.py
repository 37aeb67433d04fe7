"""A walk that changes nothing: queued requests looked at in a dry run, or made-up test requests.

The same keywords run up to the send form and its check; then the ledger says that nothing may be
sent. Requests come from a list made beforehand, so the same one is never walked twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from billcopy.bot.order import StopReason, TestRequest
from billcopy.errors import ErrorClass
from billcopy.model import ClaimedRequest, Delivery, FoundInvoice, Permission, Settled

_LONG_ENOUGH = timedelta(minutes=10)


def claimed_from(test: TestRequest, *, number: int, portal: str) -> ClaimedRequest:
    """A test request in the shape the work knows."""
    until = datetime.now(UTC) + _LONG_ENOUGH
    return ClaimedRequest(
        request_id=number,
        epoch=0,
        attempt_id=0,
        bot_run_id=0,
        portal=portal,
        account=test.account,
        account_masked="•••" + test.account[-3:],
        period_from=test.period_from,
        period_to=test.period_to,
        recipient=test.recipient,
        check_value=test.check_value,
        lease_until=until,
        deadline_at=until,
        look_only=False,
    )


class RehearsalLedger:
    """Hands out the requests of a list; keeps what is planned in memory only."""

    may_send = False

    def __init__(self, requests: Sequence[ClaimedRequest]) -> None:
        self._left = list(requests)
        self._planned: list[Delivery] = []
        self._numbers = count(1)
        self.outcomes: list[Settled] = []

    @property
    def drifted(self) -> bool:
        """Whether a walk failed for another reason than the customer's data."""
        return any(one.state == "failed" for one in self.outcomes)

    def next_request(self) -> ClaimedRequest | StopReason:
        """The next of the list."""
        self._planned = []
        return self._left.pop(0) if self._left else StopReason.DRAINED

    def deliveries(self, request: ClaimedRequest) -> list[Delivery]:
        """What `plan` made of the request in hand."""
        return list(self._planned)

    def plan(
        self,
        request: ClaimedRequest,
        invoices: Sequence[FoundInvoice],
        ignored_kinds: Sequence[str],
    ) -> Permission:
        """Plan in memory, without the queue's limits and duplicates."""
        ignored = {kind.casefold() for kind in ignored_kinds}
        self._planned = [
            Delivery(
                delivery_id=next(self._numbers),
                invoice_number=invoice.number,
                invoice_date=invoice.issued_on,
                kind=invoice.kind,
                state="planned",
                reason_code=None,
                recipient_masked=None,
                recipient=request.recipient,
                sending_at=None,
                sending_epoch=None,
                clicked_at=None,
            )
            for invoice in invoices
            if invoice.kind.casefold() not in ignored
        ]
        return Permission(verdict="planned")

    def begin(self, request: ClaimedRequest, delivery: Delivery, recipient: str) -> Permission:
        """Never."""
        return Permission(verdict="refused", reason_code="LOOK_ONLY")

    def record_click(
        self, request: ClaimedRequest, delivery: Delivery, clicked_at: datetime, confirmation: str
    ) -> None:
        """Nothing was clicked."""
        raise AssertionError("a rehearsal clicked")

    def confirm(self, request: ClaimedRequest, delivery: Delivery, kind: str, value: str) -> None:
        """Nothing was sent."""
        raise AssertionError("a rehearsal confirmed")

    def report_absent(
        self, request: ClaimedRequest, delivery: Delivery, looked_at: datetime
    ) -> str:
        """Nothing changes."""
        return delivery.state

    def reject(self, request: ClaimedRequest, delivery: Delivery, reason_code: str) -> None:
        """Nothing changes."""

    def used_proofs(self, request: ClaimedRequest, kind: str, values: Sequence[str]) -> set[str]:
        """Nothing is asked."""
        return set()

    def now(self) -> datetime:
        """This machine's clock."""
        return datetime.now(UTC)

    def step(
        self, request: ClaimedRequest, step: str, delivery: Delivery | None, detail: dict[str, Any]
    ) -> None:
        """Nothing is written."""

    def steps(self, request: ClaimedRequest, steps: Sequence[Mapping[str, Any]]) -> None:
        """Nothing is written."""

    def evidence(
        self,
        request: ClaimedRequest,
        delivery: Delivery | None,
        kind: str,
        url: str,
        digest: str,
    ) -> None:
        """Nothing is written."""

    def settle(
        self,
        request: ClaimedRequest,
        error_class: ErrorClass | None,
        reason_code: str | None,
        detail: str | None,
    ) -> Settled | None:
        """How it would have ended, as far as a walk can tell."""
        state = {None: "walked", "business": "rejected"}.get(error_class, "failed")
        self.outcomes.append(Settled(state=state, reason_code=reason_code))
        return self.outcomes[-1]
