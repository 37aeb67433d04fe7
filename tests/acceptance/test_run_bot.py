"""`run-bot` in the real browser: a rehearsal sends nothing, a claim sends once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bot_fixtures import ACCOUNT, EMAIL, Bot
from tests.cli_fixtures import Run

pytestmark = pytest.mark.slow
JANUARY = ("--from", "2026-01-01", "--to", "2026-01-31")


@pytest.fixture
def by_hand(bot: Bot, billcopy: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line with everything set that a bot by hand needs."""
    file = tmp_path / "secret-id"
    file.write_text(bot.vault.roles.airflow_secret_id)
    for name, value in {
        "VAULT_URL": bot.vault.url,
        "VAULT_ROLE_ID": bot.vault.roles.airflow_role_id,
        "VAULT_SECRET_ID_FILE": str(file),
        "PORTAL_URLS": json.dumps({"practice": bot.portal.url}),
    }.items():
        monkeypatch.setenv(f"BILLCOPY_{name}", value)
    return billcopy


def test_a_test_account_is_walked_up_to_the_send_form(by_hand: Run, bot: Bot) -> None:
    shown = by_hand("run-bot", "practice", "--account", ACCOUNT, *JANUARY).stdout
    assert "There was nothing more to do." in shown
    assert ACCOUNT not in shown
    assert bot.sent() == []
    assert bot.execute("select count(*) from billcopy.attempts") == [(0,)]


def test_a_rehearsal_of_the_queue_changes_no_request(by_hand: Run, bot: Bot) -> None:
    number = bot.submit()
    by_hand("run-bot", "practice", "--request", number)
    assert bot.sent() == []
    assert bot.state(number) == "queued"
    assert bot.story(number).attempts == []


def test_a_claim_by_hand_sends_and_says_who_and_why(by_hand: Run, bot: Bot) -> None:
    number = bot.submit()
    by_hand("run-bot", "practice", "--claim", "--reason", "Airflow is down")
    assert bot.state(number) == "delivered"
    assert [recipient for recipient, _ in bot.sent()] == [EMAIL]
    assert bot.execute("select actor from billcopy.bot_runs") == [("casey (Airflow is down)",)]
    assert "proof" in by_hand("story", number).stdout
