"""At Robot's most talkative log level, nothing secret and nothing personal is written anywhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from billcopy.bot.launch import Bot as LaunchedBot
from billcopy.bot.launch import launch
from billcopy.bot.order import StopReason
from billcopy.reaper import descendants
from sandbox import data
from tests.bot_fixtures import Bot

pytestmark = pytest.mark.slow

ALLOWED_TABLES = {"request_subjects"}  # the only place with personal data


def files_with(folder: Path, values: Iterable[str]) -> list[tuple[str, str]]:
    """Files below the folder, their names included, that hold one of the values."""
    needles = [value for value in values if value]
    found = []
    for file in folder.rglob("*"):
        content = str(file) + (
            file.read_bytes().decode("utf-8", "replace") if file.is_file() else ""
        )
        found += [(file.name, needle) for needle in needles if needle in content]
    return found


def tables_with(bot: Bot, values: Iterable[str]) -> list[tuple[str, str]]:
    """Tables that hold one of the values in any column."""
    tables = bot.execute(
        "select schemaname || '.' || tablename, tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    found = []
    for qualified, name in tables:
        if name in ALLOWED_TABLES:
            continue
        rows = str(bot.execute(f"select t::text from {qualified} as t"))
        found += [(name, value) for value in values if value in rows]
    return found


@contextmanager
def watched_processes() -> Iterator[tuple[set[str], list[LaunchedBot]]]:
    """Collects arguments and environments of everything the bot starts."""
    seen: set[str] = set()
    running: list[LaunchedBot] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for bot in running:
                for pid in [bot.pid, *descendants(bot.pid)] if bot.pid else []:
                    for what in ("cmdline", "environ"):
                        try:
                            raw = Path(f"/proc/{pid}/{what}").read_bytes()
                        except OSError:
                            continue
                        seen.add(raw.decode("utf-8", "replace"))
            time.sleep(0.1)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen, running
    finally:
        done.set()
        thread.join()


def test_a_refused_password_is_nowhere(bot: Bot) -> None:
    bot.submit()
    password = bot.portal.password
    order = bot.order(log_level="TRACE")
    secrets = [password, order.vault.wrapped_secret_id]
    assert order.database is not None
    secrets.append(order.database.password)
    bot.portal.set_faults(password="changed meanwhile")
    with watched_processes() as (seen, running):
        stop = launch(order, on_line=bot.lines.append, on_start=running.append)
    assert stop is StopReason.BREAKER
    assert len(seen) > 8
    assert not [secret for secret in secrets for text in seen if secret in text]
    assert files_with(bot.work_dir, secrets) == []
    assert tables_with(bot, secrets) == []
    assert not [line for line in bot.lines for secret in secrets if secret in line]
    [output] = bot.work_dir.rglob("output.xml")
    assert output.stat().st_size > 1000


def test_no_customer_is_in_any_output(bot: Bot) -> None:
    asked = ("4027310", "5126609", "83300174", "9204415", "60025518")
    people = [one for one in data.accounts() if "4027310" in one.number or one.number in asked]
    january = {"period_from": date(2026, 1, 1), "period_to": date(2026, 1, 31)}
    typed = {"recipient": "niece.of.customer@example.net"}
    bot.submit(account="4027310", **january)
    bot.submit(account="5126609", check_value="Ohara", **typed, **january)
    bot.submit(account="83300174", check_value="Nobodyknown", **typed, **january)
    bot.submit(account="9204415", **january)
    crash = bot.submit(account="60025518", priority=3, **january)
    bot.portal_folder(impatient)
    bot.run(log_level="TRACE", limit=4)
    bot.portal.set_faults(relabelled={"E-mail copy": "Send duplicate"})
    bot.run(log_level="TRACE", work_dir=str(bot.work_dir / "second"))
    assert bot.state(crash) == "queued PAGE_NOT_AS_EXPECTED"
    assert bot.failure(crash)["on_screen"]

    personal = {"niece.of.customer", "Nobodyknown"}
    for one in people:
        personal |= {one.number, one.surname, one.first_name, one.postcode}
        personal |= {one.email.split("@")[0]} if one.email else set()
    assert files_with(bot.work_dir, personal) == []
    personal.remove("4027310")  # it is the example in the table of portals, too
    assert tables_with(bot, personal) == []
    assert not [line for line in bot.lines for value in personal if value in line]
    assert len(list(bot.work_dir.rglob("*.jpg"))) >= 3


def impatient(folder: Path) -> None:
    """Keywords time out after three seconds."""
    profile = folder / "profile.yaml"
    profile.write_text(profile.read_text() + "keyword_timeout_seconds: 3\n")
