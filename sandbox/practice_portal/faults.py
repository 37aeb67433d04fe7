"""The fault switchboard: every way in which we have seen a portal misbehave, played on demand.

The settings are held in one validated object. A change merges: names not given stay as they are,
and a name given as null goes back to its default.
"""

from __future__ import annotations

import re
import threading
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

OTHER_LABELS = {
    "Search": "Find",
    "List": "Go",
    "Show": "Display",
    "E-mail copy": "Send duplicate",
    "Send e-mail": "Dispatch",
    "Send to": "Deliver to",
    "Continue": "Proceed",
}


class Faults(BaseModel):
    """All faults with their neutral values. Paths are regular expressions, searched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_ms: int = Field(default=0, ge=0, le=600_000)
    latency_path: str = ""
    latency_when: Literal["before", "after"] = "before"
    """`after`: the work is done, but the answer comes late."""
    http_500: int = Field(default=0, ge=0)
    """The next so many page requests are answered 500 (counted down)."""
    http_500_path: str = ""
    popup: bool | str = False
    """An overlay covers each page until it is dismissed; a text is a path it is limited to."""
    native_alert: bool | str = False
    """Each page opens a JavaScript alert; a text is a path it is limited to."""
    late_button_ms: int = Field(default=0, ge=0, le=600_000)
    """*E-mail copy* and *Send e-mail* appear that much later than their page."""
    session_expiry_after: int | None = Field(default=None, ge=0)
    """The session in use ends after so many more page requests; 0 ends all sessions now."""
    send_then_crash: int = Field(default=0, ge=0)
    """The next so many sends go out and are logged, but are answered 500 (counted down)."""
    says_sent_but_did_not: int = Field(default=0, ge=0)
    """The next so many sends are confirmed on the screen only (counted down)."""
    sent_log_lag_seconds: float | None = Field(default=None, ge=0)
    relabelled: bool | dict[str, str] = False
    """Buttons and labels carry other words: the usual other ones, or these (old to new)."""
    wrong_form: Literal["account", "invoice", "recipient"] | None = None
    """The send form shows something else than what was opened."""
    password: str | None = Field(default=None, repr=False)
    """The service user's password is this from now on."""
    account_lock: bool = False
    """The service user is locked."""

    @field_validator("latency_path", "http_500_path", "popup", "native_alert")
    @classmethod
    def _is_regular_expression(cls, value: bool | str) -> bool | str:  # noqa: FBT001  a field
        try:
            re.compile(str(value))
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return value

    def label(self, text: str) -> str:
        """What the page says instead of this button or label."""
        if self.relabelled is False:
            return text
        words = OTHER_LABELS if self.relabelled is True else self.relabelled
        return words.get(text, text)

    def shown(self) -> dict[str, Any]:
        """All values, but a password only as the fact that there is one."""
        values = self.model_dump()
        values["password"] = None if self.password is None else "changed"
        return values


def applies(path: str, *, where: bool | str) -> bool:
    """Whether a fault concerns this path; `where` is all, none, or what the path must match."""
    return bool(re.search(where, path)) if isinstance(where, str) else where


class Switchboard:
    """The faults now in force."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults = Faults()

    @property
    def now(self) -> Faults:
        """What is in force at this moment."""
        return self._faults

    def change(self, changes: dict[str, Any]) -> Faults:
        """Merge these values; raises pydantic's ValidationError for an unknown name or value."""
        with self._lock:
            values = self._faults.model_dump() | changes
            kept = {
                name: value
                for name, value in values.items()
                if value is not None or name not in changes
            }
            self._faults = Faults.model_validate(kept)
            return self._faults

    def clear(self) -> None:
        """Back to good behaviour."""
        with self._lock:
            self._faults = Faults()

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
