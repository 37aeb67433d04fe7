"""One request through the queue, from submission to its outcome."""

from billcopy import request_queue
from billcopy.database import Login
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps


def test_a_request_is_submitted_claimed_sent_and_delivered(database: Database) -> None:
    request_id = steps.submit(database)
    bot = database.connect(Login.BOT)
    request = steps.claim(bot)
    assert request.request_id == request_id
    assert request.account == "4027310"
    for number, delivery in enumerate(steps.plan(bot, request, 2)):
        assert steps.begin(bot, request, delivery) == "go"
        request_queue.record_click(
            bot,
            request,
            delivery.delivery_id,
            clicked_at=request_queue.database_now(bot),
            confirmation="sent",
        )
        steps.confirm(bot, request, delivery, f"row-{number}")
    assert steps.settle(bot, request) == ("delivered", None)

    story = request_queue.story(database.connect(Login.DESK), request_id)
    assert story.request["state"] == "delivered"
    assert [one["state"] for one in story.deliveries] == ["confirmed", "confirmed"]
    assert [one["to_state"] for one in story.events] == [
        "queued",
        "claimed",
        "planned",
        "planned",
        "sending",
        "confirmed",
        "sending",
        "confirmed",
        "delivered",
    ]
    assert "4027310" not in str(story)
