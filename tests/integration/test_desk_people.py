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
    return desk.post(f"/requests/{doubtful[0]}/doubt", {"delivery": doubtful[1], **RANG, **typed})


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
    again = desk.post(f"{page}/change", {"change": "retry", "reason": "the bank is well again"})
    assert again.status_code == 303
    assert "by hand, said rep" not in visible(desk.get(page).text)


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
    answer = decide(desk, doubtful, agree=says, reason="I heard the call")
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
        answer = decide(desk, doubtful, agree="sent")
        assert answer.status_code == 422
        assert "another person must agree" in visible(answer.text)
    assert states(desk, doubtful[0])[0] == "held"


def test_nobody_agrees_with_what_they_have_not_read(desk: Desk, doubtful: tuple[int, str]) -> None:
    sign_in(desk, "ann")
    decide(desk, doubtful, say="sent")
    decide(desk, doubtful, say="not_sent")  # while bob's page still says: sent
    sign_in(desk, "bob")
    answer = decide(desk, doubtful, agree="sent")
    assert answer.status_code == 422
    told = visible(answer.text)
    assert "Read again what stands here." in told
    assert "I agree: it was not sent" in told
    assert states(desk, doubtful[0])[0] == "held"


@pytest.mark.parametrize(
    "typed",
    [
        {"reason": ""},
        {"reason": "x" * 301},
        {"reason": "two\nlines"},
        {"say": "delivered"},
        {"say": "", "agree": "perhaps"},
    ],
)
def test_what_cannot_be_said_changes_nothing(
    desk: Desk, doubtful: tuple[int, str], typed: dict[str, str]
) -> None:
    sign_in(desk, "ann")
    answer = decide(desk, doubtful, **{"say": "sent", **typed})
    assert answer.status_code == 422
    assert re.search(r'<p class="problem" id="doubt-\d+-problem">[^<]{5,}</p>', answer.text)
    assert "says:" not in visible(answer.text)
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
