"""A bot run without Robot, browser or database: its queue and its session in memory."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from billcopy import portal_profile
from billcopy.bot.context import BotRun, BrowserOptions
from billcopy.bot.order import StopReason
from billcopy.bot.rehearsal import RehearsalLedger
from billcopy.bot.work import BotWork
from billcopy.model import ClaimedRequest, Delivery, Permission, Settled

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PROFILE = portal_profile.load(Path(__file__).resolve().parents[1] / "robot/portals/practice")
FORM = {
    "account": "4027310",
    "invoice": "I-1",
    "recipient": "a@example.org",
    "name": "Ann Ash",
    "postcode": "A1",
}
DELIVERY = Delivery(
    delivery_id=1,
    invoice_number="I-1",
    invoice_date=NOW.date(),
    kind="Bill",
    state="planned",
    reason_code=None,
    recipient_masked=None,
    recipient=None,
    sending_at=None,
    sending_epoch=None,
    clicked_at=None,
)
GO = Permission(verdict="go", sending_at=NOW, deadline_at=NOW + timedelta(seconds=20))


def claimed(number: int = 1) -> ClaimedRequest:
    return ClaimedRequest(
        request_id=number,
        epoch=1,
        attempt_id=1,
        bot_run_id=1,
        portal="practice",
        account="4027310",
        account_masked="••10",
        period_from=date(2026, 1, 1),
        period_to=date(2026, 1, 31),
        recipient=None,
        check_value=None,
        lease_until=NOW + timedelta(minutes=2),
        deadline_at=NOW + timedelta(minutes=10),
        look_only=False,
    )


class Ledger(RehearsalLedger):
    """A queue in memory whose answers a test chooses; remembers what was asked."""

    may_send = True

    def __init__(self, requests: int = 1) -> None:
        super().__init__([claimed(number) for number in range(1, requests + 1)])
        self.answer: Permission | Exception = GO
        self.boom: dict[str, Exception] = {}
        self.claimed: list[int] = []
        self.settled: list[tuple[int, str | None, str | None]] = []
        self.confirmed: list[tuple[str, str]] = []
        self.open: list[Delivery] = []
        self.clock = NOW

    def next_request(self) -> ClaimedRequest | StopReason:
        if "claim" in self.boom:
            raise self.boom["claim"]
        taken = super().next_request()
        if isinstance(taken, ClaimedRequest):
            self.claimed.append(taken.request_id)
        return taken

    def begin(self, request: ClaimedRequest, delivery: Delivery, recipient: str) -> Permission:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def deliveries(self, request: ClaimedRequest) -> list[Delivery]:
        return self.open or super().deliveries(request)

    def confirm(self, request: ClaimedRequest, delivery: Delivery, kind: str, value: str) -> None:
        self.confirmed.append((kind, value))

    def record_click(self, *_: Any) -> None:
        pass

    def now(self) -> datetime:
        return self.clock

    def settle(
        self,
        request: ClaimedRequest,
        error_class: Any,
        reason_code: str | None,
        detail: str | None,
    ) -> Settled | None:
        if "settle" in self.boom:
            raise self.boom["settle"]
        self.settled.append((request.request_id, error_class, reason_code))
        return Settled(state="queued", reason_code=reason_code)


class Session:
    version = 7
    broken: list[str]

    def __init__(self) -> None:
        self.broken = []

    def is_broken(self, missing: str) -> None:
        self.broken.append(missing)


def working(ledger: Ledger | None = None) -> tuple[BotWork, Ledger, list[str]]:
    ledger = ledger or Ledger()
    said: list[str] = []
    work = BotWork(ledger, PROFILE, say=said.append, evidence_url="file:///nowhere")
    return work, ledger, said


def stream(requests: int = 3, limit: int = 50) -> tuple[BotRun, Ledger, list[Any]]:
    work, ledger, _ = working(Ledger(requests))
    breaker: list[Any] = []
    run = BotRun(
        work=work,
        session=Session(),  # type: ignore[arg-type]
        browser=BrowserOptions(executable=None, flags=()),
        left=limit,
        open_breaker=lambda error, version: breaker.append((error.code, version)),
    )
    return run, ledger, breaker
