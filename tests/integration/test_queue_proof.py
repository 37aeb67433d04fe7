"""Proof, doubt and repeated acknowledgements."""

from __future__ import annotations

from datetime import timedelta

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

BACK = "update billcopy.deliveries set sending_at = sending_at - interval '1 minute'"


def test_confirm_settle_and_renew_may_be_repeated(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    steps.begin(bot, request, delivery)
    steps.confirm(bot, request, delivery, "row-1")
    steps.confirm(bot, request, delivery, "row-1")
    assert request_queue.renew(bot, request) <= request_queue.renew(bot, request)
    assert steps.settle(bot, request) == steps.settle(bot, request) == ("delivered", None)
    events = steps.execute(database, "select event from billcopy.events where entity = 'request'")
    assert len(events) == 3


def test_another_proof_for_a_confirmed_delivery_is_refused(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    steps.begin(bot, request, delivery)
    steps.confirm(bot, request, delivery, "row-1")
    with pytest.raises(errors.IllegalTransition):
        steps.confirm(bot, request, delivery, "row-2")


def test_one_row_of_the_log_proves_one_delivery(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    first, second = steps.plan(bot, request, 2)
    for delivery in (first, second):
        steps.begin(bot, request, delivery)
    steps.confirm(bot, request, first, "row-1")
    with pytest.raises(errors.ProofUsed):
        steps.confirm(bot, request, second, "row-1")
    assert request_queue.used_proofs(bot, "practice", "sent_log", ["row-1", "row-2"]) == {"row-1"}


def test_the_claim_returns_what_the_bot_run_holds_already(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    assert request_queue.claim_next(bot, run) == request_queue.claim_next(bot, run)


def test_a_doubtful_delivery_stands_first_and_knows_its_recipient(database: Database) -> None:
    _, _, _, doubtful = steps.in_doubt(database)
    assert (doubtful.state, doubtful.recipient) == ("in_doubt", "a@x.ie")


def test_a_look_before_the_settle_window_proves_no_absence(database: Database) -> None:
    _, bot, again, doubtful = steps.in_doubt(database)
    looked_at = request_queue.database_now(bot)
    state = request_queue.report_absent(bot, again, doubtful.delivery_id, looked_at=looked_at)
    assert state == "in_doubt"


def test_a_look_after_the_settle_window_plans_it_again(database: Database) -> None:
    _, bot, again, doubtful = steps.in_doubt(database)
    steps.execute(database, BACK)
    looked_at = request_queue.database_now(bot)
    state = request_queue.report_absent(bot, again, doubtful.delivery_id, looked_at=looked_at)
    assert state == "planned"
    assert steps.begin(bot, again, doubtful) == "go"


def test_a_look_in_the_future_is_refused(database: Database) -> None:
    _, bot, again, doubtful = steps.in_doubt(database)
    later = request_queue.database_now(bot) + timedelta(hours=1)
    with pytest.raises(errors.InputError, match="future"):
        request_queue.report_absent(bot, again, doubtful.delivery_id, looked_at=later)


def test_sending_is_never_planned_again_by_a_look_of_the_same_attempt(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    delivery = steps.plan(bot, request)[0]
    steps.begin(bot, request, delivery)
    steps.execute(database, BACK)
    looked_at = request_queue.database_now(bot)
    state = request_queue.report_absent(bot, request, delivery.delivery_id, looked_at=looked_at)
    assert state == "sending"


def made_due(database: Database, seconds: int = 60) -> None:
    """Let the settle window be over and the request be due."""
    steps.execute(
        database,
        "update billcopy.deliveries set sending_at = sending_at - make_interval(secs => %s)"
        " where state in ('sending', 'in_doubt')",
        seconds,
    )
    steps.execute(
        database, "update billcopy.requests set not_before = now() where state = 'queued'"
    )


def test_what_the_log_never_shows_is_clicked_twice_at_most_and_then_left_to_people(
    database: Database,
) -> None:
    request_id = steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    clicks = 0
    for _ in range(10):
        request = request_queue.claim_next(bot, run)
        if request is None:
            break
        for one in request_queue.deliveries(bot, request) or steps.plan(bot, request):
            looked_at = request_queue.database_now(bot)
            if one.state == "in_doubt":
                request_queue.report_absent(bot, request, one.delivery_id, looked_at=looked_at)
        for one in request_queue.deliveries(bot, request):
            if one.state == "planned":
                clicks += steps.begin(bot, request, one) == "go"
        steps.settle(bot, request)
        made_due(database)
    assert clicks == 2
    story = request_queue.story(database.connect(Login.DESK), request_id)
    assert (story.request["state"], story.request["reason_code"]) == ("held", "IN_DOUBT")


def test_a_log_that_is_never_complete_ends_with_people(database: Database) -> None:
    request_id = steps.submit(database)
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    request = steps.claim(bot, run)
    steps.begin(bot, request, steps.plan(bot, request)[0])
    steps.settle(bot, request)
    for expected in ("queued", "held"):
        made_due(database)
        assert steps.settle(bot, steps.claim(bot, run))[0] == expected
    story = request_queue.story(database.connect(Login.DESK), request_id)
    assert story.request["reason_code"] == "IN_DOUBT"


def test_each_delivery_keeps_the_address_its_own_form_showed(database: Database) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    first, second = steps.plan(bot, request, 2)
    assert steps.begin(bot, request, first, "old@x.ie") == "go"
    assert steps.begin(bot, request, second, "new@x.ie") == "go"
    recipients = [one.recipient for one in request_queue.deliveries(bot, request)]
    assert recipients == ["old@x.ie", "new@x.ie"]
