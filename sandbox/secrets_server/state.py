"""What the server remembers, and the one encrypted file that keeps it over a restart."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from pydantic import BaseModel, Field

DAY = 86400


class Clock:
    """The server's time; tests may move it forward."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Let this much time pass at once."""
        self._ahead += seconds


def over(end: float | None, now: float) -> bool:
    """Whether something that lasts until `end` (None: for ever) is over."""
    return end is not None and end <= now


class Token(BaseModel):
    """A token; one that wraps a response holds it in `wrapped`. Only its digest is its name."""

    accessor: str = Field(default_factory=lambda: secrets.token_hex(12))
    policies: list[str]
    path: str
    display_name: str = "token"
    metadata: dict[str, str] = {}
    created_at: float
    ttl: int = 0
    max_ttl: int = 0
    expires_at: float | None = None
    uses_left: int = 0  # 0: as often as one likes
    renewable: bool = False
    wrapped: str | None = None


class SecretId(BaseModel):
    """A SecretID of a role."""

    role: str
    accessor: str
    expires_at: float | None
    uses_left: int  # 0: as often as one likes


class Role(BaseModel):
    """An AppRole."""

    role_id: str
    token_policies: list[str] = []
    token_no_default_policy: bool = False
    token_ttl: int = 0
    token_max_ttl: int = 0
    token_num_uses: int = 0
    secret_id_ttl: int = 0
    secret_id_num_uses: int = 0


class Version(BaseModel):
    """One version of a secret; the list index + 1 is its number."""

    data: dict[str, Any]
    created_at: float
    deleted_at: float | None = None


class State(BaseModel):
    """Everything but the clock."""

    audit_salt: str = Field(default_factory=lambda: secrets.token_hex(32))
    mounts: dict[str, dict[str, list[Version]]] = {}
    approle_enabled: bool = False
    policies: dict[str, str] = {}
    roles: dict[str, Role] = {}
    secret_ids: dict[str, SecretId] = {}
    tokens: dict[str, Token] = {}

    def forget_expired(self, now: float) -> None:
        """Drop what is of no use to anybody any more."""
        self.tokens = {
            name: token for name, token in self.tokens.items() if not over(token.expires_at, now)
        }
        self.secret_ids = {
            name: entry
            for name, entry in self.secret_ids.items()
            if not over(entry.expires_at, now)
        }


def digest(secret: str) -> str:
    """The name under which a token or SecretID is kept: nothing that opens anything is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def private_file(path: Path, text: str | bytes) -> None:
    """Write a file that only we may read, at once or not at all."""
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)
    new.replace(path)


class StateFile:
    """The state on disk, encrypted with the unseal key: a scan of the folder finds no password."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, key: str) -> State | None:
        """What was saved, if anything was.

        Raises:
            ValueError: this is not the key.
        """
        try:
            cipher = Fernet(key)
            if not self._path.exists():
                return None
            return State.model_validate_json(cipher.decrypt(self._path.read_bytes()))
        except InvalidToken:
            raise ValueError("wrong key") from None

    def save(self, key: str, state: str) -> None:
        """Replace what was saved."""
        private_file(self._path, Fernet(key).encrypt(state.encode()))
