"""The outcome rule: what an attempt's end makes of its request."""

from __future__ import annotations

from typing import Any

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

CONFIRM, REJECT, LEAVE, DOUBT = "confirm", "reject", "leave", "doubt"
FIRST_LIFE = {"attempts": 2, "first_life": True}


def work(database: Database, what: list[str], error: Any, **setup: Any) -> tuple[int, Any]:
    """Submit, claim, do that with each invoice, settle with the error."""
    request_id = steps.submit(database)
    if setup.get("attempts") is not None:
        steps.execute(
            database,
            "update billcopy.requests set attempts = %s,"
            " second_chance_at = case when %s then now() end where id = %s",
            setup["attempts"],
            not setup.get("first_life"),
            request_id,
        )
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    for delivery, deed in zip(steps.plan(bot, request, len(what)), what, strict=True):
        if deed == REJECT:
            request_queue.reject_delivery(
                bot, request, delivery.delivery_id, reason_code="FORM_MISMATCH"
            )
        elif deed in {CONFIRM, DOUBT}:
            assert steps.begin(bot, request, delivery) == "go"
            if deed == CONFIRM:
                steps.confirm(bot, request, delivery, f"row-{delivery.delivery_id}")
    if setup.get("cancel"):
        request_queue.cancel(
            database.connect(Login.DESK), request_id, actor="ann", reason="customer rang"
        )
    settled = steps.settle(bot, request, error)
    steps.hang_up(database, bot)
    return request_id, settled


@pytest.mark.parametrize(
    ("what", "error", "setup", "expected"),
    [
        ([CONFIRM, CONFIRM], None, {}, ("delivered", None)),
        ([CONFIRM, REJECT], None, {}, ("partial", "FORM_MISMATCH")),
        ([REJECT, REJECT], None, {}, ("rejected", "FORM_MISMATCH")),
        ([], errors.AccountNotFound, {}, ("rejected", "ACCOUNT_NOT_FOUND")),
        ([], errors.NothingFound, {}, ("rejected", "NO_INVOICES")),
        ([LEAVE], errors.NoAddressOnFile, {}, ("rejected", "NO_ADDRESS")),
        ([CONFIRM, LEAVE], errors.NoAddressOnFile, {}, ("partial", "NO_ADDRESS")),
        ([], errors.PortalDown, {}, ("queued", "PORTAL_DOWN")),
        ([CONFIRM, LEAVE], errors.PortalDown, {}, ("queued", "PORTAL_DOWN")),
        ([CONFIRM, LEAVE], errors.PortalDown, {"attempts": 2}, ("partial", "PORTAL_DOWN")),
        ([LEAVE], errors.PortalDown, {"attempts": 2}, ("failed", "PORTAL_DOWN")),
        ([], errors.PortalDown, {"attempts": 2}, ("failed", "PORTAL_DOWN")),
        ([], errors.PortalDown, FIRST_LIFE, ("queued", "SECOND_CHANCE")),
        ([CONFIRM, LEAVE], errors.PortalDown, FIRST_LIFE, ("queued", "SECOND_CHANCE")),
        ([CONFIRM], errors.PortalDown, {"attempts": 2}, ("delivered", None)),
        ([DOUBT], errors.PortalDown, {"attempts": 2}, ("queued", "PORTAL_DOWN")),
        ([CONFIRM, DOUBT], None, {}, ("queued", "WAITING_FOR_LOG")),
        ([CONFIRM, LEAVE], errors.LeaseLost, {}, ("queued", "LEASE_LOST")),
        ([LEAVE], None, {}, ("queued", "UNEXPECTED")),
        ([LEAVE], None, {"cancel": True}, ("cancelled", "CANCELLED")),
        ([CONFIRM, LEAVE], None, {"cancel": True}, ("partial", "CANCELLED")),
        ([CONFIRM], None, {"cancel": True}, ("delivered", None)),
        ([DOUBT], None, {"cancel": True}, ("queued", "WAITING_FOR_LOG")),
    ],
)
def test_the_outcome_rule(
    database: Database, what: list[str], error: Any, setup: Any, expected: Any
) -> None:
    _, settled = work(database, what, error, **setup)
    assert settled == expected


@pytest.mark.parametrize(
    ("deed", "error", "attempts"),
    [(LEAVE, errors.PortalDown, 1), (LEAVE, errors.LeaseLost, 0), (DOUBT, None, 0)],
)
def test_only_application_errors_count_as_attempts(
    database: Database, deed: str, error: Any, attempts: int
) -> None:
    request_id, _ = work(database, [deed], error)
    counted = steps.execute(
        database, "select attempts from billcopy.requests where id = %s", request_id
    )
    assert counted == [(attempts,)]


def test_a_kind_that_is_never_sent_is_recorded_and_ignored(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    listed = [*steps.invoices(1), *steps.invoices(3, kind="credit note")[2:]]
    request_queue.plan_deliveries(bot, request, listed, ["credit note"])
    bill, note = request_queue.deliveries(bot, request)
    assert (note.state, note.reason_code) == ("rejected", "KIND_NOT_SENT")
    assert steps.begin(bot, request, bill) == "go"
    steps.confirm(bot, request, bill, "row-1")
    assert steps.settle(bot, request) == ("delivered", None)


def test_an_unknown_code_is_settled_as_unexpected_and_kept_in_the_detail(
    database: Database,
) -> None:
    request_id = steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    settled = request_queue.settle(
        bot, request, error_class="application", reason_code="NEVER_HEARD_OF", detail="page 3"
    )
    assert (settled.state, settled.reason_code) == ("queued", "UNEXPECTED")
    story = request_queue.story(database.connect(Login.DESK), request_id)
    assert story.attempts[0]["detail"] == "NEVER_HEARD_OF: page 3"


def test_after_the_last_attempt_in_doubt_two_looks_are_left_and_then_a_person(
    database: Database,
) -> None:
    request_id, settled = work(database, [DOUBT, LEAVE], errors.PortalDown, attempts=2)
    assert settled == ("queued", "PORTAL_DOWN")
    bot = database.connect(Login.BOT)
    for expected in ("queued", "held"):
        steps.execute(database, "update billcopy.requests set not_before = now()")
        request = steps.claim(bot)
        assert request.look_only
        planned = [one for one in request_queue.deliveries(bot, request) if one.state == "planned"]
        answer = request_queue.begin_delivery(
            bot, request, planned[0].delivery_id, recipient="a@x.ie"
        )
        assert (answer.verdict, answer.reason_code) == ("refused", "LOOK_ONLY")
        assert steps.settle(bot, request)[0] == expected
    story = request_queue.story(database.connect(Login.DESK), request_id)
    assert story.request["reason_code"] == "IN_DOUBT"


def test_a_look_only_claim_that_resolves_the_doubt_closes_the_request(
    database: Database,
) -> None:
    _, _ = work(database, [DOUBT, LEAVE], errors.PortalDown, attempts=2)
    steps.execute(database, "update billcopy.requests set not_before = now()")
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    doubtful = request_queue.deliveries(bot, request)[0]
    assert doubtful.state == "in_doubt"
    steps.confirm(bot, request, doubtful, "row-late")
    assert steps.settle(bot, request)[0] == "partial"


def test_backoff_grows_with_the_attempts(database: Database) -> None:
    waits = []
    request_id = steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    for _ in range(2):
        steps.execute(database, "update billcopy.requests set not_before = now()")
        request = steps.claim(bot, run)
        steps.settle(bot, request, errors.PortalDown)
        waits.append(
            steps.execute(
                database,
                "select extract(epoch from not_before - now()) from billcopy.requests"
                " where id = %s",
                request_id,
            )[0][0]
        )
    assert 45 <= waits[0] <= 75
    assert 235 <= waits[1] <= 365
