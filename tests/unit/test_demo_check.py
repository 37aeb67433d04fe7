"""The demo's judgement: it must be able to fail, in each of its three witnesses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.demo_check import Expected, Mail, Outcome, judge, read_expected

EXPECTED = [
    Expected(reference="A-1", state="delivered", invoices=("INV-1", "INV-2"), recipient="a@x.org"),
    Expected(reference="A-2", state="rejected", code="NO_INVOICES"),
    Expected(reference="A-3", state="refused", code="period_to"),
]
OUTCOMES = [
    Outcome(reference="A-1", state="delivered", sent=("INV-2", "INV-1")),
    Outcome(reference="A-2", state="rejected", code="NO_INVOICES"),
    Outcome(reference="A-3", state="refused", code="period_to"),
]
MAILS = [
    Mail(recipient="a@x.org", invoices=("INV-1",)),
    Mail(recipient="a@x.org", invoices=("INV-2",)),
]


def test_what_is_as_expected_is_said_to_be() -> None:
    verdict = judge(EXPECTED, OUTCOMES, MAILS)
    assert verdict.differences == ()
    assert verdict.line == (
        "delivered 1 of 3 requests, 2 of 2 invoices, 0 duplicates, 2 could not be sent, as expected"
    )


def changed(position: int, **values):
    outcomes = list(OUTCOMES)
    outcomes[position] = replace(outcomes[position], **values)
    return outcomes


@pytest.mark.parametrize(
    ("outcomes", "mails", "says"),
    [
        (changed(0, state="partial"), MAILS, "A-1: partial (None), expected delivered (None)"),
        (changed(1, code="NO_ADDRESS"), MAILS, "A-2: rejected (NO_ADDRESS)"),
        (changed(1, state="delivered", code=None), MAILS, "A-2: delivered (None)"),
        (changed(0, sent=("INV-1",)), MAILS, "the database says that INV-1 was sent"),
        (changed(1, sent=("INV-9",)), MAILS, "A-2: the database says that INV-9 was sent"),
        (changed(0, proven=False), MAILS, "A-1: a delivery was confirmed without the bank's log"),
        (OUTCOMES[1:], MAILS, "A-1: nothing became of it"),
        ([*OUTCOMES, Outcome(reference="Z", state="delivered")], MAILS, "Z: nobody expected it"),
        (OUTCOMES, MAILS[1:], "no mail with INV-1 to a@x.org"),
        (OUTCOMES, [*MAILS, MAILS[0]], "a mail too many: INV-1 to a@x.org, 1 time(s)"),
        (OUTCOMES, [*MAILS, Mail(recipient="b@x.org", invoices=("INV-1",))], "nobody asked for"),
        (
            OUTCOMES,
            [*MAILS[1:], Mail(recipient="b@x.org", invoices=("INV-1",))],
            "no mail with INV-1 to a@x.org",
        ),
        (OUTCOMES, [*MAILS, Mail(recipient="a@x.org", invoices=())], "holds nothing"),
        (
            OUTCOMES,
            [Mail(recipient="a@x.org", invoices=("INV-1", "INV-2"))],
            "holds INV-1, INV-2, not one invoice",
        ),
    ],
)
def test_whatever_differs_is_found(outcomes, mails, says: str) -> None:
    verdict = judge(EXPECTED, outcomes, mails)
    assert any(says in difference for difference in verdict.differences), verdict.differences
    assert verdict.line.endswith("NOT as expected")


def test_a_mail_sent_twice_is_a_duplicate() -> None:
    assert judge(EXPECTED, OUTCOMES, [*MAILS, MAILS[0]]).duplicates == 1


def test_the_expected_file_is_read(tmp_path) -> None:
    file = tmp_path / "expected.yaml"
    file.write_text(
        "A-1: {state: delivered, invoices: [INV-1, INV-2], recipient: a@x.org}\n"
        "A-2: {state: rejected, code: NO_INVOICES}\n"
        "A-3: {refused_at_submit: period_to}\n"
    )
    assert read_expected(file) == EXPECTED
