"""Compare what the demo did with what it should have done: pure, so that it can be shown to fail.

Three witnesses must agree with the expected file: the queue's database, the mails that arrived, and
the outcome a representative reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REFUSED = "refused"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is to become of one sample: its final state, or a refusal at submission."""

    reference: str
    state: str
    code: str | None = None
    invoices: tuple[str, ...] = ()
    recipient: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one sample, from the database alone."""

    reference: str
    state: str
    code: str | None = None
    words: str = ""
    account_masked: str = ""
    request_id: int | None = None
    seconds: float | None = None
    evidence: str = ""
    sent: tuple[str, ...] = ()
    proven: bool = True


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail that arrived: to whom, with which invoice numbers in its PDFs."""

    recipient: str
    invoices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The demo's figures, and everything that is not as expected."""

    delivered: int
    requests: int
    invoices_sent: int
    invoices_expected: int
    duplicates: int
    not_sent: int
    differences: tuple[str, ...] = field(default=())

    @property
    def line(self) -> str:
        """The demo's last line."""
        return (
            f"delivered {self.delivered} of {self.requests} requests, "
            f"{self.invoices_sent} of {self.invoices_expected} invoices, "
            f"{self.duplicates} duplicates, {self.not_sent} could not be sent, "
            + ("as expected" if not self.differences else "NOT as expected")
        )


def read_expected(path: Path) -> list[Expected]:
    """The expected file: per reference `state` or `refused_at_submit`, `invoices`, `recipient`."""
    content: Mapping[str, Mapping[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        Expected(
            reference=reference,
            state=REFUSED if "refused_at_submit" in told else told["state"],
            code=told.get("refused_at_submit") or told.get("code"),
            invoices=tuple(told.get("invoices") or ()),
            recipient=told.get("recipient"),
        )
        for reference, told in content.items()
    ]


def judge(
    expected: Sequence[Expected], outcomes: Sequence[Outcome], mails: Sequence[Mail]
) -> Verdict:
    """Hold the three against each other."""
    wanted_mails = Counter(
        (one.recipient or "", number) for one in expected for number in one.invoices
    )
    arrived = Counter((mail.recipient, number) for mail in mails for number in mail.invoices)
    differences = [
        *_outcomes_that_differ(expected, outcomes),
        *_mails_that_differ(wanted_mails, arrived, mails),
    ]
    duplicates = sum(count - 1 for count in arrived.values() if count > 1)
    return Verdict(
        delivered=sum(one.state == "delivered" for one in outcomes),
        requests=len(expected),
        invoices_sent=sum((arrived & wanted_mails).values()),
        invoices_expected=wanted_mails.total(),
        duplicates=duplicates,
        not_sent=sum(one.state != "delivered" for one in outcomes),
        differences=tuple(differences),
    )


def _outcomes_that_differ(expected: Sequence[Expected], outcomes: Sequence[Outcome]) -> list[str]:
    found = {one.reference: one for one in outcomes}
    differences = [
        f"{name}: nobody expected it" for name in found.keys() - {e.reference for e in expected}
    ]
    for want in expected:
        got = found.get(want.reference)
        if got is None:
            differences.append(f"{want.reference}: nothing became of it")
            continue
        if (got.state, got.code) != (want.state, want.code):
            differences.append(
                f"{want.reference}: {got.state} ({got.code}), expected {want.state} ({want.code})"
            )
        if sorted(got.sent) != sorted(want.invoices):
            differences.append(
                f"{want.reference}: the database says that {_listed(got.sent)} was sent, "
                f"expected {_listed(want.invoices)}"
            )
        if not got.proven:
            differences.append(f"{want.reference}: a delivery was confirmed without the bank's log")
    return differences


def _mails_that_differ(
    wanted: Counter[tuple[str, str]],
    arrived: Counter[tuple[str, str]],
    mails: Sequence[Mail],
) -> list[str]:
    differences = [f"no mail with {number} to {to}" for to, number in wanted - arrived]
    for (to, number), surplus in (arrived - wanted).items():
        wrong = "a mail too many" if (to, number) in wanted else "a mail nobody asked for"
        differences.append(f"{wrong}: {number} to {to}, {surplus} time(s)")
    differences += [
        f"a mail to {mail.recipient} holds {_listed(mail.invoices)}, not one invoice"
        for mail in mails
        if len(mail.invoices) != 1
    ]
    return differences


def _listed(numbers: Sequence[str]) -> str:
    return ", ".join(sorted(numbers)) or "nothing"
