"""All settings, from the environment (`BILLCOPY_…`) and one file, in one place.

The file is `var/settings.env` below the project's root, or `$BILLCOPY_SETTINGS_FILE`; the
environment wins. Secrets are never settings: a setting names the file that holds one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from billcopy.errors import SettingsError

PROJECT_ROOT = Path(__file__).resolve().parents[2]
PREFIX = "BILLCOPY_"


class Settings(BaseSettings):
    """One frozen set of settings; see each field's description."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_host: str = Field("127.0.0.1", description="host of the PostgreSQL server")
    database_port: int = Field(5432, ge=1, le=65535, description="its TCP port")
    database_name: str = Field("billcopy", min_length=1, description="our database on it")
    database_sslmode: str = Field(
        "prefer",
        pattern="^(disable|allow|prefer|require|verify-ca|verify-full)$",
        description="libpq's sslmode",
    )
    pgpass_file: Path | None = Field(
        PROJECT_ROOT / "var" / "pgpass",
        description="libpq password file with the logins' passwords",
    )

    vault_url: str | None = Field(None, pattern="^https?://", description="address of Vault")
    vault_namespace: str | None = Field(None, description="Vault Enterprise namespace")
    vault_ca_file: Path | None = Field(None, description="CA that signed Vault's certificate")
    vault_mount: str = Field("secret", description="mount of the KV v2 engine")
    vault_credential_path: str = Field(
        "billcopy/portals/{portal}", pattern=r"\{portal\}", description="where a credential stands"
    )
    vault_bot_role: str = Field("billcopy-bot", description="the bot's AppRole")
    vault_role_id: str | None = Field(None, description="the launcher's own AppRole: role id")
    vault_secret_id_file: Path | None = Field(
        None, description="file with the launcher's own SecretID, readable by it alone"
    )

    portal_path: list[Path] = Field(
        [PROJECT_ROOT / "robot" / "portals"], description="folders searched for portal folders"
    )
    portal_urls: dict[str, str] = Field(
        {}, description="address per portal, in place of the profile's base_url"
    )
    evidence_url: str = Field(
        (PROJECT_ROOT / "var" / "evidence").as_uri(), description="fsspec URL of the evidence"
    )
    evidence_max_kb: int = Field(300, ge=10, description="largest picture that is kept, in KB")
    work_dir: Path = Field(PROJECT_ROOT / "var" / "bot", description="the bot's own files")
    chromium: Path | None = Field(None, description="browser binary; none: the first one found")

    request_limit: int = Field(50, ge=1, le=10_000, description="requests per bot run at most")
    linger_seconds: int = Field(60, ge=0, description="how long a drained bot waits for more")
    lock_wait_seconds: int = Field(30, ge=0, description="how long a bot waits for its portal")
    max_period_months: int = Field(24, ge=1, description="longest period a request may ask for")
    max_file_rows: int = Field(20_000, ge=1, description="rows of an intake file at most")

    min_free_bytes: int = Field(
        1 << 30, ge=0, description="below this on a volume bots claim nothing, and an alarm opens"
    )
    watched_folders: list[Path] = Field(
        [], description="further folders here that need room, such as the database's own"
    )
    alarm_oldest_queued_minutes: int = Field(60, ge=1, description="a request waits this long")
    alarm_nothing_confirmed_minutes: int = Field(
        60, ge=1, description="nothing confirmed for this long while something is due"
    )
    alarm_in_doubt_minutes: int = Field(30, ge=1, description="a delivery is in doubt this long")
    alarm_rescues_an_hour: int = Field(3, ge=2, description="rescues of one request in an hour")
    alarm_password_days: int = Field(14, ge=1, description="days before a password expires")
    alarm_scheduler_silent_minutes: int = Field(
        5, ge=2, description="rescue_expired_leases, of every minute, has not run for this long"
    )
    alarm_reconciliation_hours: int = Field(
        36, ge=1, description="no complete comparison with the bank's sent log for this long"
    )
    reconciliation_days: int = Field(
        7, ge=1, description="how far back the daily comparison with the sent log looks"
    )
    alarm_remind_hours: int = Field(24, ge=1, description="an open alarm is told again after this")
    alarm_mail_to: list[str] = Field([], description="mail addresses that alarms go to")
    alarm_mail_from: str = Field("billcopy@localhost", description="sender of alarms")
    smtp_host: str = Field("127.0.0.1", description="mail server for alarms")
    smtp_port: int = Field(25, ge=1, le=65535, description="its TCP port")
    smtp_security: str = Field(
        "none", pattern="^(none|starttls|tls)$", description="how to talk to it"
    )
    smtp_user: str | None = Field(None, description="user name there; none: without a login")
    smtp_password_file: Path | None = Field(None, description="file with that user's password")
    alarm_addresses_file: Path | None = Field(
        None,
        description="file with a line NAME ADDRESS per webhook or chat, as apprise writes them",
    )
    ping_url: str | None = Field(
        None, pattern="^https?://", description="dead-man's switch: asked for after each good pass"
    )
    docs_url: str = Field("docs/operations.md", description="address of the runbook for alarms")
    watch_host: str = Field("127.0.0.1", description="where /health and /metrics listen")
    watch_port: int = Field(9108, ge=0, le=65535, description="their TCP port")
    watch_seconds: int = Field(60, ge=1, description="seconds between two passes of the watch")

    retention_subject_days: int = Field(
        90, ge=1, description="personal data of a request are erased so long after it finished"
    )
    retention_evidence_days: int = Field(
        90, ge=1, description="its pictures are deleted so long after it finished"
    )
    retention_bot_output_days: int = Field(
        14, ge=1, description="Robot output is deleted when so long nothing was written there"
    )
    retention_airflow_days: int = Field(
        30, ge=1, description="Airflow's logs and run history are deleted when so old"
    )
    retention_batch: int = Field(100, ge=1, description="what retention erases in one transaction")

    @property
    def project_root(self) -> Path:
        """The folder that holds dags/, plugins/, robot/ and sql/."""
        return PROJECT_ROOT


def load(**overrides: Any) -> Settings:
    """Read the settings now.

    Raises:
        SettingsError: a value breaks its rule; the error names the variable.
    """
    file = os.environ.get(f"{PREFIX}SETTINGS_FILE", str(PROJECT_ROOT / "var" / "settings.env"))
    try:
        return Settings(_env_file=file, **overrides)  # type: ignore[call-arg]
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else PREFIX
        raise SettingsError(name, first["msg"]) from None
    except ValueError as error:  # a list or mapping that is not JSON
        raise SettingsError(PREFIX, f"{error} (lists and mappings are written as JSON)") from None
