"""Where a bot's work comes from and is written down: the queue.

`Ledger` is what the work (`work`) needs; `QueueLedger` is the real one, `rehearsal` has one
that changes nothing. No decision stands here: the database's functions decide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from billcopy import request_queue
from billcopy.bot.connection import PortalConnection
from billcopy.bot.lease import LeaseKeeper
from billcopy.bot.order import StopReason
from billcopy.errors import ErrorClass, InputError, LeaseLost
from billcopy.model import ClaimedRequest, Delivery, FoundInvoice, Permission, Settled

# Deferred requests come due without anybody saying so.
_LONGEST_NAP_SECONDS = 2.0
_REFUSALS = {
    "STOP_SWITCH": StopReason.STOPPED,
    "BREAKER_OPEN": StopReason.BREAKER,
    "MAINTENANCE": StopReason.MAINTENANCE,
    "DAILY_CAP": StopReason.LIMIT,
}


def stop_reason_of(refusal: str | None) -> StopReason | None:
    """Why a bot stops when the database refuses so; None if it may go on with the next request."""
    return _REFUSALS.get(refusal or "")


def demand_a_long_settle_window(timings: Mapping[str, timedelta], lag: timedelta) -> None:
    """Only after click, sending and the log's lag does a missing row mean that nothing was sent.

    Raises:
        InputError: the portal's settle window is shorter.
    """
    needed = timings["click_budget"] + timings["send_processing"] + lag
    if timings["settle_window"] < needed:
        raise InputError(
            "settle_window",
            f"must be at least {needed.total_seconds():.0f} s: click_budget, send_processing and"
            " the profile's sent_log.lag_seconds together. A row that is only late would count as"
            " not sent. `portal-set` changes it",
        )


class Ledger(Protocol):
    """What the work needs from wherever its requests come from."""

    may_send: bool

    def next_request(self) -> ClaimedRequest | StopReason:
        """The next request, or why there is none."""

    def deliveries(self, request: ClaimedRequest) -> list[Delivery]:
        """What is planned for the request, the doubtful first."""

    def plan(
        self,
        request: ClaimedRequest,
        invoices: Sequence[FoundInvoice],
        ignored_kinds: Sequence[str],
    ) -> Permission:
        """Record what the portal listed."""

    def begin(self, request: ClaimedRequest, delivery: Delivery, recipient: str) -> Permission:
        """Ask for the click. Never repeated: without an answer nobody clicks."""

    def record_click(
        self, request: ClaimedRequest, delivery: Delivery, clicked_at: datetime, confirmation: str
    ) -> None:
        """Say when it was clicked and what the screen said."""

    def confirm(self, request: ClaimedRequest, delivery: Delivery, kind: str, value: str) -> None:
        """It was sent; here is the proof."""

    def report_absent(
        self, request: ClaimedRequest, delivery: Delivery, looked_at: datetime
    ) -> str:
        """A complete look did not find it; its state after that."""

    def reject(self, request: ClaimedRequest, delivery: Delivery, reason_code: str) -> None:
        """This one cannot be sent, for good."""

    def used_proofs(self, request: ClaimedRequest, kind: str, values: Sequence[str]) -> set[str]:
        """Which of these proofs proved something before."""

    def now(self) -> datetime:
        """The clock that intents are dated by."""

    def step(
        self, request: ClaimedRequest, step: str, delivery: Delivery | None, detail: dict[str, Any]
    ) -> None:
        """Write a checkpoint."""

    def steps(self, request: ClaimedRequest, steps: Sequence[Mapping[str, Any]]) -> None:
        """Write what the attempt did, all at once."""

    def evidence(
        self,
        request: ClaimedRequest,
        delivery: Delivery | None,
        kind: str,
        url: str,
        digest: str,
    ) -> None:
        """Say where a picture lies."""

    def settle(
        self,
        request: ClaimedRequest,
        error_class: ErrorClass | None,
        reason_code: str | None,
        detail: str | None,
    ) -> Settled | None:
        """End the attempt; None where the request is somebody else's by now."""


class QueueLedger:
    """The queue in Postgres, for one bot run."""

    may_send = True

    def __init__(
        self,
        connection: PortalConnection,
        keeper: LeaseKeeper,
        *,
        bot_run_id: int,
        portal: str,
        linger_seconds: float,
        disk_is_low: Callable[[], bool] = lambda: False,
    ) -> None:
        """`disk_is_low` is asked before each claim: the disk must never stop the database."""
        self._database = connection
        self._keeper = keeper
        self._bot_run_id = bot_run_id
        self._portal = portal
        self._linger_seconds = linger_seconds
        self._disk_is_low = disk_is_low

    def next_request(self) -> ClaimedRequest | StopReason:
        """Claim one; with none to claim, wait for one as long as the order says."""
        give_up_at = time.monotonic() + self._linger_seconds
        while True:
            if self._disk_is_low():
                return StopReason.DISK_LOW
            request = self._database.repeatable(request_queue.claim_next, self._bot_run_id)
            if request is not None:
                self._keeper.hold(request)
                return request
            refusal = self._database.repeatable(request_queue.portal_refusal, self._portal)
            if reason := stop_reason_of(refusal):
                return reason
            left = give_up_at - time.monotonic()
            if left <= 0:
                return StopReason.DRAINED
            self._database.wait_for_news(min(left, _LONGEST_NAP_SECONDS))

    def deliveries(self, request: ClaimedRequest) -> list[Delivery]:
        """See `Ledger`."""
        return self._database.repeatable(request_queue.deliveries, request)

    def plan(
        self,
        request: ClaimedRequest,
        invoices: Sequence[FoundInvoice],
        ignored_kinds: Sequence[str],
    ) -> Permission:
        """See `Ledger`."""
        return self._database.repeatable(
            request_queue.plan_deliveries, request, invoices, ignored_kinds
        )

    def begin(self, request: ClaimedRequest, delivery: Delivery, recipient: str) -> Permission:
        """See `Ledger`."""
        return self._database.once(
            request_queue.begin_delivery, request, delivery.delivery_id, recipient=recipient
        )

    def record_click(
        self, request: ClaimedRequest, delivery: Delivery, clicked_at: datetime, confirmation: str
    ) -> None:
        """See `Ledger`."""
        self._database.repeatable(
            request_queue.record_click,
            request,
            delivery.delivery_id,
            clicked_at=clicked_at,
            confirmation=confirmation,
        )

    def confirm(self, request: ClaimedRequest, delivery: Delivery, kind: str, value: str) -> None:
        """See `Ledger`."""
        self._database.repeatable(
            request_queue.confirm,
            request,
            delivery.delivery_id,
            proof_kind=kind,
            proof_value=value,
        )

    def report_absent(
        self, request: ClaimedRequest, delivery: Delivery, looked_at: datetime
    ) -> str:
        """See `Ledger`."""
        return self._database.repeatable(
            request_queue.report_absent, request, delivery.delivery_id, looked_at=looked_at
        )

    def reject(self, request: ClaimedRequest, delivery: Delivery, reason_code: str) -> None:
        """See `Ledger`."""
        self._database.repeatable(
            request_queue.reject_delivery, request, delivery.delivery_id, reason_code=reason_code
        )

    def used_proofs(self, request: ClaimedRequest, kind: str, values: Sequence[str]) -> set[str]:
        """See `Ledger`."""
        return self._database.repeatable(
            request_queue.used_proofs, request.portal, kind, list(values)
        )

    def now(self) -> datetime:
        """See `Ledger`."""
        return self._database.repeatable(request_queue.database_now)

    def step(
        self, request: ClaimedRequest, step: str, delivery: Delivery | None, detail: dict[str, Any]
    ) -> None:
        """See `Ledger`."""
        self._database.repeatable(
            request_queue.record_step,
            request,
            step,
            delivery_id=delivery.delivery_id if delivery else None,
            detail=detail,
        )

    def steps(self, request: ClaimedRequest, steps: Sequence[Mapping[str, Any]]) -> None:
        """See `Ledger`."""
        self._database.repeatable(request_queue.record_steps, request, steps)

    def evidence(
        self,
        request: ClaimedRequest,
        delivery: Delivery | None,
        kind: str,
        url: str,
        digest: str,
    ) -> None:
        """See `Ledger`."""
        self._database.repeatable(
            request_queue.record_evidence,
            request,
            delivery_id=delivery.delivery_id if delivery else None,
            kind=kind,
            url=url,
            digest=digest,
        )

    def settle(
        self,
        request: ClaimedRequest,
        error_class: ErrorClass | None,
        reason_code: str | None,
        detail: str | None,
    ) -> Settled | None:
        """See `Ledger`; settling again returns what the first time did."""
        self._keeper.let_go()
        try:
            return self._database.repeatable(
                request_queue.settle,
                request,
                error_class=error_class,
                reason_code=reason_code,
                detail=detail,
            )
        except LeaseLost:
            return None
