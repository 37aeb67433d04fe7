"""`make bot`: a request of the queue goes to `run-bot`, a sample stays in the sandbox."""

from __future__ import annotations

import pytest

from sandbox import bot


def test_a_request_of_the_queue_is_walked_by_run_bot(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []

    def app(words: list[str]) -> None:
        called.append(words)
        raise SystemExit(0)

    monkeypatch.setattr(bot, "app", app)
    monkeypatch.setattr(bot.getpass, "getuser", lambda: "ann")
    with pytest.raises(SystemExit):
        bot.main(["--portal", "practice", "--request", "12"])
    expected = ["run-bot", "--portal", "practice", "--actor", "ann", "--request", "12"]
    assert called == [expected]


def test_a_sample_is_none_of_the_queues() -> None:
    given = bot._arguments(["--request", "CS-1001"])
    assert not bot._is_queued(given)
    assert len(bot._rehearsals(given)) == 1
