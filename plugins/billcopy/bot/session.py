"""The bot's right to be signed in: the credential, and how often it may be tried.

A wrong password tried often enough locks the account for everybody. So a refused one is read once
more; if Vault has no newer version, or that one is refused, too, the breaker is opened for it and
no bot run tries that version again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from billcopy.credentials import Credential, VaultSession
from billcopy.errors import SignInRefused, VaultError

logger = logging.getLogger(__name__)

ReadOutcome = Literal["read", "accepted", "refused"]
RecordRead = Callable[[Credential, ReadOutcome], None]
Missing = Literal["browser", "session", "page"]


class PortalSession:
    """What of browser, session and page is missing, and with which credential to sign in."""

    def __init__(
        self,
        vault: VaultSession,
        *,
        record_read: RecordRead,
        refused_version: Callable[[], int | None],
    ) -> None:
        self._vault = vault
        self._record_read = record_read
        self._refused_version = refused_version
        self._credential: Credential | None = None
        self.missing: Missing = "browser"

    @property
    def version(self) -> int | None:
        """The version of the credential last tried."""
        return self._credential.version if self._credential else None

    @property
    def username(self) -> str | None:
        """Who is, or was last, signed in."""
        return self._credential.username if self._credential else None

    def is_broken(self, missing: Missing) -> None:
        """From here up everything must be new."""
        if self.missing != "browser":
            self.missing = missing

    def credential(self) -> Credential:
        """Read the credential now, to sign in with it.

        Raises:
            SignInRefused: this version was refused before; it is not tried again.
            VaultError: it cannot be read.
        """
        credential = self._read()
        if credential.version == self._refused_version():
            raise SignInRefused(f"Version {credential.version} of the password was refused before.")
        return credential

    def newer_credential(self) -> Credential:
        """After a refusal, the one more look.

        Raises:
            SignInRefused: Vault has nothing newer.
            VaultError: it cannot be read.
        """
        refused = self._credential
        if refused is None:
            raise SignInRefused
        self._record_read(refused, "refused")
        credential = self._read()
        if credential.version <= refused.version:
            raise SignInRefused(f"Version {refused.version} of the password was refused.")
        return credential

    def accepted(self) -> None:
        """The portal let us in."""
        if self._credential is not None:
            self._record_read(self._credential, "accepted")
        self.missing = "page"

    def keep_token_alive(self) -> None:
        """Renew the token if it is time; a failure shows at the next sign-in."""
        try:
            self._vault.renew()
        except VaultError as error:
            logger.warning("The Vault token could not be renewed: %s", error.code)

    def _read(self) -> Credential:
        self._credential = self._vault.read_credential()
        self._record_read(self._credential, "read")
        return self._credential
