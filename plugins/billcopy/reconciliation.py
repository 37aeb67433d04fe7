"""Which row of the portal's own log proves which delivery: rows and deliveries in, verdicts out.

A row proves a delivery if invoice, recipient and sender agree, it is not older than the delivery's
intent (less what the two clocks may differ and the log may round away), and it has not proved
another one before. Two such rows are no proof but a question for people: an e-mail may have gone
out twice. A row of the same invoice that nearly fits allows no conclusion: it may be ours by
another clock, or to the same person written differently, and "absent" would mean sending it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from billcopy.model import Delivery, SentLogRow

CLOCK_SKEW = timedelta(seconds=5)  # between the database's clock and the portal's
NEARLY = timedelta(days=1)  # an unproven row of the same invoice this close may be ours


class Found(Enum):
    """What the log says about one delivery."""

    SENT = "sent"
    ABSENT = "absent"
    AMBIGUOUS = "ambiguous"
    UNCLEAR = "unclear"


@dataclass(frozen=True, kw_only=True)
class Match:
    """The log's word on one delivery; `proof` is set only when it was sent."""

    delivery: Delivery
    found: Found
    proof: str | None = None


@dataclass(frozen=True, kw_only=True)
class LogRules:
    """What is known about a portal's log: its precision, and who its sender is for us."""

    precision: timedelta = timedelta(seconds=1)
    sender: str | None = None
    clock_skew: timedelta = CLOCK_SKEW


def proof_values(rows: Sequence[SentLogRow]) -> list[str]:
    """One value per row that stays the same at every look, in the rows' order.

    The row's own id where the portal shows one; else invoice, moment and an ordinal among rows
    that share both (oldest first, so that later rows do not renumber it). Never the recipient: a
    proof is kept when personal data are erased.
    """
    newest_first = len(rows) > 1 and rows[0].sent_at >= rows[-1].sent_at
    seen: Counter[str] = Counter()
    values = [""] * len(rows)
    order = range(len(rows) - 1, -1, -1) if newest_first else range(len(rows))
    for index in order:
        row = rows[index]
        if row.row_id:
            values[index] = row.row_id
            continue
        fields = f"{row.invoice_number}|{row.sent_at.isoformat()}"
        seen[fields] += 1
        values[index] = f"{fields}|{seen[fields]}"
    return values


def match(
    rows: Sequence[SentLogRow],
    deliveries: Iterable[Delivery],
    *,
    used: Collection[str],
    rules: LogRules,
) -> list[Match]:
    """Look each delivery up in the log; `used` are the proof values that proved something before.

    No row ever proves two deliveries: a row that fits two of them leaves both ambiguous.
    """
    free = [
        (row, proof)
        for row, proof in zip(rows, proof_values(rows), strict=True)
        if proof not in used
    ]
    candidates = [
        (delivery, [proof for row, proof in free if _fits(row, delivery, rules)])
        for delivery in deliveries
    ]
    wanted = Counter(proof for _, proofs in candidates for proof in proofs)
    matches = []
    for delivery, proofs in candidates:
        if not proofs and any(_nearly_fits(row, delivery) for row, _ in free):
            matches.append(Match(delivery=delivery, found=Found.UNCLEAR))
        elif not proofs:
            matches.append(Match(delivery=delivery, found=Found.ABSENT))
        elif len(proofs) == 1 and wanted[proofs[0]] == 1:
            matches.append(Match(delivery=delivery, found=Found.SENT, proof=proofs[0]))
        else:
            matches.append(Match(delivery=delivery, found=Found.AMBIGUOUS))
    return matches


def _fits(row: SentLogRow, delivery: Delivery, rules: LogRules) -> bool:
    if delivery.sending_at is None or delivery.recipient is None:
        return False
    earliest = delivery.sending_at - rules.clock_skew - rules.precision
    return (
        row.invoice_number.strip() == delivery.invoice_number
        and _same(row.recipient) == _same(delivery.recipient)
        and (not rules.sender or not row.sender or _same(row.sender) == _same(rules.sender))
        and row.sent_at >= earliest
    )


def _nearly_fits(row: SentLogRow, delivery: Delivery) -> bool:
    if delivery.sending_at is None or row.invoice_number.strip() != delivery.invoice_number:
        return False
    return row.sent_at >= delivery.sending_at - NEARLY


def _same(text: str) -> str:
    return text.strip().casefold()
