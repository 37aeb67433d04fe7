"""Looks at everything the product needs and says what to do where something is wrong.

Each check is a function of the settings that yields findings; it never raises and changes nothing,
except that the Vault check has one SecretID issued that nobody uses.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from typing import Literal
from urllib.parse import urlsplit

from billcopy import chromium, credentials, database, migrate, portal_check, portal_profile
from billcopy.disk import places
from billcopy.errors import BillCopyError
from billcopy.settings import Settings
from billcopy.settings import load as load_settings

Level = Literal["ok", "warn", "bad"]

CLOCK_WARN_SECONDS, CLOCK_BAD_SECONDS = 2.0, 20.0  # a lease is renewed every 30 s
DISK_WARN_BYTES = 2 << 30
ANSWER_SECONDS = 10
SILENT = ("log", "fatal", "panic")  # levels of log_min_error_statement above a plain error
LOCKED = (
    "apache-airflow",
    "robotframework",
    "robotframework-browser",
    "robotframework-browser-batteries",
    "psycopg2-binary",
    "hvac",
)

CURES = {
    "database": "Is it up? BILLCOPY_DATABASE_HOST, _PORT, _NAME and _PGPASS_FILE say where.",
    "migrations": "A version that was applied must not change; use the version that made it.",
    "vault": "BILLCOPY_VAULT_URL, _ROLE_ID and _SECRET_ID_FILE are the launcher's way in.",
    "browser": "`make browser` finds or installs one.",
    "portal": "docs/portals.md explains every key of profile.yaml.",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the doctor's: what was looked at, how it is, and the cure if it is not well."""

    name: str
    level: Level
    words: str
    cure: str = ""


def examine() -> Iterator[Finding]:
    """Every finding, in the order in which a person would mend things."""
    try:
        settings = load_settings()
    except BillCopyError as error:
        yield _bad("settings", error.message, "Set it in the environment or in var/settings.env.")
        return
    yield Finding(name="settings", level="ok", words="complete and well-formed")
    for name, check in CHECKS.items():
        try:
            yield from check(settings)
        except BillCopyError as error:
            yield _bad(name, error.message, CURES.get(name, ""))
        except Exception as error:
            yield _bad(name, f"could not be looked at: {type(error).__name__}: {error}")


def versions(settings: Settings) -> Iterator[Finding]:
    """Python, and the libraries that matter most against the lock."""
    yield Finding(name="python", level="ok", words=platform.python_version())
    lock = (settings.project_root / "requirements.txt").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", lock, re.MULTILINE))
    well = []
    for name in LOCKED:
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield _bad(name, "is not installed", "`make setup` installs what is locked.")
            continue
        if installed != locked.get(name):
            words = f"{installed} is installed, {locked.get(name, 'none')} is locked"
            yield _warn(name, words, "`make setup` installs what is locked.")
        else:
            well.append(f"{name} {installed}")
    if well:
        yield Finding(name="libraries", level="ok", words=f"as locked: {', '.join(well)}")


def database_server(settings: Settings) -> Iterator[Finding]:
    """Reachable, new enough, its clock ours."""
    started = time.time()
    with closing(database.connect(settings, database.Login.OPS)) as connection:
        health = database.row(connection, "database_health")
        answered = time.time()
        logged = database.rows(connection, "logged_statements")
    place = f"{settings.database_host}:{settings.database_port}/{settings.database_name}"
    words = f"PostgreSQL {health['version_text']} at {place}"
    if health["version"] < migrate.OLDEST_SERVER:
        yield _bad("database", f"{words} is too old", "Use PostgreSQL 15 or newer.")
    else:
        yield Finding(name="database", level="ok", words=words)
    ahead = health["now"].timestamp() - (started + answered) / 2
    yield _clock("clock", "the database's", max(0.0, abs(ahead) - (answered - started) / 2))
    yield _server_log(logged)


def _server_log(logged: list[dict[str, str]]) -> Finding:
    """A refused statement holds what was asked: account numbers, addresses."""
    telling = [f"{one['login']} ({one['level']})" for one in logged if one["level"] not in SILENT]
    if not telling:
        return Finding(name="server log", level="ok", words="keeps no statement that was refused")
    words = f"keeps refused statements, personal data included, of {', '.join(telling)}"
    cure = "The DBA: `alter role ... set log_min_error_statement = panic`, for each of them."
    return _warn("server log", words, cure)


def migrations(settings: Settings) -> Iterator[Finding]:
    """Nothing of sql/ is missing in the database."""
    try:
        connection = database.connect(settings, database.Login.MIGRATOR)
    except BillCopyError as error:
        yield _warn(
            "migrations", f"not checked: {error.message}", "Only the migrator's login can tell."
        )
        return
    with closing(connection):
        pending = migrate.pending(connection)
    if pending:
        names = ", ".join(step.name for step in pending)
        yield _bad("migrations", f"not applied: {names}", "Run `python -m billcopy migrate`.")
    else:
        yield Finding(name="migrations", level="ok", words="all applied")


def vault(settings: Settings) -> Iterator[Finding]:
    """Reachable, unsealed, and the launcher's own AppRole can have a SecretID issued."""
    if settings.vault_url is None:
        yield _bad("vault", "no address is set", "Set BILLCOPY_VAULT_URL.")
        return
    ca_file = str(settings.vault_ca_file) if settings.vault_ca_file else None
    health = credentials.health(
        settings.vault_url, namespace=settings.vault_namespace, ca_file=ca_file
    )
    words = f"version {health.version} at {settings.vault_url}"
    if health.sealed or not health.initialized:
        state = "sealed" if health.initialized else "not initialized"
        yield _bad("vault", f"{words} is {state}", "Unseal it; no bot can start before.")
        return
    yield Finding(name="vault", level="ok", words=words)
    yield _clock("clock of vault", "Vault's", max(0.0, abs(health.clock_ahead_seconds) - 1))
    credentials.access_for_bot(settings, "doctor")
    yield Finding(name="vault approle", level="ok", words="may issue the bot's wrapped SecretID")


def browser(settings: Settings) -> Iterator[Finding]:
    """A browser is there and starts."""
    binary = chromium.find(explicit=settings.chromium)
    if binary is None:
        yield Finding(name="browser", level="ok", words="Playwright's own")
        return
    command = [str(binary), "--version", "--no-sandbox"]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
    )
    words = " ".join(answer.stdout.split()) or f"does not say its version ({answer.returncode})"
    if answer.returncode:
        yield _bad("browser", f"{binary} {words}", "Install it again, or set BILLCOPY_CHROMIUM.")
    else:
        yield Finding(name="browser", level="ok", words=f"{words} ({binary})")


def portals(settings: Settings) -> Iterator[Finding]:
    """Every portal folder keeps the contract, and its address answers."""
    found = portal_profile.names(settings.portal_path)
    if not found:
        yield _warn("portal", "there is no portal folder", "`make portal-new` makes one.")
    for name in found:
        folder = portal_profile.find_folder(name, settings.portal_path)
        problems = portal_check.static_findings(folder)
        if problems:
            words = f"{len(problems)} problems, the first: {problems[0]}"
            yield _bad(f"portal {name}", words, f"`make portal-check PORTAL={name}` names all.")
            continue
        profile = portal_profile.load(folder, url=settings.portal_urls.get(name))
        yield _answer(f"portal {name}", profile.base_url)


def pool(settings: Settings) -> Iterator[Finding]:
    """Airflow has a pool of one slot per portal; without it its tasks are never scheduled."""
    if "AIRFLOW_HOME" not in os.environ:
        yield _warn("pool", "not checked: AIRFLOW_HOME is not set", "Ask again where Airflow runs.")
        return
    answer = subprocess.run(
        [sys.executable, "-m", "airflow", "pools", "list", "--output", "json"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    listed = re.search(r"^\[.*\]\s*\Z", answer.stdout, re.DOTALL | re.MULTILINE)
    if answer.returncode or listed is None:
        yield _warn("pool", "not checked: Airflow does not answer", "Is its database up?")
        return
    slots = {row["pool"]: int(row["slots"]) for row in json.loads(listed.group())}
    for portal in portal_profile.names(settings.portal_path):
        name = f"portal_{portal}"
        cure = f"`airflow pools set {name} 1 'one session'`"
        if name not in slots:
            yield _bad(f"pool {name}", "is missing: its tasks will never start", cure)
        elif slots[name] != 1:
            yield _bad(f"pool {name}", f"has {slots[name]} slots: sessions would collide", cure)
        else:
            yield Finding(name=f"pool {name}", level="ok", words="one slot")


def disk(settings: Settings) -> Iterator[Finding]:
    """Room where the bot works and where evidence goes, and the right to write there."""
    for name, folder in places(settings.work_dir, settings.evidence_url, ()).items():
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        words = f"{free / (1 << 30):.1f} GB free at {there}"
        if not os.access(there, os.W_OK | os.X_OK):
            yield _bad(name, f"{there} cannot be written to", "Give this user the right to.")
        elif free < settings.min_free_bytes:
            yield _bad(name, words, "Make room: bots claim nothing before.")
        elif free < DISK_WARN_BYTES:
            yield _warn(name, words, "Make room soon.")
        else:
            yield Finding(name=name, level="ok", words=words)


def alarms(settings: Settings) -> Iterator[Finding]:
    """Somebody is told."""
    from billcopy.watch import notify  # apprise takes its time

    names = ", ".join(channel.name for channel in notify.channels(settings))
    words = f"told to: {names}" if names else "nobody is told; docs/alarms.md says how"
    yield Finding(name="alarms", level="ok" if names else "warn", words=words)


def _answer(name: str, url: str) -> Finding:
    if urlsplit(url).scheme not in ("http", "https"):
        return _bad(name, f"{url} is no web address", "Set base_url in its profile.yaml.")
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        reason = getattr(error, "reason", error)
        return _warn(name, f"{url} does not answer ({reason})", "Is the portal up, and the proxy?")
    if status >= 500:
        return _warn(name, f"{url} answers {status}", "The portal has trouble; look again later.")
    return Finding(name=name, level="ok", words=f"the folder keeps the contract, {url} answers")


def _clock(name: str, whose: str, seconds: float) -> Finding:
    words = f"{whose} clock and ours differ by {seconds:.1f} s"
    cure = "Keep both with the same time server (NTP)."
    if seconds >= CLOCK_BAD_SECONDS:
        return _bad(name, words, cure)
    if seconds >= CLOCK_WARN_SECONDS:
        return _warn(name, words, cure)
    return Finding(name=name, level="ok", words=words)


def _warn(name: str, words: str, cure: str) -> Finding:
    return Finding(name=name, level="warn", words=words, cure=cure)


def _bad(name: str, words: str, cure: str = "") -> Finding:
    return Finding(name=name, level="bad", words=words, cure=cure)


CHECKS: dict[str, Callable[[Settings], Iterator[Finding]]] = {
    "versions": versions,
    "disk": disk,
    "database": database_server,
    "migrations": migrations,
    "vault": vault,
    "browser": browser,
    "portal": portals,
    "pool": pool,
    "alarms": alarms,
}
