"""The portal's password, read from Vault at the moment of sign-in. Nothing else reads it.

Two sides. The launcher (Airflow's task, the command line) signs in with its own AppRole and may
only ask for a wrapped SecretID of the bot's AppRole: it never sees what is inside. The bot looks at
where the wrapping was made, unwraps it (which works once), signs in, reads, and revokes its token
at the end. A failed unwrap means that somebody else was there first, and is an incident.

No error, log line or representation of this module shows a password, token or SecretID.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from billcopy import errors
from billcopy.settings import Settings
from billcopy.vault_client import Client, Health, Vault, health, moment_of, not_portable

__all__ = [
    "Credential",
    "Health",
    "VaultAccess",
    "VaultSession",
    "WrappedSecretId",
    "access_for_bot",
    "health",
    "issue_wrapped_secret_id",
    "open_session",
]
KEYS = ("username", "password")
EXPIRES_AT = "expires_at"  # beside them, or in the secret's custom metadata: a day or a moment
LONGEST_WRAPPING_SECONDS = 300  # the launcher's policy allows no more

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class WrappedSecretId:
    """A SecretID of the bot's AppRole, inside a token that opens once and soon expires."""

    token: str = field(repr=False)
    bot_role_id: str


@dataclass(frozen=True, kw_only=True)
class VaultAccess:
    """What a bot needs to read one credential: a path it may read and a way in that works once."""

    url: str
    path: str
    role_id: str
    wrapped_secret_id: str = field(repr=False)
    mount: str = "secret"
    bot_role: str = "billcopy-bot"
    namespace: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """A user name and a password, with the version that Vault gave them."""

    path: str
    version: int
    username: str
    password: str = field(repr=False)
    expires_at: datetime | None = None  # if Vault says so

    __reduce_ex__ = not_portable


@contextmanager
def _signed_in(
    url: str, role_id: str, secret_id: str, namespace: str | None, ca_file: str | None
) -> Iterator[Vault]:
    vault = Vault(url, namespace=namespace, ca_file=ca_file)
    try:
        vault.sign_in(role_id, secret_id)
        yield vault
    finally:
        vault.close()


# -- the launcher's side -------------------------------------------------------------------------


def issue_wrapped_secret_id(
    *,
    url: str,
    role_id: str,
    secret_id: str,
    bot_role: str,
    ttl_seconds: int = 60,
    namespace: str | None = None,
    ca_file: str | None = None,
) -> WrappedSecretId:
    """A way in for one bot, made with the launcher's own AppRole, whose token is revoked at once.

    Raises:
        VaultError: one of its kinds; nothing was handed out.
    """

    def wrapped(client: Client) -> str:
        answer = client.auth.approle.generate_secret_id(bot_role, wrap_ttl=f"{ttl_seconds}s")
        return str(answer["wrap_info"]["token"])

    with _signed_in(url, role_id, secret_id, namespace, ca_file) as vault:
        bot_role_id = vault.ask(
            f"read the role id of {bot_role}",
            lambda client: str(client.auth.approle.read_role_id(bot_role)["data"]["role_id"]),
        )
        token = vault.ask(f"issue a wrapped SecretID of {bot_role}", wrapped)
    return WrappedSecretId(token=token, bot_role_id=bot_role_id)


def access_for_bot(settings: Settings, portal: str) -> VaultAccess:
    """What the bot of this portal is told about Vault, with a fresh wrapped SecretID.

    Raises:
        SettingsError: Vault's address or the launcher's AppRole is not set.
        VaultError: as `issue_wrapped_secret_id`.
    """
    url, role_id, secret_id = _launcher(settings)
    ca_file = str(settings.vault_ca_file) if settings.vault_ca_file else None
    wrapped = issue_wrapped_secret_id(
        url=url,
        role_id=role_id,
        secret_id=secret_id,
        bot_role=settings.vault_bot_role,
        ttl_seconds=min(LONGEST_WRAPPING_SECONDS, 60 + settings.lock_wait_seconds),
        namespace=settings.vault_namespace,
        ca_file=ca_file,
    )
    return VaultAccess(
        url=url,
        path=settings.vault_credential_path.format(portal=portal),
        role_id=wrapped.bot_role_id,
        wrapped_secret_id=wrapped.token,
        mount=settings.vault_mount,
        bot_role=settings.vault_bot_role,
        namespace=settings.vault_namespace,
        ca_file=ca_file,
    )


def _launcher(settings: Settings) -> tuple[str, str, str]:
    """Address, role id and SecretID of the launcher."""
    file = settings.vault_secret_id_file
    if settings.vault_url is None:
        raise errors.SettingsError("BILLCOPY_VAULT_URL", "is not set: where is Vault?")
    if settings.vault_role_id is None:
        raise errors.SettingsError("BILLCOPY_VAULT_ROLE_ID", "is not set: the launcher's AppRole")
    if file is None:
        raise errors.SettingsError("BILLCOPY_VAULT_SECRET_ID_FILE", "is not set")
    try:
        secret_id = file.read_text().strip()
    except OSError as problem:
        rule = f"{file} cannot be read ({problem.strerror})"
        raise errors.SettingsError("BILLCOPY_VAULT_SECRET_ID_FILE", rule) from None
    return settings.vault_url, settings.vault_role_id, secret_id


# -- the bot's side ------------------------------------------------------------------------------


class VaultSession:
    """The bot's signed-in time with Vault: `with open_session(access) as session`."""

    def __init__(self, vault: Vault, access: VaultAccess, lease_seconds: int) -> None:
        self._vault = vault
        self._mount, self._path = access.mount, access.path
        self._lease_taken(lease_seconds)

    __reduce_ex__ = not_portable

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.revoke()

    def _lease_taken(self, seconds: int) -> None:
        self._lease_seconds = seconds
        self._ends_at = time.monotonic() + seconds

    @property
    def seconds_left(self) -> float:
        """How long the token still lives without renewal."""
        return self._ends_at - time.monotonic()

    def read_credential(self) -> Credential:
        """The newest version of the portal's credential, asked for now.

        Raises:
            CredentialMissing: there is nothing at the path.
            CredentialIncomplete: `username` or `password` is missing, empty or not a text.
            VaultError: one of its other kinds.
        """

        def read(client: Client) -> tuple[dict[str, Any], int, object]:
            data = client.secrets.kv.v2.read_secret_version(
                path=self._path, mount_point=self._mount, raise_on_deleted_version=True
            )["data"]
            custom = data["metadata"].get("custom_metadata") or {}
            expires = data["data"].get(EXPIRES_AT) or custom.get(EXPIRES_AT)
            return dict(data["data"]), int(data["metadata"]["version"]), expires

        secret, version, expires = self._vault.ask(
            f"read {self._mount}/{self._path}", read, missing=errors.CredentialMissing
        )
        absent = [key for key in KEYS if not isinstance(secret.get(key), str) or not secret[key]]
        if absent:
            message = f"{self._mount}/{self._path} version {version} lacks {', '.join(absent)}"
            raise errors.CredentialIncomplete(message)
        logger.info("Credential read: %s/%s, version %d", self._mount, self._path, version)
        return Credential(
            path=f"{self._mount}/{self._path}",
            version=version,
            username=secret["username"],
            password=secret["password"],
            expires_at=moment_of(expires),
        )

    def renew(self) -> None:
        """Renew the token if less than half of its life is left; else nothing is asked."""
        if self.seconds_left < self._lease_seconds / 2:
            self._lease_taken(
                self._vault.ask(
                    "renew the bot's token",
                    lambda client: int(client.auth.token.renew_self()["auth"]["lease_duration"]),
                )
            )

    def revoke(self) -> None:
        """End it; also a second time."""
        self._vault.close()


def open_session(access: VaultAccess) -> VaultSession:
    """Unwrap the SecretID, after a look at where it was wrapped, and sign in.

    Raises:
        WrappingInvalid: it was wrapped elsewhere, was opened before, or is too old: an incident.
        VaultError: one of its other kinds.
    """
    vault = Vault(access.url, namespace=access.namespace, ca_file=access.ca_file)
    try:
        lease_seconds = vault.sign_in(access.role_id, _unwrapped(vault, access))
    except BaseException:
        vault.close()
        raise
    return VaultSession(vault, access, lease_seconds)


def _unwrapped(vault: Vault, access: VaultAccess) -> str:
    made_by = f"auth/approle/role/{access.bot_role}/secret-id"
    question = {"token": access.wrapped_secret_id}
    creation_path = vault.ask(
        "recognise the wrapped SecretID",
        lambda client: client.write_data("sys/wrapping/lookup", data=question)["data"][
            "creation_path"
        ],
        refused=errors.WrappingInvalid,
        missing=errors.WrappingInvalid,
    )
    if creation_path not in (made_by, f"{(access.namespace or '').strip('/')}/{made_by}"):
        raise errors.WrappingInvalid(f"The wrapped SecretID was not made by {made_by}.")
    vault.client.token = access.wrapped_secret_id
    try:
        return vault.ask(
            "unwrap the SecretID",
            lambda client: str(client.sys.unwrap()["data"]["secret_id"]),
            refused=errors.WrappingInvalid,
            missing=errors.WrappingInvalid,
        )
    finally:
        vault.client.token = ""
