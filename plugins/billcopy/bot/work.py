"""The request in hand: taking it, what went wrong with it, ending it.

Whoever raises one of our errors while a request is in hand is recorded here, and the record decides
the settlement: Robot's PASS or FAIL proves nothing. `sending` and `proving` are the two
halves of the work itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from billcopy import evidence, progress
from billcopy.bot import failure as bot_failure
from billcopy.bot.evidence import Pictures
from billcopy.bot.ledger import Ledger
from billcopy.bot.order import StopReason
from billcopy.bot.trail import Trail
from billcopy.errors import (
    AttemptTimedOut,
    BillCopyError,
    LeaseLost,
    LocatorTimedOut,
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
_LOOKING = ("Browser", "Reading")
"""The libraries whose keywords fail because the page is not as the portal folder says."""


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
        largest_evidence: int = evidence.LARGEST,
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
        self.trail = Trail()
        self.failure: dict[str, Any] | None = None
        """Where the task stopped, as `bot_failure.report` tells it."""
        self._known = bot_failure.vocabulary(profile.folder)
        self._watch = Stopwatch()
        self._resumed = False
        self._looking: Refused | None = None
        self._pictures = Pictures(evidence_url, say=say, largest=largest_evidence)

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

    def look_first(self, refusal: Refused) -> None:
        """Remember that something waits for a look at the log: no error, but not done either."""
        self._looking = refusal

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
            error = AttemptTimedOut() if self.is_late else self.unnamed()
        error = error or self._looking
        try:
            self._write_down(error)
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

    @property
    def is_late(self) -> bool:
        """Whether the attempt's time is over."""
        return self.ledger.now() >= self.in_hand.deadline_at - _ALMOST

    def unnamed(self) -> BillCopyError:
        """What to call a failure that nobody has recorded."""
        stop = self.trail.stop
        if stop is None or stop.library not in _LOOKING or stop.place.file is None:
            return Unexpected()
        in_folder = stop.place.file.parent == self.profile.folder.resolve()
        return LocatorTimedOut() if in_folder else Unexpected()

    @property
    def wants_report(self) -> bool:
        """Whether the failure is one that somebody might have to mend."""
        return self.error is None or self.error.error_class == "application"

    def stopped_on(self, screen: Mapping[str, Any] | None) -> None:
        """The task failed, and this is what the page showed; None: there was none to ask."""
        if not self.wants_report:
            return
        replay, about = None, ""
        if self.request is not None:
            number = self.request.request_id
            about = f"request {number}: "
            if self.ledger.may_send:
                replay = f'make bot PORTAL={self.profile.name} ARGS="--request {number}"'
        self.failure = bot_failure.report(
            self.trail.stop, screen, known=self._known, masker=self.masker, replay=replay
        )
        self.say(about + bot_failure.sentence(self.failure))

    def _write_down(self, error: BillCopyError | None) -> None:
        """Pictures, keywords and the failure, together; what cannot be kept fails nothing."""
        kept = self._pictures.write_down(self.ledger)
        steps = self.trail.steps()
        if error is not None and self.failure is not None:
            told = {**self.failure, **({"picture": kept["failure"]} if "failure" in kept else {})}
            steps.append({"ago": 0.0, "kind": "failure", "step": "stopped", "detail": told})
        try:
            if steps:
                self.ledger.steps(self.in_hand, steps)
        except BillCopyError as problem:
            self.say(f"request {self.in_hand.request_id}: steps not kept ({problem.code})")

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
        self.request = self.error = self.failure = None
        self.forms = {}
        self.rehearsed = []
        self.last_click = 0.0
        self._resumed = False
        self._looking = None
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

    def wants_picture(self, kind: str) -> bool:
        """Whether a picture is kept: of a failure always, else if it can show anything."""
        return self.ledger.may_send and (kind == "failure" or bool(self.profile.evidence_show))

    def keep_picture(
        self,
        kind: str,
        picture: Mapping[str, Any],
        delivery: Delivery | None,
        *,
        structure: Any = None,
    ) -> None:
        """Keep what `pictureOfPage` took as evidence, covered except for its boxes."""
        jpeg, boxes = picture["jpeg"], picture["boxes"]
        about = (self.in_hand, delivery, kind)
        self._pictures.keep(*about, jpeg=jpeg, boxes=boxes, structure=structure)

    def clicked_now(self) -> None:
        """Remember the moment of the last click, for the wait before the log is read."""
        self.last_click = time.monotonic()
