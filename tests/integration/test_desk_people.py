"""What needs a person, on the desk: the worklist, seeing to it by hand, doubts for two people."""

from __future__ import annotations

import re
from typing import Any

import pytest

from billcopy import request_queue
from billcopy.database import Login
from tests.desk_fixtures import Desk, rows, visible
from tests.integration import queue_steps as steps

RANG = {"reason": "I rang the bank"}
EVERYBODYS = "/?show=person&whose=all"


def listed(desk: Desk) -> list[int]:
    return rows(desk.get(EVERYBODYS).text)


def states(desk: Desk, number: int) -> tuple[str, list[str]]:
    """Of the request, and of its bills."""
    told = request_queue.story(desk.database.connect(Login.DESK), number)
    return told.request["state"], [one["state"] for one in told.deliveries]


@pytest.fixture
def doubtful(desk: Desk) -> tuple[int, str]:
    """A request with a doubtful bill, and that delivery's number as the form says it."""
    number, delivery = steps.held_in_doubt(desk.database)
    return number, str(delivery.delivery_id)


def decide(desk: Desk, doubtful: tuple[int, str], **typed: str) -> Any:
    """Press a button of the bill's form as the page has it now, unless told otherwise."""
    read = {"read": "", **form(desk, doubtful[0])}
    return desk.post(
        f"/requests/{doubtful[0]}/doubt", {"delivery": doubtful[1], **read, **RANG, **typed}
    )


def form(desk: Desk, number: int) -> dict[str, str]:
    """What the page's form brings along unseen: the decision that it shows."""
    found = re.search(r'name="read" value="(\d*)"', desk.get(f"/requests/{number}").text)
    return {"read": found[1]} if found else {}


def sign_in(desk: Desk, name: str) -> None:
    desk.sign_in(name, may_decide=True)


# -- the worklist ----------------------------------------------------------------------------------


def test_what_failed_for_good_needs_a_person_until_somebody_has_seen_to_it(desk: Desk) -> None:
    number, bot, run = steps.used_up(desk.database)
    page = f"/requests/{number}"
    assert listed(desk) == []
    assert 'value="look_after"' not in desk.get(page).text
    steps.try_again(desk.database, bot, run)
    assert listed(desk) == [number]
    assert re.search(r'class="count alarm">1<', desk.get(EVERYBODYS).text)
    assert "Somebody must see to it" in visible(desk.get(page).text)

    answer = desk.post(f"{page}/change", {"change": "look_after", "reason": "sent on paper"})
    assert answer.status_code == 303
    assert listed(desk) == []
    told = visible(desk.get(answer.headers["location"]).text)
    assert "It no longer waits for a person." in told
    assert "Somebody has seen to it by hand. rep : “sent on paper”" in told.replace("rep:", "rep :")
    assert "by hand, said rep" in told
    twice = desk.post(f"{page}/change", {"change": "look_after", "reason": "me, too"})
    assert twice.status_code == 422
    again = desk.post(f"{page}/change", {"change": "retry", "reason": "the bank is well again"})
    assert again.status_code == 303
    assert "by hand, said rep" not in visible(desk.get(page).text)


def test_what_was_erased_meanwhile_is_only_seen_to(desk: Desk) -> None:
    number, bot, run = steps.used_up(desk.database)
    steps.try_again(desk.database, bot, run)
    ops = desk.database.connect(Login.OPS)
    request_queue.erase_subject(ops, number, actor="olga", reason="the customer asked")
    told = visible(desk.get(f"/requests/{number}").text)
    assert "cannot be tried again" in told
    assert "Seen to by hand" in told
    assert "Try again" not in told


def test_what_is_seen_to_too_early_says_so(desk: Desk) -> None:
    number, _, _ = steps.used_up(desk.database)
    path = f"/requests/{number}/change"
    answer = desk.post(path, {"change": "look_after", "reason": "sent on paper"})
    assert answer.status_code == 422
    assert "It has changed meanwhile" in visible(answer.text)


def test_operations_find_the_worklist_in_the_navigation(desk: Desk) -> None:
    link = 'href="/?show=person&amp;whose=all#list"'
    assert link not in desk.get("/").text
    sign_in(desk, "ann")
    assert link in desk.get("/").text
    assert 'aria-current="page">Needs a person' in desk.get(EVERYBODYS).text


# -- doubts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "agreed", "becomes"),
    [
        ("sent", "I agree: it was sent", "confirmed"),
        ("not_sent", "I agree: it was not sent: send it again", "planned"),
        ("give_up", "I agree: nobody can tell: never send it", "failed"),
    ],
)
def test_one_person_says_it_and_another_agrees(
    desk: Desk, doubtful: tuple[int, str], says: str, agreed: str, becomes: str
) -> None:
    page = f"/requests/{doubtful[0]}"
    sign_in(desk, "ann")
    assert "Was bill INV-0000 sent?" in visible(desk.get(page).text)
    answer = decide(desk, doubtful, say=says)
    assert answer.status_code == 303
    told = visible(desk.get(answer.headers["location"]).text)
    assert "It counts as soon as another person agrees." in told
    assert "You say:" in told
    assert "I agree" not in told
    assert states(desk, doubtful[0]) == ("held", ["in_doubt", "planned"])

    sign_in(desk, "bob")
    told = visible(desk.get(page).text)
    assert "ann says:" in told
    assert "“I rang the bank”" in told
    assert agreed in told
    answer = decide(desk, doubtful, say="agree", reason="I heard the call")
    assert answer.status_code == 303
    told = visible(desk.get(answer.headers["location"]).text)
    assert "so it is decided" in told
    assert "Was bill" not in told
    assert "“I heard the call”" in told
    assert states(desk, doubtful[0])[0] == "queued"
    assert states(desk, doubtful[0])[1][0] == becomes


def test_nobody_agrees_with_themselves(desk: Desk, doubtful: tuple[int, str]) -> None:
    sign_in(desk, "ann")
    decide(desk, doubtful, say="sent")
    for name in ("ann", "Ann"):
        sign_in(desk, name)
        answer = decide(desk, doubtful, say="agree")
        assert answer.status_code == 422
        assert "another person must agree" in visible(answer.text)
    assert states(desk, doubtful[0])[0] == "held"


@pytest.mark.parametrize("word", ["sent", "not_sent"])
def test_nobody_agrees_with_what_they_have_not_read(
    desk: Desk, doubtful: tuple[int, str], word: str
) -> None:
    sign_in(desk, "ann")
    decide(desk, doubtful, say="sent")
    bobs_page = form(desk, doubtful[0])
    sign_in(desk, "carol")
    decide(desk, doubtful, say=word, reason="only a guess")  # perhaps the same, for another reason
    sign_in(desk, "bob")
    answer = decide(desk, doubtful, say="agree", **bobs_page)
    assert answer.status_code == 422
    told = visible(answer.text)
    assert "Read again what stands here." in told
    assert "carol says:" in told
    assert "“only a guess”" in told
    assert states(desk, doubtful[0])[0] == "held"


def test_nobody_talks_over_what_they_have_not_read(desk: Desk, doubtful: tuple[int, str]) -> None:
    sign_in(desk, "bob")
    bobs_page = {"read": "", **form(desk, doubtful[0])}
    sign_in(desk, "ann")
    decide(desk, doubtful, say="sent")
    sign_in(desk, "bob")
    answer = decide(desk, doubtful, say="not_sent", **bobs_page)
    assert answer.status_code == 422
    assert "ann says:" in visible(answer.text)


def test_what_changes_between_page_and_database_is_said(
    desk: Desk, doubtful: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from billcopy.desk import doubts

    sign_in(desk, "ann")
    decide(desk, doubtful, say="sent")
    checked = doubts.check

    def then_somebody_is_faster(*given: Any, **who: Any) -> Any:
        doubt = checked(*given, **who)
        ops = desk.database.connect(Login.OPS)
        request_queue.approve_doubt(ops, doubt.decision_id, actor="carol", reason="me, too")
        return doubt

    monkeypatch.setattr(doubts, "check", then_somebody_is_faster)
    sign_in(desk, "bob")
    answer = decide(desk, doubtful, say="agree")
    assert answer.status_code == 422
    assert "Read again what stands here." in visible(answer.text)


@pytest.mark.parametrize("reason", ["", "x" * 301, "two\nlines"])
def test_who_says_it_says_how_they_know(desk: Desk, doubtful: tuple[int, str], reason: str) -> None:
    sign_in(desk, "ann")
    answer = decide(desk, doubtful, say="sent", reason=reason)
    assert answer.status_code == 422
    assert re.search(r'<p class="problem" id="doubt-\d+-problem">Reason[^<]{5,}</p>', answer.text)
    assert "says:" not in visible(answer.text)
    assert states(desk, doubtful[0]) == ("held", ["in_doubt", "planned"])


@pytest.mark.parametrize("say", ["", "delivered", "agree"])
def test_what_is_no_button_changes_nothing(desk: Desk, doubtful: tuple[int, str], say: str) -> None:
    sign_in(desk, "ann")
    assert decide(desk, doubtful, say=say).status_code == 422
    assert states(desk, doubtful[0]) == ("held", ["in_doubt", "planned"])


@pytest.mark.parametrize("delivery", ["", "0", "999999", "-1", "x"])
def test_another_requests_bill_is_not_decided_here(
    desk: Desk, doubtful: tuple[int, str], delivery: str
) -> None:
    sign_in(desk, "ann")
    answer = decide(desk, (doubtful[0], delivery), say="sent")
    assert answer.status_code == 422
    other = desk.log(account="4031102")
    assert decide(desk, (other, doubtful[1]), say="sent").status_code == 422
    assert decide(desk, (999_999, doubtful[1]), say="sent").status_code == 404
    assert "says:" not in visible(desk.get(f"/requests/{doubtful[0]}").text)


def test_what_a_person_has_set_aside_is_no_question_for_two(desk: Desk) -> None:
    number, bot, again, _ = steps.in_doubt(desk.database)
    steps.settle(bot, again)
    sign_in(desk, "ann")
    desk.post(f"/requests/{number}/change", {"change": "hold", "reason": "a dispute"})
    told = visible(desk.get(f"/requests/{number}").text)
    assert "Was bill" not in told
    assert "Somebody must look at it, then release or cancel it." in told


def test_what_is_to_be_cancelled_waits_for_two_people_first(
    desk: Desk, doubtful: tuple[int, str]
) -> None:
    page = f"/requests/{doubtful[0]}"
    sign_in(desk, "ann")
    desk.post(f"{page}/change", {"change": "cancel", "reason": "typed wrong"})
    told = visible(desk.get(page).text)
    assert "Operations decide" in told
    assert "Then it is cancelled." in told
    assert "send it again" not in told
    decide(desk, doubtful, say="not_sent")
    sign_in(desk, "bob")
    assert decide(desk, doubtful, say="agree").status_code == 303
    assert states(desk, doubtful[0])[0] == "queued"
    assert "It will be cancelled" in visible(desk.get(page).text)


def test_enter_in_a_form_with_several_buttons_presses_none(
    desk: Desk, doubtful: tuple[int, str]
) -> None:
    """A browser takes the first button for Enter's, and presses nothing if that is disabled."""
    sign_in(desk, "ann")
    page = desk.get(f"/requests/{doubtful[0]}").text
    for name in ("change", f"doubt-{doubtful[1]}"):
        start = page.index(f'id="{name}"')
        first = re.search(r"<button[^>]*>", page[start:])
        assert first is not None
        assert " disabled" in first[0]


def test_who_may_only_log_requests_reads_who_decides(desk: Desk, doubtful: tuple[int, str]) -> None:
    told = visible(desk.get(f"/requests/{doubtful[0]}").text)
    assert "Operations decide, two people together" in told
    assert "Was bill" not in told
    assert decide(desk, doubtful, say="sent").status_code == 403
    desk.sign_in("viewer", may_write=False, may_decide=True)
    assert decide(desk, doubtful, say="sent").status_code == 403
    sign_in(desk, "ann")
    foreign = desk.post(
        f"/requests/{doubtful[0]}/doubt",
        {"delivery": doubtful[1], "say": "sent", **RANG},
        headers={"origin": "https://evil.example"},
    )
    assert foreign.status_code == 403
    assert states(desk, doubtful[0]) == ("held", ["in_doubt", "planned"])


def test_a_decision_without_a_database_is_not_lost_silently(
    desk: Desk, doubtful: tuple[int, str]
) -> None:
    sign_in(desk, "ann")
    desk.broken = True
    answer = decide(desk, doubtful, say="sent")
    assert answer.status_code == 503
    assert "The database does not answer" in visible(answer.text)


def test_the_desks_own_login_may_not_decide(desk: Desk, doubtful: tuple[int, str]) -> None:
    clerk = desk.database.connect(Login.DESK)
    with pytest.raises(Exception, match="permission denied"):
        request_queue.decide_doubt(clerk, int(doubtful[1]), "sent", actor="ann", **RANG)
