"""A bot run that only reads: the portal's sent log, part by part, against our deliveries.

Nothing is claimed, the permit never opens (the ledger permits nothing). What differs is judged by
the database and becomes a finding there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from billcopy import portal_check, request_queue
from billcopy.bot import proving
from billcopy.bot.connection import PortalConnection
from billcopy.bot.ledger import stop_reason_of
from billcopy.bot.order import StopReason
from billcopy.portal_profile import Profile
from billcopy.portal_rules import READ_WHOLE_SENT_LOG
from billcopy.progress import Say
from billcopy.reconciliation import proof_values

# A row is a little older than the intent by its clock, and a day is the smallest step of `since`.
MARGIN = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One look: the whole log, or one account's."""

    since: str
    account: str | None = field(default=None, repr=False)
    invoices: list[str] = field(default_factory=list)
    delivery_ids: list[int] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether it is everything our user sent."""
        return self.account is None


class Reconciling:
    """One comparison; `next_part` says what to read until `compare` has had it."""

    def __init__(
        self,
        connection: PortalConnection,
        profile: Profile,
        *,
        bot_run_id: int,
        since: datetime,
        say: Say,
    ) -> None:
        self._database = connection
        self._profile = profile
        self._say = say
        self._kind = proving.KINDS.get(profile.sent_log.proof)
        self._whole = portal_check.defines(profile.folder, READ_WHOLE_SENT_LOG)
        self._number: int = connection.once(
            request_queue.start_reconciliation, bot_run_id, since=since
        )
        due = connection.repeatable(request_queue.deliveries_to_compare, self._number)
        provable = [one for one in due if one["proof_kind"] == self._kind]
        self._parts = self._parts_of(provable, since)
        self._checked = sum(len(part.delivery_ids) for part in self._parts)
        self._unchecked = len(due) - self._checked
        self._rows = 0
        self._complete = self._kind is not None
        self._counted: dict[str, int] = defaultdict(int)

    def _parts_of(self, due: Sequence[Mapping[str, Any]], since: datetime) -> list[Part]:
        day = self._profile.date_text((since - MARGIN).astimezone(self._profile.time_zone).date())
        if self._whole:
            return [Part(since=day, delivery_ids=[one["delivery_id"] for one in due])]
        accounts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for one in due:
            if one["account"] is not None:  # else its personal data are erased
                accounts[one["account"]].append(one)
        return [
            Part(
                since=day,
                account=account,
                invoices=sorted({one["invoice_number"] for one in ours}),
                delivery_ids=[one["delivery_id"] for one in ours],
            )
            for account, ours in accounts.items()
        ]

    @property
    def next_part(self) -> Part | None:
        """What is to be read next; None: all was."""
        return self._parts[0] if self._parts else None

    def compare(self, log: Mapping[str, Any], *, sender: str | None) -> None:
        """Have one look judged; then it is the next one's turn.

        Args:
            log: `rows` and `complete`, as the portal folder's keyword returned them.
            sender: our user; rows of others are not ours to judge.

        Raises:
            PageDrift: a row's moment or note is not readable.
        """
        part = self._parts[0]
        rows = proving.read_rows(self._profile, log)
        complete = log.get("complete") is True
        found = self._database.repeatable(
            request_queue.compare_sent_log,
            self._number,
            proof_kind=self._kind or "",
            log=[
                {
                    "proof": proof,
                    "invoice": row.invoice_number,
                    "recipient": row.recipient,
                    "sent_at": row.sent_at.isoformat(),
                    "ours": not row.sender or not sender or _same(row.sender, sender),
                }
                for row, proof in zip(rows, proof_values(rows), strict=True)
            ],
            delivery_ids=part.delivery_ids,
            complete=complete,
        )
        self._parts.pop(0)
        self._rows += len(rows)
        self._complete = self._complete and complete
        for name, count in found.items():
            self._counted[name] += count
        reach = "complete" if complete else "incomplete"
        differ = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in found.items())
        self._say(f"sent log: {len(rows)} row(s), {reach}; {differ}")

    def closed(self) -> StopReason | None:
        """Why nobody may work at the portal any more, if so."""
        return refusal(self._database, self._profile.name)

    def finish(self) -> None:
        """Write down how far it went."""
        complete = self._complete and not self._parts
        self._database.repeatable(
            request_queue.finish_reconciliation,
            self._number,
            complete=complete,
            whole_log=self._whole,
            rows_read=self._rows,
            checked=self._checked - sum(len(part.delivery_ids) for part in self._parts),
            unchecked=self._unchecked + sum(len(part.delivery_ids) for part in self._parts),
        )
        differ = sum(self._counted.values())
        self._say(
            f"reconciliation {self._number}: {self._checked} delivery(ies) looked for,"
            f" {self._unchecked} could not be, {differ} finding(s)"
            + ("" if complete else "; not all of the log could be read")
        )


def reconcile(
    connection: PortalConnection,
    profile: Profile,
    *,
    bot_run_id: int,
    since: datetime,
    say: Say,
    read: Callable[[Reconciling], StopReason],
) -> StopReason:
    """Compare what was sent since then; `read` works off the parts and says why it stopped."""
    if stop := refusal(connection, profile.name):
        say("the portal is closed; its sent log is not read")
        return stop
    reconciling = Reconciling(connection, profile, bot_run_id=bot_run_id, since=since, say=say)
    try:
        return StopReason.DRAINED if reconciling.next_part is None else read(reconciling)
    finally:
        reconciling.finish()


def refusal(connection: PortalConnection, portal: str) -> StopReason | None:
    """Why nobody may sign in now, if so."""
    stop = stop_reason_of(connection.repeatable(request_queue.portal_refusal, portal))
    return None if stop is StopReason.LIMIT else stop  # a daily cap is on sending


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()
