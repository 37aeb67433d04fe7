"""Steps of an attempt: checkpoints at once, keywords and failures together; all of them short."""

from __future__ import annotations

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from billcopy.model import Selection
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

KEYWORD = {"ago": 2.0, "kind": "keyword", "step": "Find Account", "detail": {"ms": 12}}
FAILURE = {"ago": 0.0, "kind": "failure", "step": "stopped", "detail": {"keyword": "Click"}}


def test_keywords_stand_in_the_story_when_they_ran(database: Database) -> None:
    number = steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    request_queue.record_step(bot, request, "invoices listed", detail={"found": 1})
    request_queue.record_steps(bot, request, [KEYWORD, FAILURE])
    told = request_queue.story(database.connect(Login.DESK), number).steps
    assert [one["kind"] for one in told] == ["checkpoint", "keyword", "failure"]
    assert told[1]["at"] < told[0]["at"] < told[2]["at"]
    assert told[2]["detail"] == {"keyword": "Click"}


def test_they_may_come_after_the_attempt_was_settled_but_from_no_other_bot(
    database: Database,
) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    steps.settle(bot, request, errors.PortalDown)
    request_queue.record_steps(bot, request, [KEYWORD])
    other = request.__class__(**{**request.__dict__, "epoch": request.epoch + 1})
    with pytest.raises(errors.LeaseLost):
        request_queue.record_steps(bot, other, [KEYWORD])


@pytest.mark.parametrize("wrong", [{"detail": {"page": "x" * 20_000}}, {"kind": "gossip"}])
def test_a_step_is_short_and_of_a_known_kind(database: Database, wrong: dict[str, object]) -> None:
    steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    with pytest.raises(errors.InputError):
        request_queue.record_steps(bot, request, [{**KEYWORD, **wrong}])


def test_the_browsers_version_joins_the_others(database: Database) -> None:
    bot = database.connect(Login.BOT)
    run = steps.start_bot_run(bot, versions={"python": "3"})
    request_queue.record_browser(bot, run, version="chromium 156")
    [[versions]] = steps.execute(database, "select versions from billcopy.bot_runs")
    assert versions == {"python": "3", "browser": "chromium 156"}


def test_a_request_named_by_its_number_is_walked_again_also_while_it_waits(
    database: Database,
) -> None:
    number = steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    named = Selection(request_ids=(number,))
    assert request_queue.peek(bot, "practice", named, 5) == []  # in hand
    steps.settle(bot, request, errors.PortalDown)
    assert request_queue.peek(bot, "practice", Selection(), 5) == []  # not due
    assert [one.request_id for one in request_queue.peek(bot, "practice", named, 5)] == [number]
