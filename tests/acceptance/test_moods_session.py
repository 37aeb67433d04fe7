"""Moods about who is signed in: somebody else, nobody any more, a locked user, a new password."""

from __future__ import annotations

import httpx
import pytest

from billcopy.bot.launch import Bot as LaunchedBot
from billcopy.bot.order import StopReason
from tests.acceptance.test_moods import ONE_MAIL, attempts
from tests.acceptance.test_stop_causes import touched, when
from tests.bot_fixtures import Bot

pytestmark = pytest.mark.slow


def test_a_second_sign_in_elsewhere_is_answered_by_signing_in_once_more(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(latency_ms=300)

    def sign_in(_: LaunchedBot) -> None:
        who = {"user_id": bot.portal.username, "password": bot.portal.password}
        assert httpx.post(f"{bot.portal.url}/signin", data=who, trust_env=False).is_redirect

    assert when(bot, f"request {request}: account", sign_in) is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    assert attempts(bot, request) == 0
    assert bot.steps(request).count("signing in again") == 1
    assert bot.portal.state()["sign_ins"] == 3
    assert bot.sent() == ONE_MAIL


def test_a_locked_account_is_tried_once_and_closes_the_portal(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(account_lock=True)
    assert bot.run() is StopReason.BREAKER
    assert bot.state(request) == "queued"
    assert bot.reads(request) == "Waiting for the bot."
    assert touched(bot) == 0
    assert bot.portal.state()["sign_ins_refused"] == 1
    assert bot.run() is StopReason.BREAKER
    assert bot.portal.state()["sign_ins_refused"] == 1
    [[reason]] = bot.execute(
        "select r.plain_words from billcopy.portals as p"
        " join billcopy.reasons as r on r.code = p.breaker_reason"
    )
    assert reason == "The bank's portal refused to sign the bot in."


def test_a_password_changed_while_the_bot_runs_is_read_when_it_is_needed(bot: Bot) -> None:
    request = bot.submit()
    bot.portal.set_faults(latency_ms=300)

    def change(_: LaunchedBot) -> None:
        bot.vault.change_password("newer")
        bot.portal.set_faults(password="newer", session_expiry_after=0)

    assert when(bot, f"request {request}: account", change) is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    assert attempts(bot, request) == 0
    assert bot.portal.state()["sign_ins_refused"] == 0
    reads = bot.execute("select version, outcome from billcopy.credential_reads order by id")
    assert [version for version, outcome in reads if outcome == "accepted"] == [2, 3]
    assert bot.sent() == ONE_MAIL
