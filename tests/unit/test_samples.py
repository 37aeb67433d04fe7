"""The samples and what is expected of them agree with the practice bank's data."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from sandbox import data

SAMPLES = Path(data.__file__).parent / "samples"


def samples() -> dict[str, tuple[dict[str, str], dict[str, Any]]]:
    with (SAMPLES / "requests.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["reference"]: row for row in csv.DictReader(file)}
    expected = yaml.safe_load((SAMPLES / "expected.yaml").read_text(encoding="utf-8"))
    assert list(rows) == list(expected)
    return {name: (row, expected[name]) for name, row in rows.items()}


def bills(row: dict[str, str]) -> list[str]:
    period = (date.fromisoformat(row["period_from"]), date.fromisoformat(row["period_to"]))
    return [
        invoice.number
        for invoice in data.invoices()
        if invoice.account == row["account"]
        and period[0] <= invoice.issued_on <= period[1]
        and invoice.kind == data.BILL
    ]


def test_there_are_25_samples_with_40_invoices_to_send() -> None:
    expected = [told for _, told in samples().values()]
    assert len(expected) == 25
    assert sum(len(told.get("invoices", ())) for told in expected) == 40


def test_a_delivered_sample_sends_every_bill_of_its_period_and_nothing_else() -> None:
    for name, (row, told) in samples().items():
        if told.get("state") == "delivered":
            listed = told["invoices"] + told.get("duplicates", [])
            assert sorted(listed) == sorted(bills(row)), name


def test_no_recipient_is_sent_the_same_invoice_twice() -> None:
    sent = Counter(
        (told["recipient"], number)
        for _, told in samples().values()
        for number in told.get("invoices", ())
    )
    assert set(sent.values()) == {1}


def test_the_recipient_is_the_typed_one_or_the_one_on_file() -> None:
    on_file = {account.number: account.email for account in data.accounts()}
    for name, (row, told) in samples().items():
        if told.get("state") == "delivered":
            assert told["recipient"] == (row["recipient"] or on_file[row["account"]]), name


def test_the_samples_that_send_nothing_have_their_cause_in_the_data() -> None:
    accounts = {account.number: account for account in data.accounts()}
    causes = {}
    for row, told in samples().values():
        account = accounts.get(row["account"])
        match told.get("code") or told.get("refused_at_submit"):
            case "ACCOUNT_NOT_FOUND" as code:
                assert account is None
                assert any(row["account"] in number for number in accounts)
            case "NO_INVOICES" as code:
                assert bills(row) == []
            case "NO_ADDRESS" as code:
                assert account is not None
                assert account.email is None
            case "CHECK_VALUE_MISMATCH" as code:
                assert account is not None
                assert row["check_value"] not in (account.surname, account.postcode)
            case "TOO_MANY_INVOICES" as code:
                assert len(bills(row)) > 24
            case "row" | "period_from" | "period_to" as code:
                pass
            case code:
                assert code is None
                continue
        causes[code] = row
    assert len(causes) == 8


def test_the_awkward_ones_are_there() -> None:
    rows = {name: row for name, (row, _) in samples().items()}
    kinds = {
        (invoice.account, invoice.kind)
        for invoice in data.invoices()
        if invoice.issued_on.isoformat().startswith("2025-07")
    }
    assert ("41907736", data.CREDIT_NOTE) in kinds
    assert len(bills(rows["CS-1012"])) > 10  # more than one page
    assert len(bills(rows["CS-1011"])) == 2  # a single day
    assert rows["CS-1011"]["period_from"] == rows["CS-1011"]["period_to"]
    assert len(bills(rows["CS-1010"])) == 3  # both bounds count
