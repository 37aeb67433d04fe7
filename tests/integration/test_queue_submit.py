"""The door for requests: what is refused, with the field and the rule named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.waiting import until

TODAY = datetime.now(UTC).date()


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"portal": "nowhere"}, "portal", 'no portal is called "nowhere"; there are: practice'),
        ({"account": "40-27310"}, "account", r"not an account number of Practice Bank \(such as"),
        ({"account": ""}, "account", "not an account number"),
        ({"account": "4027310\n"}, "account", "not an account number"),
        ({"period_to": date(2024, 12, 31)}, "period_to", "before period_from"),
        ({"period_to": TODAY + timedelta(days=2)}, "period_to", "in the future"),
        ({"period_from": date(2022, 1, 1)}, "period_to", "within 24 months"),
        ({"period_from": date(225, 1, 1)}, "period_from", "before 1990"),
        ({"recipient": "no-address", "check_value": "x"}, "recipient", "not an e-mail address"),
        ({"recipient": "a@b", "check_value": "x"}, "recipient", "not an e-mail address"),
        ({"recipient": "a@x.ie,b@x.ie", "check_value": "x"}, "recipient", "not an e-mail"),
        ({"recipient": "a@x.ie\r\nBcc: b@x.ie", "check_value": "x"}, "recipient", "line breaks"),
        ({"recipient": "a" * 250 + "@x.ie", "check_value": "x"}, "recipient", "not an e-mail"),
        ({"recipient": "a@x.ie"}, "check_value", "must be given with a recipient"),
        ({"check_value": "x" * 81}, "check_value", "at most 80"),
        ({"reference": "T-1\nX: y"}, "reference", "at most 64 printable"),
        ({"priority": 4}, "priority", "1 .urgent., 2 .normal. or 3 .low."),
        ({"channel": "a phone"}, "channel", "one lower-case word"),
        ({"source_key": ""}, "source_key", "must be given"),
    ],
)
def test_bad_input_is_refused_with_field_and_rule(
    database: Database, changes: dict[str, Any], field: str, rule: str
) -> None:
    desk = database.connect(Login.DESK)
    with pytest.raises(errors.InputError, match=rule) as caught:
        request_queue.submit(desk, steps.new_request(**changes), actor="ann")
    assert caught.value.field == field
    assert steps.execute(database, "select count(*) from billcopy.requests") == [(0,)]


def test_somebody_must_act(database: Database) -> None:
    with pytest.raises(errors.InputError, match="actor"):
        request_queue.submit(database.connect(Login.DESK), steps.new_request(), actor=" ")


def test_the_same_source_key_enters_once(database: Database) -> None:
    desk = database.connect(Login.DESK)
    request = steps.new_request()
    first = request_queue.submit(desk, request, actor="ann")
    again = request_queue.submit(desk, request, actor="ann")
    assert (first.entered, again.entered) == (True, False)
    assert first.request_id == again.request_id


def test_the_same_ask_is_open_only_once(database: Database) -> None:
    request_id = steps.submit(database)
    with pytest.raises(errors.AlreadyOpen, match=f"as request {request_id}"):
        steps.submit(database)
    typed = {"recipient": "a@x.ie", "check_value": "Ryan"}
    other = steps.submit(database, **typed)
    with pytest.raises(errors.AlreadyOpen, match=f"as request {other}"):
        steps.submit(database, **{**typed, "recipient": "A@X.IE"})


def test_the_longest_period_is_accepted(database: Database) -> None:
    assert steps.submit(database, period_from=date(2023, 7, 1), period_to=date(2025, 6, 30))


def test_a_single_day_and_a_period_up_to_today_are_accepted(database: Database) -> None:
    yesterday = TODAY - timedelta(days=1)
    assert steps.submit(database, period_from=yesterday, period_to=yesterday)


@pytest.mark.parametrize("policy", ["on_file", "request"])
def test_the_portals_recipient_policy_is_kept(database: Database, policy: str) -> None:
    steps.execute(database, "update billcopy.portals set recipient_policy = %s", policy)
    typed = {"recipient": "a@x.ie", "check_value": "Ryan"} if policy == "on_file" else {}
    with pytest.raises(errors.InputError, match="recipient"):
        steps.submit(database, **typed)


def test_a_submission_notifies_the_listeners(database: Database) -> None:
    listener = database.connect(Login.OPS)
    with listener.cursor() as cursor:
        cursor.execute("listen billcopy_requests")
    steps.submit(database)

    def heard() -> bool:
        listener.poll()
        return bool(listener.notifies)

    until(heard, "the listener hears of it")
    assert [notice.payload for notice in listener.notifies] == ["practice"]


def test_hold_release_and_cancel_need_a_reason_and_leave_a_trail(database: Database) -> None:
    request_id = steps.submit(database)
    desk = database.connect(Login.DESK)
    with pytest.raises(errors.InputError, match="reason"):
        request_queue.hold(desk, request_id, actor="ann", reason=" ")
    assert request_queue.hold(desk, request_id, actor="ann", reason="asked to wait") == "held"
    bot = database.connect(Login.BOT)
    assert request_queue.claim_next(bot, steps.start_bot_run(bot)) is None
    assert request_queue.release(desk, request_id, actor="bob", reason="go on") == "queued"
    assert request_queue.cancel(desk, request_id, actor="ann", reason="done") == "cancelled"
    with pytest.raises(errors.IllegalTransition, match="is cancelled already"):
        request_queue.cancel(desk, request_id, actor="ann", reason="done")
    trail = [
        (one["to_state"], one["actor"], one["reason"])
        for one in request_queue.story(desk, request_id).events
        if one["to_state"]
    ]
    assert trail == [
        ("queued", "ann", None),
        ("held", "ann", "asked to wait"),
        ("queued", "bob", "go on"),
        ("cancelled", "ann", "done"),
    ]


def test_revealing_an_account_is_recorded(database: Database) -> None:
    request_id = steps.submit(database)
    desk = database.connect(Login.DESK)
    assert request_queue.reveal_account(desk, request_id, actor="ann", reason="caller") == "4027310"
    assert "account revealed" in {
        one["event"] for one in request_queue.story(desk, request_id).events
    }


def test_an_erased_request_keeps_its_masked_trail(database: Database) -> None:
    request_id = steps.submit(database)
    desk, ops = database.connect(Login.DESK), database.connect(Login.OPS)
    with pytest.raises(errors.IllegalTransition, match="only a finished one"):
        request_queue.erase_subject(ops, request_id, actor="o", reason="asked")
    request_queue.cancel(desk, request_id, actor="ann", reason="done")
    request_queue.erase_subject(ops, request_id, actor="o", reason="asked")
    assert request_queue.story(desk, request_id).request["account_masked"] == "••••10"
    with pytest.raises(errors.NotFound, match="erased"):
        request_queue.reveal_account(desk, request_id, actor="ann", reason="caller")


def test_an_unknown_request_is_said_to_be_unknown(database: Database) -> None:
    with pytest.raises(errors.NotFound, match="there is no request 99"):
        request_queue.story(database.connect(Login.DESK), 99)


def test_a_setting_that_a_portal_does_not_have_is_refused(database: Database) -> None:
    ops = database.connect(Login.OPS)
    with pytest.raises(errors.InputError, match="is not a setting"):
        request_queue.configure_portal(ops, "practice", {"colour": 1}, actor="o", reason="r")
