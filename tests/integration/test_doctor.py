"""The doctor's findings: what is well, what is not, and what cures it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from billcopy import doctor
from billcopy.database import Login
from billcopy.doctor import Finding
from billcopy.settings import Settings
from sandbox.practice_portal import PracticePortal
from sandbox.secrets_server import SecretsServer
from tests.cli_fixtures import Run, answer
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps
from tests.rules.source import ROOT
from tests.secrets_fixtures import ProvisionedVault

Check = Callable[[Settings], Iterator[Finding]]


def findings(check: Check, settings: Settings, **changes: object) -> dict[str, Finding]:
    changed = settings.model_copy(update=changes)
    return {finding.name: finding for finding in check(changed)}


@pytest.fixture
def launcher(vault: ProvisionedVault, tmp_path: Path) -> dict[str, object]:
    """Settings of a launcher that may sign in to the sandbox's Vault."""
    file = tmp_path / "secret-id"
    file.write_text(vault.roles.airflow_secret_id)
    return {
        "vault_url": vault.url,
        "vault_role_id": vault.roles.airflow_role_id,
        "vault_secret_id_file": file,
        "vault_mount": vault.mount,
    }


def test_a_database_that_is_well_is_told_with_its_clock(database: Database) -> None:
    found = findings(doctor.database_server, database.settings)
    assert {name: finding.level for name, finding in found.items()} == {
        "database": "ok",
        "clock": "ok",
        "server log": "ok",
    }
    assert "PostgreSQL 1" in found["database"].words


def test_a_clock_that_is_wrong_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    true_time = doctor.time.time
    monkeypatch.setattr(doctor.time, "time", lambda: true_time() - 60)
    found = findings(doctor.database_server, database.settings)["clock"]
    assert found.level == "bad"
    assert "time server" in found.cure


def test_a_server_log_that_keeps_what_was_refused_is_told(database: Database) -> None:
    steps.execute(database, "alter role billcopy_desk reset log_min_error_statement")
    try:
        found = findings(doctor.database_server, database.settings)["server log"]
    finally:
        steps.execute(database, "alter role billcopy_desk set log_min_error_statement = panic")
    assert found.level == "warn"
    assert "of billcopy_desk (error)" in found.words
    assert "log_min_error_statement = panic" in found.cure


def test_a_migration_that_is_missing_is_told(database: Database) -> None:
    assert findings(doctor.migrations, database.settings)["migrations"].level == "ok"
    connection = database.connect(Login.MIGRATOR)
    with connection.cursor() as cursor:
        cursor.execute("delete from public.billcopy_migrations where name like '0003%'")
    found = findings(doctor.migrations, database.settings)["migrations"]
    assert found.level == "bad"
    assert "0003" in found.words
    assert "python -m billcopy migrate" in found.cure


def test_a_vault_that_is_well_issues_a_secret_id(
    database: Database, launcher: dict[str, object]
) -> None:
    found = findings(doctor.vault, database.settings, **launcher)
    assert {finding.level for finding in found.values()} == {"ok"}
    assert {"vault", "vault approle"} <= set(found)


def test_a_sealed_vault_is_told_with_its_cure(
    database: Database,
    launcher: dict[str, object],
    vault: ProvisionedVault,
    secrets_server: SecretsServer,
) -> None:
    with vault.admin() as admin:
        admin.sys.seal()
    found = findings(doctor.vault, database.settings, **launcher)["vault"]
    assert found.level == "bad"
    assert "is sealed" in found.words
    assert found.cure.startswith("Unseal it")


def test_a_vault_without_an_address_is_told(database: Database) -> None:
    found = findings(doctor.vault, database.settings, vault_url=None)["vault"]
    assert (found.level, found.cure) == ("bad", "Set BILLCOPY_VAULT_URL.")


def test_a_browser_that_does_not_start_is_told(database: Database, tmp_path: Path) -> None:
    binary = tmp_path / "browser"
    binary.write_text("#!/bin/sh\nexit 3\n")
    binary.chmod(0o755)
    found = findings(doctor.browser, database.settings, chromium=binary)["browser"]
    assert found.level == "bad"
    assert "BILLCOPY_CHROMIUM" in found.cure
    binary.write_text("#!/bin/sh\necho Chromium 1.2.3\n")
    found = findings(doctor.browser, database.settings, chromium=binary)["browser"]
    assert (found.level, found.words) == ("ok", f"Chromium 1.2.3 ({binary})")


def test_a_portal_that_answers_is_well_and_one_that_does_not_is_told(
    database: Database, practice_portal: PracticePortal
) -> None:
    shipped = {"portal_path": [ROOT / "robot" / "portals"]}
    url = {"practice": practice_portal.url}
    found = findings(doctor.portals, database.settings, portal_urls=url, **shipped)
    assert found["portal practice"].level == "ok", found
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = {"practice": f"http://127.0.0.1:{free.getsockname()[1]}"}
        found = findings(doctor.portals, database.settings, portal_urls=nobody, **shipped)
    assert found["portal practice"].level == "warn"
    assert "does not answer" in found["portal practice"].words


def test_the_pool_is_asked_only_where_airflow_is(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_HOME", raising=False)
    found = findings(doctor.pool, database.settings)["pool"]
    assert found.level == "warn"
    assert "not checked" in found.words


@pytest.mark.parametrize(
    ("listed", "level"),
    [
        ('[{"pool": "portal_practice", "slots": "1"}]', "ok"),
        ('[{"pool": "portal_practice", "slots": "5"}]', "bad"),
        ('a warning\n[{"pool": "default_pool", "slots": "128"}]', "bad"),
    ],
)
def test_a_pool_has_one_slot(
    database: Database, monkeypatch: pytest.MonkeyPatch, listed: str, level: str
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "anywhere")
    monkeypatch.setattr(
        doctor.subprocess,
        "run",
        lambda *_, **__: doctor.subprocess.CompletedProcess([], 0, stdout=listed),
    )
    path = [ROOT / "robot" / "portals"]
    found = findings(doctor.pool, database.settings, portal_path=path)
    assert found["pool portal_practice"].level == level


def test_a_disk_that_is_full_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = []
    for free in (1, 1 << 30, 9 << 30):
        usage = doctor.shutil._ntuple_diskusage(10 << 30, 0, free)
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _, usage=usage: usage)
        levels.append(findings(doctor.disk, database.settings)["work folder"].level)
    assert levels == ["bad", "warn", "ok"]


def test_whether_somebody_is_told_of_alarms(database: Database) -> None:
    assert findings(doctor.alarms, database.settings)["alarms"].level == "warn"
    told = findings(doctor.alarms, database.settings, alarm_mail_to=["ops@example.com"])["alarms"]
    assert (told.level, told.words) == ("ok", "told to: mail")


def test_versions_are_compared_with_the_lock(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = findings(doctor.versions, database.settings)
    assert {finding.level for finding in found.values()} == {"ok"}, found
    monkeypatch.setattr(doctor.metadata, "version", lambda _: "0.1")
    found = findings(doctor.versions, database.settings)
    assert found["hvac"].level == "warn"
    assert found["hvac"].cure == "`make setup` installs what is locked."


def test_a_check_that_breaks_is_a_finding_and_not_a_traceback(
    billcopy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Settings) -> Iterator[Finding]:
        raise RuntimeError("oops")
        yield

    monkeypatch.setattr(doctor, "CHECKS", {"thing": broken})
    shown = billcopy("doctor", code=3).stdout
    assert "bad  thing" in shown
    assert "could not be looked at: RuntimeError: oops" in shown


def test_the_doctor_ends_well_when_nothing_is_bad(
    billcopy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        doctor, "CHECKS", {"database": doctor.database_server, "migrations": doctor.migrations}
    )
    assert "bad" not in billcopy("doctor").stdout
    found = answer(billcopy("doctor", "--json"))
    assert [finding["level"] for finding in found] == ["ok"] * 5


def test_settings_that_are_wrong_end_the_examination(
    billcopy: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BILLCOPY_REQUEST_LIMIT", "0")
    shown = billcopy("doctor", code=3).stdout
    assert "BILLCOPY_REQUEST_LIMIT" in shown
    assert shown.count("\n") == 2
