"""The things the queue speaks of, as the database hands them out. No behaviour, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

URGENT, NORMAL, LOW = 1, 2, 3  # priorities; an urgent request is next
Verdict = Literal["go", "planned", "duplicate", "deferred", "held", "refused", "look"]


@dataclass(frozen=True, kw_only=True)
class NewRequest:
    """A request as it is submitted. The period includes both its days.

    `recipient` None means the address the portal has on file. `source` and `source_key` together
    enter once. `check_value` (surname or postcode) is required when a recipient is given.
    """

    portal: str
    account: str = field(repr=False)
    period_from: date
    period_to: date
    source_key: str
    recipient: str | None = field(default=None, repr=False)
    check_value: str | None = field(default=None, repr=False)
    reference: str | None = None
    channel: str = "cli"
    source: str = "cli"
    priority: int = NORMAL
    due_at: datetime | None = None
    not_before: datetime | None = None
    resend_reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What became of a submission; `entered` False: this source and key had entered before."""

    request_id: int
    entered: bool


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which queued requests a bot run may claim; all None: any. `received_to` is exclusive."""

    request_ids: tuple[int, ...] | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None

    def parameters(self) -> dict[str, Any]:
        """As the named queries want it."""
        return {
            "request_ids": None if self.request_ids is None else list(self.request_ids),
            "received_from": self.received_from,
            "received_to": self.received_to,
        }


@dataclass(frozen=True, kw_only=True)
class ClaimedRequest:
    """The request in hand: the claim's epoch must accompany every write.

    `look_only`: its attempts are used up while something is in doubt; nothing may be sent.
    """

    request_id: int
    epoch: int
    attempt_id: int
    bot_run_id: int
    portal: str
    account: str = field(repr=False)
    account_masked: str
    period_from: date
    period_to: date
    recipient: str | None = field(repr=False)
    check_value: str | None = field(repr=False)
    lease_until: datetime
    deadline_at: datetime
    look_only: bool


@dataclass(frozen=True, kw_only=True)
class FoundInvoice:
    """One invoice the portal listed for the period."""

    number: str
    issued_on: date
    kind: str


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One invoice to one recipient, as planned for the request in hand."""

    delivery_id: int
    invoice_number: str
    invoice_date: date
    kind: str
    state: str
    reason_code: str | None
    recipient_masked: str | None
    recipient: str | None = field(repr=False)
    sending_at: datetime | None
    sending_epoch: int | None
    clicked_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Permission:
    """The database's answer at its one door; only the verdict "go" allows a click."""

    verdict: Verdict
    reason_code: str | None = None
    sending_at: datetime | None = None
    deadline_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SentLogRow:
    """One row of the portal's own log of what it sent."""

    row_id: str | None
    invoice_number: str
    recipient: str
    sent_at: datetime
    sender: str | None


@dataclass(frozen=True, kw_only=True)
class Settled:
    """How the attempt ended for the request."""

    state: str
    reason_code: str | None


@dataclass(frozen=True, kw_only=True)
class Rescued:
    """A request taken back from a bot that stopped renewing its lease."""

    request_id: int
    bot_run_id: int
    state: str
    host: str
    boot_id: str
    process_group: int
    process_started_at: float


@dataclass(frozen=True, kw_only=True)
class Story:
    """Everything the database knows about one request, personal data masked."""

    request: dict[str, Any]
    attempts: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]
    events: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    evidence: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What `restored` did: from when on the bank's log counts, and when claiming begins."""

    since: datetime
    opens_at: datetime
    taken_back: int
    waiting: int


@dataclass(frozen=True, kw_only=True)
class SentByHand:
    """The request of a delivery that a person sent, and its state now."""

    request_id: int
    state: str


@dataclass(frozen=True, kw_only=True)
class DeskPortal:
    """A portal as the desk's form knows it; `closed_because` None: it is open."""

    name: str
    title: str
    account_example: str
    recipient_policy: Literal["on_file", "request", "either"]
    max_period_months: int
    time_zone: str
    today: date
    closed_because: str | None


@dataclass(frozen=True, kw_only=True)
class ListedRequest:
    """A request as a line of a list, personal data masked.

    `under_way` counts invoices that may have been sent and are not confirmed yet.
    """

    id: int
    state: str
    label: str
    meaning: str
    reason: str | None
    portal_title: str
    account_masked: str
    period_from: date
    period_to: date
    recipient_masked: str | None
    reference: str | None
    priority: int
    received_at: datetime
    not_before: datetime
    finished_at: datetime | None
    requested_by: str
    cancel_requested: bool
    invoices: int
    sent: int
    sent_before: int
    under_way: int


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search meant, and the newest request it found."""

    found_by: Literal["number", "reference", "account"]
    request_id: int
