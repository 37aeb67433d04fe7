"""The faults that any practice portal can play, and the switchboard that holds them.

The settings are held in one validated object. A change merges: names not given stay as they are,
and a name given as null goes back to its default.
"""

from __future__ import annotations

import re
import threading
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator


class CommonFaults(BaseModel):
    """Faults with their neutral values. Paths are regular expressions, searched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_ms: int = Field(default=0, ge=0, le=600_000)
    latency_path: str = ""
    latency_when: Literal["before", "after"] = "before"
    """`after`: the work is done, but the answer comes late."""
    http_500: int = Field(default=0, ge=0)
    """The next so many page requests are answered 500 (counted down)."""
    http_500_path: str = ""
    http_500_status: int | None = Field(default=None, ge=500, le=599)
    """Another server error than 500."""
    download: int = Field(default=0, ge=0)
    """The next so many page requests are answered with a file to save (counted down)."""
    download_path: str = ""
    popup: bool | str = False
    """An overlay covers each page until it is dismissed; a text is a path it is limited to."""
    session_expiry_after: int | None = Field(default=None, ge=0)
    """The session in use ends after so many more page requests; 0 ends all sessions now."""
    send_then_crash: int = Field(default=0, ge=0)
    """The next so many sends go out and are logged, but are answered 500 (counted down)."""
    says_sent_but_did_not: int = Field(default=0, ge=0)
    """The next so many sends are confirmed on the screen only (counted down)."""
    sent_log_lag_seconds: float | None = Field(default=None, ge=0)
    wrong_form: Literal["account", "invoice", "recipient"] | None = None
    """The send form shows something else than what was opened."""
    password: str | None = Field(default=None, repr=False)
    """The service user's password is this from now on."""
    account_lock: bool = False
    """The service user is locked."""

    @field_validator(
        "latency_path",
        "http_500_path",
        "download_path",
        "popup",
        "native_alert",
        check_fields=False,
    )
    @classmethod
    def _is_regular_expression(cls, value: bool | str) -> bool | str:  # noqa: FBT001  a field
        try:
            re.compile(str(value))
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return value

    def shown(self) -> dict[str, Any]:
        """All values, but a password only as the fact that there is one."""
        values = self.model_dump()
        values["password"] = None if self.password is None else "changed"
        return values


def applies(path: str, *, where: bool | str) -> bool:
    """Whether a fault concerns this path; `where` is all, none, or what the path must match."""
    return bool(re.search(where, path)) if isinstance(where, str) else where


F = TypeVar("F", bound=CommonFaults)


class Switchboard(Generic[F]):
    """The faults now in force."""

    def __init__(self, neutral: F) -> None:
        self._lock = threading.Lock()
        self._neutral = self._faults = neutral

    @property
    def now(self) -> F:
        """What is in force at this moment."""
        return self._faults

    def change(self, changes: dict[str, Any]) -> F:
        """Merge these values; raises pydantic's ValidationError for an unknown name or value."""
        with self._lock:
            values = self._faults.model_dump() | changes
            kept = {
                name: value
                for name, value in values.items()
                if value is not None or name not in changes
            }
            self._faults = type(self._neutral).model_validate(kept)
            return self._faults

    def clear(self) -> None:
        """Back to good behaviour."""
        with self._lock:
            self._faults = self._neutral

    def take(self, counted: str) -> bool:
        """Use up one of a counted fault; False when none is left."""
        with self._lock:
            left = getattr(self._faults, counted)
            if left:
                self._faults = self._faults.model_copy(update={counted: left - 1})
            return bool(left)

    def session_ends_here(self) -> bool:
        """Count a page request of a session; True when its session must end with this one."""
        with self._lock:
            left = self._faults.session_expiry_after
            if left is None:
                return False
            self._faults = self._faults.model_copy(
                update={"session_expiry_after": left - 1 if left else None}
            )
            return left == 0
