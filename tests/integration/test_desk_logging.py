"""Logging a request on the desk: what enters, what comes back, what is said beside a field."""

from __future__ import annotations

import re

import pytest

from billcopy import request_queue
from billcopy.database import Login
from tests.desk_fixtures import Desk, tags, visible
from tests.integration import queue_steps as steps

ACCOUNT = "4031188"


def beside(page: str, field: str) -> str:
    """What stands under a field as its problem."""
    found = re.search(rf'id="{field}-problem">([^<]*)<', page)
    assert found is not None, f"{field} has no place for a problem"
    return visible(found[1])


def logged(desk: Desk) -> int:
    return int(steps.execute(desk.database, "select count(*) from billcopy.requests")[0][0])


def test_a_form_becomes_a_queued_request_under_the_persons_name(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT, reference="CS-1", priority="1")
    page = desk.get(f"/?logged={number}").text
    assert f"Request {number} is logged. Waiting for the bot." in visible(page)
    told = visible(desk.get(f"/requests/{number}").text)
    assert "CS-1" in told
    assert "by rep" in told
    assert "Urgent" in told
    assert ACCOUNT not in page + told
    story = request_queue.story(desk.database.connect(Login.DESK), number)
    assert story.request["channel"] == "desk"
    assert story.events[0]["actor"] == "rep"


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"account": ""}, "account", "Account number is missing."),
        ({"account": "12"}, "account", "is not an account number of Practice Bank"),
        ({"account": "=4031188"}, "account", "a spreadsheet would take for a formula"),
        ({"account": "1" * 600}, "account", "is longer than 500 characters"),
        ({"period_from": ""}, "period_from", "First day is missing."),
        ({"period_from": "31/01/2025"}, "period_from", "is not written as YYYY-MM-DD"),
        ({"period_from": "2025-02-30"}, "period_from", "there is no 2025-02-30"),
        ({"period_from": "1980-01-01"}, "period_from", "the year 1980 cannot be meant"),
        ({"period_to": ""}, "period_to", "Last day is missing."),
        ({"period_to": "2099-01-01"}, "period_to", "Last day must not lie in the future."),
        ({"period_to": "2024-12-31"}, "period_to", "must not lie before “First day”."),
        ({"period_from": "2020-01-01"}, "period_to", "within 24 months of “First day”."),
        ({"recipient": "nobody"}, "recipient", "E-mail address is not an e-mail address."),
        ({"recipient": "a@x.ie"}, "check_value", "Surname or postcode must be given"),
        ({"recipient": "a@x.ie\r\nBcc: b@x.ie"}, "recipient", "holds a line break"),
        ({"check_value": "x" * 81}, "check_value", "at most 80 printable characters"),
        ({"reference": "r" * 65}, "reference", "Your reference: at most 64"),
        ({"reference": "a\u202eb"}, "reference", "invisible control character"),
        ({"priority": "9"}, "priority", "is none of 1 (urgent)"),
        ({"resend_reason": "x" * 201}, "resend_reason", "at most 200 printable characters"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_a_form_with_a_mistake_comes_back_as_it_was_typed(
    desk: Desk, changes: dict[str, str], field: str, said: str
) -> None:
    form = desk.form(**{"account": ACCOUNT, "reference": "CS-7", **changes})
    answer = desk.post("/requests", form)
    assert answer.status_code == 422
    if field == "check_value" and "recipient" in changes:
        form["recipient"] = "a@x.ie"
    assert said in beside(answer.text, field)
    assert form["token"] in answer.text
    by_id = {values["id"]: values for _, values in tags(answer.text) if "id" in values}
    assert [name for name, values in by_id.items() if "autofocus" in values] == [field]
    assert by_id[field]["aria-invalid"] == "true"
    assert f"{field}-problem" in str(by_id[field]["aria-describedby"])
    if "reference" not in changes:
        assert 'value="CS-7"' in answer.text
    assert logged(desk) == 0


def test_every_mistake_that_a_form_alone_shows_is_said_at_once(desk: Desk) -> None:
    answer = desk.post("/requests", desk.form(account="", period_from="x", period_to=""))
    for field in ("account", "period_from", "period_to"):
        assert beside(answer.text, field)


def test_a_bank_that_is_none_is_refused(desk: Desk) -> None:
    answer = desk.post("/requests", desk.form(portal="nowhere"))
    assert answer.status_code == 422
    assert "no portal is called" in visible(answer.text)


def test_the_same_form_sent_twice_enters_once(desk: Desk) -> None:
    form = desk.form(account=ACCOUNT)
    first, second = (desk.post("/requests", form) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    assert logged(desk) == 1


def test_a_form_that_comes_back_changed_is_no_double_click(desk: Desk) -> None:
    """Back in the browser, another account typed: it must not be swallowed by the old token."""
    form = desk.form(account=ACCOUNT)
    first = int(desk.post("/requests", form).headers["location"].rpartition("=")[2])
    again = desk.post("/requests", {**form, "account": "4039999"})
    assert again.status_code == 422
    assert f"request {first}" in visible(again.text)
    assert 'value="4039999"' in again.text
    token = re.search(r'name="token" value="([^"]+)"', again.text)
    assert token is not None
    assert token[1] != form["token"]
    third = desk.post("/requests", {**form, "account": "4039999", "token": token[1]})
    assert third.status_code == 303
    assert logged(desk) == 2


def test_the_same_ask_again_leads_to_the_request_that_is_open(desk: Desk) -> None:
    number = desk.log(account=ACCOUNT)
    answer = desk.post("/requests", desk.form(account=ACCOUNT))
    assert answer.status_code == 422
    assert f'/requests/{number}">request {number}</a>' in answer.text
    assert logged(desk) == 1


def test_a_token_that_is_none_gets_a_new_one(desk: Desk) -> None:
    assert desk.post("/requests", desk.form(token="x y")).status_code == 303
    assert desk.post("/requests", desk.form(token="", account=ACCOUNT)).status_code == 303
    assert logged(desk) == 2


@pytest.mark.parametrize("key", ["last-month", "three-months", "twelve-months", "this-year"])
def test_a_usual_period_is_filled_in_without_javascript(desk: Desk, key: str) -> None:
    answer = desk.post("/requests", desk.form(account=ACCOUNT, shortcut=key, reference="CS-9"))
    assert answer.status_code == 200
    assert 'value="CS-9"' in answer.text
    assert logged(desk) == 0
    dates = dict(
        re.findall(r'id="(period_\w+)" name="\w+" type="date" value="([^"]+)"', answer.text)
    )
    assert dates["period_from"] > "2025-01-01"
    again = {name: dates[name] for name in ("period_from", "period_to")}
    assert desk.post("/requests", desk.form(account=ACCOUNT, **again)).status_code == 303


def test_what_somebody_typed_is_text_and_never_markup(desk: Desk) -> None:
    attack = "<script>alert(1)</script>"
    number = desk.log(account=ACCOUNT, reference=attack)
    desk.sign_in(f"eve{attack}")
    desk.log(account="4031199")
    pages = [
        desk.get("/?whose=all").text,
        desk.get(f"/requests/{number}").text,
        desk.post("/requests", desk.form(account=attack, reference='"><img src=x>')).text,
        desk.post("/find", {"text": attack}).text,
    ]
    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "alert(1)" in visible(pages[0])


def test_a_bank_that_sends_only_to_the_address_on_file_asks_for_no_other(desk: Desk) -> None:
    steps.execute(desk.database, "update billcopy.portals set recipient_policy = 'on_file'")
    assert 'name="recipient"' not in desk.get("/").text
    answer = desk.post("/requests", desk.form(recipient="a@x.ie", check_value="Byrne"))
    assert answer.status_code == 422
    assert logged(desk) == 0


def test_with_several_banks_one_is_chosen(desk: Desk) -> None:
    request_queue.register_portal(
        desk.database.connect(Login.OPS),
        name="harbour",
        title="Harbour Bank",
        account_pattern="^[0-9]{10}$",
        account_example="0004027310",
        recipient_policy="on_file",
        time_zone="Europe/Dublin",
        actor="tests",
    )
    page = desk.get("/").text
    assert '<option value="harbour"' in page
    number = desk.log(portal="harbour", account="0000000012")
    assert "Harbour Bank" in visible(desk.get(f"/requests/{number}").text)


def test_what_was_typed_survives_a_database_that_does_not_answer(desk: Desk) -> None:
    form = desk.form(account=ACCOUNT, reference="CS-3")
    desk.broken = True
    answer = desk.post("/requests", form)
    assert answer.status_code == 503
    assert 'value="CS-3"' in answer.text
    assert form["token"] in answer.text
    assert "again in a minute" in visible(answer.text)
    desk.broken = False
    assert desk.post("/requests", form).status_code == 303


def test_a_form_that_is_far_too_long_is_not_read(desk: Desk) -> None:
    assert desk.post("/requests", {"account": "1" * 100_000}).status_code == 413
