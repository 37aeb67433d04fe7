"""A portal without any log: its screen is the proof, and what is in doubt is left to two people."""

from __future__ import annotations

from pathlib import Path

import pytest

from billcopy import request_queue
from billcopy.bot.order import StopReason
from tests.acceptance.test_moods import ONE_MAIL
from tests.bot_fixtures import Bot

pytestmark = pytest.mark.slow


@pytest.fixture
def bot(bot: Bot) -> Bot:
    bot.portal_folder(without_a_log)
    return bot


def test_what_the_screen_said_is_the_proof(bot: Bot) -> None:
    request = bot.submit()
    assert bot.run() is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    [delivery] = bot.story(request).deliveries
    assert delivery["proof_kind"] == "screen"
    assert "INV-2026-000038" in delivery["proof_value"]
    assert "Read Sent Log" not in bot.steps(request, "keyword")
    assert bot.sent() == ONE_MAIL


def test_what_the_screen_did_not_say_is_decided_by_two_people(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(send_then_crash=1)
    bot.run()
    assert bot.state(request) == "queued PORTAL_DOWN"
    bot.make_due()
    bot.run()
    assert bot.state(request) == "held IN_DOUBT"
    assert bot.reads(request) == "Nobody can tell whether it was sent; two people must decide."
    assert bot.story(request).request["attempts"] == 1
    [delivery] = bot.story(request).deliveries
    assert delivery["state"] == "in_doubt"
    said = {"actor": "mary", "reason": "the customer has it"}
    number = request_queue.decide_doubt(bot.ops, delivery["id"], "sent", **said)
    request_queue.approve_doubt(bot.ops, number, actor="john", reason="heard the call")
    bot.run()
    assert bot.state(request) == "delivered"
    assert bot.sent() == ONE_MAIL


def without_a_log(folder: Path) -> None:
    """The profile says that there is none; nobody may read it, then."""
    profile = folder / "profile.yaml"
    text = profile.read_text()
    assert "proof: row_id" in text
    text = text.replace("proof: row_id", "proof: screen")
    profile.write_text(text.replace("  - {method: GET, path: '/sent'}\n", ""))
