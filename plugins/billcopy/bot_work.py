"""The request in hand: taking it, what went wrong with it, ending it.

Whoever raises one of our errors while a request is in hand is recorded here, and the record decides
the settlement: Robot's PASS or FAIL proves nothing. `bot_sending` and `bot_proving` are the two
halves of the work itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from billcopy import progress
from billcopy.bot_evidence import Pictures
from billcopy.bot_ledger import Ledger
from billcopy.bot_order import StopReason
from billcopy.errors import (
    AttemptTimedOut,
    BillCopyError,
    LeaseLost,
    Refused,
    SessionExpired,
    Unexpected,
)
from billcopy.form_check import SendForm
from billcopy.masking import Masker
from billcopy.model import ClaimedRequest, Delivery, Settled
from billcopy.portal_profile import Profile
from billcopy.progress import Say, Stopwatch

_ALMOST = timedelta(seconds=1)


def code_of(error: BillCopyError) -> str:
    """The reason code to write down for an error."""
    return error.refusal if isinstance(error, Refused) else error.code


class BotWork:
    """One bot run's work, one request at a time, in one thread."""

    def __init__(
        self,
        ledger: Ledger,
        profile: Profile,
        *,
        say: Say,
        evidence_url: str,
        test_accounts: bool = False,
    ) -> None:
        self.ledger = ledger
        self.profile = profile
        self.say = say
        self.masker = Masker(strict=not test_accounts)
        self.sender: str | None = None
        """The service user, as the portal's log names it."""
        self.request: ClaimedRequest | None = None
        self.error: BillCopyError | None = None
        self.stop: StopReason | None = None
        self.forms: dict[int, SendForm] = {}
        self.rehearsed: list[Delivery] = []
        """What a rehearsal would have sent: it reads the log, too."""
        self.last_click = 0.0
        self._watch = Stopwatch()
        self._resumed = False
        self._pictures = Pictures(evidence_url, say=say)

    @property
    def in_hand(self) -> ClaimedRequest:
        """The claimed request.

        Raises:
            Unexpected: there is none.
        """
        if self.request is None:
            raise Unexpected("No request was claimed.")
        return self.request

    @property
    def seconds_left(self) -> float:
        """How long the attempt may still take, by the database's clock."""
        left = self.in_hand.deadline_at - self.ledger.now()
        return min(86_400.0, max(1.0, left.total_seconds()))

    def take_next(self) -> ClaimedRequest | None:
        """Claim the next request; None where there is none, and `stop` says why."""
        self._clear()
        taken = self.ledger.next_request()
        if isinstance(taken, StopReason):
            self.stop = taken
            return None
        self.request = taken
        self._watch = Stopwatch()
        self.masker.remember([taken.account, taken.recipient, taken.check_value])
        self.say(progress.request_taken(taken))
        return taken

    def record(self, error: BillCopyError) -> None:
        """Remember what went wrong; the first error counts, the others follow from it."""
        if self.error is None:
            self.error = error

    def resume_after_expiry(self) -> None:
        """Forget that the session expired, once per request.

        Raises:
            SessionExpired: it did so for the second time.
        """
        if self._resumed or not isinstance(self.error, SessionExpired):
            raise self.error or SessionExpired()
        self._resumed = True
        self.error = None
        self.step("signing in again")

    def settle(self, *, passed: bool, detail: str) -> Settled | None:
        """End the attempt; None where another bot run has taken the request over.

        The recorded error decides; a failure that nobody recorded is UNEXPECTED.
        """
        request, error = self.in_hand, self.error
        if error is None and not passed:
            late = self.ledger.now() >= request.deadline_at - _ALMOST
            error = AttemptTimedOut() if late else Unexpected()
        try:
            self._pictures.write_down(self.ledger)
            settled = None
            if not isinstance(error, LeaseLost):
                settled = self.ledger.settle(
                    request,
                    error.error_class if error else None,
                    code_of(error) if error else None,
                    detail if error else None,
                )
            self._tell(request, settled, error)
            return settled
        finally:
            self._clear()

    def _tell(
        self, request: ClaimedRequest, settled: Settled | None, error: BillCopyError | None
    ) -> None:
        if settled is None:
            self.say(f"request {request.request_id}: taken over by another bot run")
            return
        why = code_of(error) if error else None
        seconds = self._watch.seconds
        self.say(progress.request_ended(request, settled, seconds=seconds, why=why))

    def _clear(self) -> None:
        self.request = self.error = None
        self.forms = {}
        self.rehearsed = []
        self.last_click = 0.0
        self._resumed = False
        self.masker.forget()

    # -- what is written down ----------------------------------------------------------------------

    def deliveries(self) -> list[Delivery]:
        """What is planned for the request in hand, the doubtful first."""
        return self.ledger.deliveries(self.in_hand)

    def step(self, name: str, delivery: Delivery | None = None, **detail: Any) -> None:
        """Write a checkpoint; `detail` holds no personal data."""
        self.ledger.step(self.in_hand, name, delivery, detail)

    def say_of(self, delivery: Delivery, what: str) -> None:
        """One line about one invoice."""
        self.say(progress.delivery_line(self.in_hand, delivery, what))

    @property
    def wants_pictures(self) -> bool:
        """Whether anything of a picture would be kept."""
        return self.ledger.may_send and bool(self.profile.evidence_show)

    def keep_picture(
        self,
        kind: str,
        jpeg: str,
        boxes: Sequence[Mapping[str, float]],
        delivery: Delivery | None,
    ) -> None:
        """Keep a picture (base64) as evidence, covered except for the boxes."""
        self._pictures.keep(self.in_hand, delivery, kind, jpeg=jpeg, boxes=boxes)

    def clicked_now(self) -> None:
        """Remember the moment of the last click, for the wait before the log is read."""
        self.last_click = time.monotonic()
