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
    work_dir: Path = Field(PROJECT_ROOT / "var" / "bot", description="the bot's own files")
    chromium: Path | None = Field(None, description="browser binary; none: the first one found")

    request_limit: int = Field(50, ge=1, le=10_000, description="requests per bot run at most")
    linger_seconds: int = Field(60, ge=0, description="how long a drained bot waits for more")
    lock_wait_seconds: int = Field(30, ge=0, description="how long a bot waits for its portal")
    max_period_months: int = Field(24, ge=1, description="longest period a request may ask for")
    max_file_rows: int = Field(20_000, ge=1, description="rows of an intake file at most")

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
