"""One request on the desk: its story in plain words, its buttons, its pictures."""

from __future__ import annotations

import re
from typing import Any

import pytest

from billcopy import errors, evidence, request_queue
from billcopy.database import Login
from tests.desk_fixtures import Desk, rows, visible
from tests.integration import queue_steps as steps

ACCOUNT = "4031188"
SNAKE = re.compile(r"\b[a-z]+_[a-z_]+\b")
# Columns of a file are named as they must be written.
NAMES_ON_PURPOSE = {"period_from", "period_to", "check_value", "due_at", "resend_reason"}


@pytest.fixture
def bot(desk: Desk) -> Any:
    return desk.database.connect(Login.BOT)


def test_the_story_is_told_in_plain_words(desk: Desk, bot: Any) -> None:
    number = desk.log(account=ACCOUNT)
    claimed = steps.claim(bot)
    first, second = steps.plan(bot, claimed, 2)
    steps.begin(bot, claimed, first)
    steps.confirm(bot, claimed, first, "row-1")
    told = visible(desk.get(f"/requests/{number}").text)
    assert "In progress" in told
    assert f"Bill {first.invoice_number}: Sent, with a proof." in told
    assert "Proof: found in the bank's log." in told
    assert f"{second.invoice_number}" in told
    assert "Not sent yet" in told or "not sent yet" in told
    assert "The bot took it up." in told
    assert "Logged. rep" in told


def test_no_page_shows_the_codes_behind_the_words(desk: Desk, bot: Any) -> None:
    codes = {
        str(code)
        for (code,) in steps.execute(
            desk.database, "select code from billcopy.reasons where code ~ '_' "
        )
    }
    desk.log(account="4031101", recipient="a@x.ie", check_value="Byrne")
    claimed = steps.claim(bot)
    deliveries = steps.plan(bot, claimed, 3)
    steps.begin(bot, claimed, deliveries[0])
    steps.confirm(bot, claimed, deliveries[0], "row-1")
    steps.begin(bot, claimed, deliveries[1])
    steps.settle(bot, claimed, errors.PortalDown)
    desk.log(account="4031102")
    steps.settle(bot, steps.claim(bot), errors.NoAddressOnFile)
    held = desk.log(account="4031103")
    desk.post(f"/requests/{held}/change", {"change": "hold", "reason": "call back"})
    cancelled = desk.log(account="4031104")
    desk.post(
        f"/requests/{cancelled}/change", {"change": "priority", "priority": "1", "reason": "x"}
    )
    desk.post(f"/requests/{cancelled}/change", {"change": "cancel", "reason": "typed wrong"})
    desk.post(f"/requests/{cancelled}/account", {"reason": "a question"})
    pages = [f"/requests/{number}" for number in rows(desk.get("/").text)]
    for path in ["/", "/file", *pages]:
        told = visible(desk.get(path).text)
        assert not codes & set(re.findall(r"\b[A-Z][A-Z_]+\b", told)), path
        assert set(SNAKE.findall(told)) <= (NAMES_ON_PURPOSE if path == "/file" else set()), path
        spoken = set(re.findall(r"[a-z]+", told.lower()))
        machine = {"queued", "claimed", "epoch", "lease", "settled", "planned", "none", "null"}
        assert not machine & spoken, path


@pytest.mark.parametrize(
    ("change", "before", "after", "said"),
    [
        ("hold", None, "held", "It is set aside"),
        ("cancel", None, "cancelled", "It is cancelled"),
        ("release", "hold", "queued", "It is back in the queue."),
    ],
)
def test_a_button_does_what_it_says_and_keeps_why(
    desk: Desk, change: str, before: str | None, after: str, said: str
) -> None:
    number = desk.log(account=ACCOUNT)
    path = f"/requests/{number}/change"
    if before:
        desk.post(path, {"change": before, "reason": "first"})
    assert f'value="{change}"' in desk.get(f"/requests/{number}").text
    answer = desk.post(path, {"change": change, "reason": "the customer said so"})
    assert answer.status_code == 303
    assert desk.state(number) == after
    told = visible(desk.get(answer.headers["location"]).text)
    assert said in told
    assert "“the customer said so”" in told


def test_a_failed_request_is_tried_again_by_its_button(desk: Desk, bot: Any) -> None:
    number = desk.log(account=ACCOUNT)
    steps.settle(bot, steps.claim(bot), errors.AccountNotFound)
    page = desk.get(f"/requests/{number}").text
    assert 'value="retry"' in page
    assert 'value="hold"' not in page
    twin = desk.log(account=ACCOUNT)
    path = f"/requests/{number}/change"
    answer = desk.post(path, {"change": "retry", "reason": "account was corrected"})
    assert answer.status_code == 422
    assert "by another request that is still open" in visible(answer.text)
    desk.post(f"/requests/{twin}/change", {"change": "cancel", "reason": "double"})
    assert desk.post(path, {"change": "retry", "reason": "again"}).status_code == 303
    assert desk.state(number) == "queued"


def test_a_button_that_comes_too_late_says_so(desk: Desk, bot: Any) -> None:
    number = desk.log(account=ACCOUNT)
    steps.claim(bot)
    path = f"/requests/{number}/change"
    answer = desk.post(path, {"change": "hold", "reason": "wait"})
    assert answer.status_code == 422
    assert "It has changed meanwhile" in visible(answer.text)
    assert "claimed" not in visible(answer.text)
    assert 'value="wait"' in answer.text


@pytest.mark.parametrize("reason", ["", "   ", "x" * 301, "a\nb"])
def test_a_button_wants_to_know_why(desk: Desk, reason: str) -> None:
    number = desk.log(account=ACCOUNT)
    for path in ("change", "account"):
        answer = desk.post(f"/requests/{number}/{path}", {"change": "hold", "reason": reason})
        assert answer.status_code == 422
        assert "Reason" in visible(answer.text)
        assert ACCOUNT not in answer.text
    assert desk.state(number) == "queued"


def test_a_button_that_is_none_changes_nothing(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT)
    path = f"/requests/{number}/change"
    for values in ({"change": "erase"}, {"change": "priority", "priority": "7"}):
        answer = desk.post(path, {**values, "reason": "x"})
        assert answer.status_code == 422
        assert 'class="notice bad"' in answer.text or 'class="problem"' in answer.text
    assert desk.state(number) == "queued"


def test_the_account_number_is_shown_once_and_that_it_was_is_recorded(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT)
    answer = desk.post(f"/requests/{number}/account", {"reason": "the customer is on the phone"})
    assert answer.status_code == 200
    assert ACCOUNT in answer.text
    assert ACCOUNT not in str(answer.url)
    after = desk.get(f"/requests/{number}").text
    assert ACCOUNT not in after
    assert "The account number was shown. rep: “the customer is on the phone”" in visible(after)


def test_an_erased_request_shows_no_account_number(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT)
    desk.post(f"/requests/{number}/change", {"change": "cancel", "reason": "double"})
    ops = desk.database.connect(Login.OPS)
    request_queue.erase_subject(ops, number, actor="ops", reason="asked for")
    page = desk.get(f"/requests/{number}").text
    assert "have been erased" in visible(page)
    assert f"/requests/{number}/account" not in page
    assert desk.post(f"/requests/{number}/account", {"reason": "x"}).status_code == 404


# -- pictures --------------------------------------------------------------------------------------


def test_a_covered_picture_is_shown_to_who_may_look(desk: Desk, bot: Any) -> None:
    number = desk.log(account=ACCOUNT)
    claimed = steps.claim(bot)
    place = desk.database.settings.evidence_url
    stored = evidence.store(place, "practice/one.jpg", b"a picture")
    for kept in (
        stored,
        evidence.Stored(url=stored.url, digest="of something else"),
        evidence.Stored(url=f"{place}/../settings.jpg", digest=stored.digest),
        evidence.Stored(url="file:///etc/passwd.jpg", digest=stored.digest),
        evidence.store(place, "practice/page.json", b"{}"),
    ):
        request_queue.record_evidence(
            bot, claimed, kind="confirmation", url=kept.url, digest=kept.digest
        )
    page = desk.get(f"/requests/{number}").text
    places = re.findall(rf'href="(/requests/{number}/pictures/\d+)"', page)
    assert len(places) == 4
    found = desk.get(places[0])
    assert (found.status_code, found.content) == (200, b"a picture")
    assert found.headers["content-type"] == "image/jpeg"
    assert found.headers["cache-control"] == "no-store"
    for other in (*places[1:], f"/requests/{number}/pictures/999"):
        assert desk.get(other).status_code == 404
    elsewhere = desk.log(account="4031199")
    assert desk.get(places[0].replace(f"/{number}/", f"/{elsewhere}/")).status_code == 404
    desk.sign_in(None)
    assert desk.get(places[0]).status_code == 303
