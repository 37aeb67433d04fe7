"""The watch as a program: /health, /metrics, the dead-man's ping, and what it does in the dark."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from billcopy import request_queue
from billcopy.database import Login
from billcopy.errors import SettingsError
from billcopy.settings import PROJECT_ROOT
from billcopy.watch import health, metrics, notify, program
from billcopy.watch.passes import Look
from sandbox.postgres import free_port
from tests.alarm_fixtures import Watch
from tests.integration import queue_steps as steps
from tests.rules.source import ROOT
from tests.waiting import until

PATIENCE_SECONDS = 60


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@contextlib.contextmanager
def running(watch: Watch) -> Iterator[tuple[str, list[str]]]:
    """The watch in a thread: its address, and what it says."""
    stop, said = threading.Event(), list[str]()
    thread = threading.Thread(
        target=program.run, args=(watch.settings,), kwargs={"stop": stop, "say": said.append}
    )
    thread.start()
    try:
        until(lambda: len(said) > 0)
        yield said[0].partition("/health")[0], said
    finally:
        stop.set()
        thread.join()


def status(url: str) -> str:
    return str(json.loads(fetch(f"{url}/health")[1])["status"])


def test_all_is_well_and_a_breaker_is_seen(watch: Watch) -> None:
    quick = watch.with_settings(watch_seconds=3, ping_url=f"http://{watch.hook.url}/ping/abc")
    with running(quick) as (url, said):
        until(lambda: status(url) == "ok")
        code, text = fetch(f"{url}/health")
        assert code == 200
        parts = json.loads(text)["parts"]
        assert parts == dict.fromkeys(
            ["watch", "database", "scheduler", "disk", "portal practice"], "ok"
        )
        until(lambda: "/ping/abc" in watch.hook.asked)
        watch.execute(
            "update billcopy.portals set breaker_opened_at = now(), breaker_reason = 'PORTAL_DOWN'"
        )
        until(lambda: "closed by its breaker" in fetch(f"{url}/health")[1])
        code, text = fetch(f"{url}/health")
        assert code == 503
        assert "closed by its breaker" in json.loads(text)["parts"]["portal practice"]
        assert 'billcopy_breaker_open{portal="practice"} 1.0' in fetch(f"{url}/metrics")[1]
        assert fetch(f"{url}/settings")[0] == 404
    assert any("closed by its breaker" in line for line in said)
    assert watch.subjects() == ["billcopy alarm: breaker open (practice)"]


def test_without_its_database_it_says_so_and_does_not_ping(watch: Watch) -> None:
    dark = watch.with_settings(
        watch_seconds=1, database_port=free_port(), ping_url=f"http://{watch.hook.url}/ping"
    )
    with running(dark) as (url, _):
        until(lambda: "DATABASE_UNAVAILABLE" in fetch(f"{url}/health")[1])
        assert fetch(f"{url}/health")[0] == 503
        assert "billcopy_watch_ok 0.0" in fetch(f"{url}/metrics")[1]
    assert watch.hook.asked == []


def test_it_finds_its_database_again(watch: Watch) -> None:
    watcher = program.Watcher(watch.settings, notify.channels(watch.settings), say=lambda _: None)
    assert watcher.once().problem is None
    ours = "pg_stat_activity where usename = 'billcopy_watch'"
    watch.execute(f"select pg_terminate_backend(pid) from {ours}")
    until(lambda: not watch.execute(f"select 1 from {ours}"), "the server let go of its lock")
    watcher.once()
    look = watcher.once()
    watcher.close()
    assert look.problem is None
    assert look.tells


def test_while_a_channel_takes_nothing_there_is_no_ping(watch: Watch) -> None:
    deaf = watch.with_settings(smtp_port=free_port(), ping_url=f"http://{watch.hook.url}/ping")
    watch.execute(
        "update billcopy.portals set breaker_opened_at = now(), breaker_reason = 'PORTAL_DOWN'"
    )
    watcher = program.Watcher(deaf.settings, notify.channels(deaf.settings), say=lambda _: None)
    look = watcher.once()
    watcher.close()
    assert watch.hook.asked == []
    assert "channel mail" in health.health(look, deaf.settings)["parts"]


def test_a_second_watch_looks_but_does_not_tell(watch: Watch) -> None:
    first = program.Watcher(watch.settings, notify.channels(watch.settings), say=lambda _: None)
    second = program.Watcher(watch.settings, notify.channels(watch.settings), say=lambda _: None)
    assert first.once().tells
    steps.submit(watch.database)
    assert not second.once().tells
    first.close()
    until(lambda: second.once().tells, "the server learned of it")
    second.close()


def test_a_pass_that_is_too_old_is_no_health(watch: Watch) -> None:
    look = Look(at=1000.0)
    parts = health.health(look, watch.settings, now=1200.0)["parts"]
    assert parts["watch"] == "has not looked for 200 s"
    assert health.health(None, watch.settings)["status"] == "degraded"


def test_the_figures_are_those_of_the_queue_and_of_the_page(watch: Watch) -> None:
    steps.submit(watch.database)
    bot = watch.database.connect(Login.BOT)
    run = steps.start_bot_run(bot)
    request_queue.finish_bot_run(bot, run, stop_reason="DRAINED", blocked_requests=None)
    look = watch.look()
    text = metrics.exposition(lambda: look)().decode()
    assert 'billcopy_requests{portal="practice",state="queued"} 1.0' in text
    assert 'billcopy_requests{portal="practice",state="held"} 0.0' in text
    assert 'billcopy_deliveries{portal="practice",state="in_doubt"} 0.0' in text
    assert 'billcopy_bot_runs_total{portal="practice",stop_reason="drained"} 1.0' in text
    assert 'billcopy_alarms_open{severity="critical"} 0.0' in text
    shown = {one["figure"] for one in look.figures}
    assert shown | {"last_confirmed_timestamp_seconds"} == set(metrics.FIGURES)
    page = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    for name, (labels, words) in metrics.FIGURES.items():
        said = ", ".join(f"`{label}`" for label in labels.values())
        assert f"| `billcopy_{name}` | {said} | {words} |" in page


def test_a_port_that_is_taken_is_a_sentence(watch: Watch, hook) -> None:
    taken = watch.settings.model_copy(update={"watch_port": int(hook.url.partition(":")[2])})
    with pytest.raises(SettingsError, match="cannot be used"):
        program.run(taken, stop=threading.Event(), say=lambda _: None)


def test_an_address_that_nobody_knows_is_a_sentence_without_the_address(
    watch: Watch, tmp_path: Path
) -> None:
    file = tmp_path / "addresses"
    file.write_text("pager nonsense://token-that-is-secret\n")
    with pytest.raises(SettingsError, match="line 1") as told:
        notify.channels(watch.settings.model_copy(update={"alarm_addresses_file": file}))
    assert "secret" not in str(told.value)


def test_the_command_runs_until_it_is_told_to_stop(watch: Watch, tmp_path: Path) -> None:
    names = ("database_host", "database_port", "database_name", "pgpass_file", "work_dir")
    values = {name: getattr(watch.settings, name) for name in names}
    values |= {"watch_port": 0, "watch_seconds": 600}
    environment = {f"BILLCOPY_{name.upper()}": str(value) for name, value in values.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "billcopy", "watch"],
        cwd=PROJECT_ROOT,
        env={
            **os.environ,
            **environment,
            "BILLCOPY_SETTINGS_FILE": str(tmp_path / "none"),
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert "/health" in first
    until(lambda: fetch(first.split()[0])[0] == 200)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    process.stdout.close()
