"""The judge of a chaos run finds what must not be; a judge that finds nothing proves nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from sandbox.chaos.feeding import Ask, asks
from sandbox.chaos.judge import Event, Trail, Verdict, judge

ASK = Ask(
    account="3310487",
    recipient="a@example.org",
    period_from=date(2026, 1, 1),
    period_to=date(2026, 2, 28),
    invoices=("I-1", "I-2"),
)
SENT = [("a@example.org", "I-1"), ("a@example.org", "I-2")]
LEGAL = {
    "request": {("queued", "claimed"), ("claimed", "queued"), ("claimed", "delivered")},
    "delivery": {("planned", "sending"), ("sending", "confirmed"), ("sending", "in_doubt")},
}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def chain(entity: str, entity_id: str, *states: str) -> list[Event]:
    return [
        Event(
            at=NOON + timedelta(seconds=number),
            entity=entity,
            entity_id=entity_id,
            from_state=before,
            to_state=after,
        )
        for number, (before, after) in enumerate(zip((None, *states), states, strict=False))
    ]


GOOD = Trail(
    state="delivered",
    deliveries={
        "7": ("I-1", "confirmed", "sent_log"),
        "8": ("I-2", "confirmed", "sent_log"),
    },
    attempts=[True],
    events=[
        *chain("request", "1", "queued", "claimed", "delivered"),
        *chain("delivery", "7", "planned", "sending", "confirmed"),
        *chain("delivery", "8", "planned", "sending", "confirmed"),
    ],
)


def judged(trail: Trail = GOOD, mails=SENT, log=None) -> Verdict:
    return judge(
        {1: ASK}, mails=mails, log=mails if log is None else log, trails={1: trail}, legal=LEGAL
    )


def test_what_is_as_promised_has_no_fault() -> None:
    verdict = judged()
    assert verdict.faults == ()
    assert (verdict.invoices, verdict.mails, verdict.duplicates, verdict.lost) == (2, 2, 0, 0)


def test_a_second_mail_is_a_duplicate() -> None:
    verdict = judged(mails=[*SENT, SENT[0]])
    assert verdict.duplicates == 1
    assert verdict.faults


def test_a_mail_that_never_came_is_a_loss() -> None:
    verdict = judged(mails=SENT[:1])
    assert verdict.lost == 1
    assert verdict.faults


@pytest.mark.parametrize(
    ("trail", "words"),
    [
        (replace(GOOD, state="claimed"), "is claimed"),
        (replace(GOOD, attempts=[False]), "no end"),
        (replace(GOOD, attempts=[True, True]), "1 claims in the trail, but 2 attempts"),
        (replace(GOOD, events=GOOD.events[1:]), "no beginning"),
        (replace(GOOD, events=[GOOD.events[0], *GOOD.events[2:]]), "gap in the trail"),
        (
            replace(
                GOOD, events=[*GOOD.events[:3], *chain("delivery", "7", "planned", "confirmed")]
            ),
            "illegal change",
        ),
        (replace(GOOD, deliveries={"7": GOOD.deliveries["7"]}), "proven are ['I-1']"),
    ],
)
def test_a_trail_that_is_not_whole_is_named(trail: Trail, words: str) -> None:
    assert any(words in fault for fault in judged(trail).faults), judged(trail).faults


def test_a_mail_that_the_portal_does_not_know_of_is_named() -> None:
    assert any("log" in fault for fault in judged(log=SENT[:1]).faults)


def test_no_invoice_is_asked_for_twice() -> None:
    numbers = [number for ask in asks(Random(1)) for number in ask.invoices]
    assert len(numbers) == len(set(numbers)) > 800
