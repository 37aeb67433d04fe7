"""Which row of the sent log proves which delivery."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billcopy.model import Delivery, SentLogRow
from billcopy.reconciliation import Found, LogRules, match, proof_values

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RULES = LogRules(precision=timedelta(seconds=60), sender="svc-billcopy")


def row(**changes: Any) -> SentLogRow:
    values: dict[str, Any] = {
        "row_id": "r1",
        "invoice_number": "I-1",
        "recipient": "a@example.org",
        "sent_at": NOW,
        "sender": "svc-billcopy",
    }
    return SentLogRow(**{**values, **changes})


def delivery(**changes: Any) -> Delivery:
    values: dict[str, Any] = {
        "delivery_id": 1,
        "invoice_number": "I-1",
        "invoice_date": NOW.date(),
        "kind": "bill",
        "state": "sending",
        "reason_code": None,
        "recipient_masked": "a•••",
        "recipient": "a@example.org",
        "sending_at": NOW,
        "sending_epoch": 1,
        "clicked_at": NOW,
    }
    return Delivery(**{**values, **changes})


def verdicts(
    rows: Sequence[SentLogRow], *deliveries: Delivery, used: Sequence[str] = ()
) -> list[tuple[str, str | None]]:
    return [(one.found.value, one.proof) for one in match(rows, deliveries, used=used, rules=RULES)]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, "sent"),
        ({"recipient": " A@Example.ORG "}, "sent"),
        ({"sender": None}, "sent"),
        ({"sender": "SVC-BillCopy"}, "sent"),
        ({"sent_at": NOW - timedelta(seconds=65)}, "sent"),
        ({"sent_at": NOW + timedelta(days=2)}, "sent"),
        ({"sent_at": NOW - timedelta(seconds=66)}, "unclear"),
        ({"recipient": "b@example.org"}, "unclear"),
        ({"sender": "Billcopy Service"}, "unclear"),
        ({"sent_at": NOW - timedelta(days=2)}, "absent"),
        ({"invoice_number": "I-10"}, "absent"),
    ],
)
def test_a_row_proves_a_delivery_if_everything_agrees(change: dict[str, Any], found: str) -> None:
    assert verdicts([row(**change)], delivery()) == [(found, "r1" if found == "sent" else None)]


def test_a_row_that_proved_something_before_proves_nothing_now() -> None:
    assert verdicts([row()], delivery(), used=["r1"]) == [("absent", None)]
    again = [row(), row(row_id="r2", sent_at=NOW + timedelta(seconds=9))]
    assert verdicts(again, delivery(), used=["r1"]) == [("sent", "r2")]


def test_two_rows_that_fit_are_a_question_for_people() -> None:
    assert verdicts([row(), row(row_id="r2")], delivery()) == [("ambiguous", None)]


def test_a_row_that_fits_two_deliveries_proves_neither() -> None:
    assert verdicts([row()], delivery(), delivery(delivery_id=2)) == [("ambiguous", None)] * 2


def test_each_delivery_finds_its_own_row() -> None:
    rows = [row(), row(row_id="r2", invoice_number="I-2")]
    others = delivery(delivery_id=2, invoice_number="I-2")
    assert verdicts(rows, delivery(), others) == [("sent", "r1"), ("sent", "r2")]


def test_a_delivery_without_an_intent_is_never_sent() -> None:
    assert verdicts([row()], delivery(sending_at=None)) == [("absent", None)]


def test_the_shown_id_is_the_proof() -> None:
    assert proof_values([row(row_id="77")]) == ["77"]


def test_without_an_id_the_fields_are_and_no_address_stands_in_them() -> None:
    [value] = proof_values([row(row_id=None)])
    assert value.startswith("I-1|")
    assert "example" not in value


def test_rows_that_look_alike_keep_their_number_when_more_come() -> None:
    older = row(row_id=None)
    [first] = proof_values([older])
    newest_first = proof_values([row(row_id=None), older])
    assert newest_first[1] == first
    assert len(set(newest_first)) == 2
    earlier = row(row_id=None, sent_at=NOW - timedelta(hours=1))
    oldest_first = proof_values([earlier, older, row(row_id=None)])
    assert oldest_first[1] == first
    assert Found("sent") is Found.SENT
