"""Requests, replies and refusals in Vault's shapes."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Operation = Literal["create", "read", "update", "delete", "list"]
Json = dict[str, Any]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Refusal(Exception):
    """An error reply: HTTP status, messages, and (KV only) data beside them."""

    def __init__(self, status: int, *messages: str, data: Json | None = None) -> None:
        super().__init__(", ".join(messages))
        self.status = status
        self.body: Json = {"errors": list(messages)} if data is None else {"data": data}


def permission_denied() -> Refusal:
    """The one answer to a bad token and to a path that is not allowed: it tells nothing."""
    return Refusal(403, "permission denied")


@dataclass(kw_only=True)
class Call:
    """One request, as the handlers see it."""

    operation: Operation
    path: str
    data: Json = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    token: str = ""
    wrap_ttl: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def text(self, name: str) -> str:
        """A required text of the body."""
        value = self.data.get(name)
        if not isinstance(value, str) or not value.strip():
            raise Refusal(400, f"missing {name}")
        return value.strip()


@dataclass(kw_only=True)
class Reply:
    """One answer. Neither data nor auth nor wrap_info means 204; `raw` is sent as it stands."""

    data: Json | None = None
    auth: Json | None = None
    wrap_info: Json | None = None
    raw: Json | None = None
    status: int = 200

    def envelope(self, request_id: str) -> Json | None:
        """The body, None for an empty one."""
        if self.raw is not None:
            return self.raw
        if self.data is None and self.auth is None and self.wrap_info is None:
            return None
        return {
            "request_id": request_id,
            "lease_id": "",
            "renewable": False,
            "lease_duration": 0,
            "data": self.data,
            "wrap_info": self.wrap_info,
            "warnings": None,
            "auth": self.auth,
        }


def seconds(value: object, name: str = "ttl") -> int:
    """A duration as Vault writes it (90, "90", "90s", "15m", "2h") in seconds."""
    if value is None or value == "":
        return 0
    match = re.fullmatch(r"(\d+)([smhd]?)", str(value).strip())
    if match is None or isinstance(value, bool):
        raise Refusal(400, f"field validation failed: {name} is not a duration")
    return int(match[1]) * _UNITS[match[2]]


def whole(value: object, name: str) -> int:
    """A number of uses, versions and the like."""
    try:
        number = int(str(value or 0))
    except ValueError:
        raise Refusal(400, f"field validation failed: {name} is not a number") from None
    if number < 0:
        raise Refusal(400, f"{name} cannot be negative")
    return number


def names(value: object) -> list[str]:
    """A list of names, given as a list or with commas between."""
    parts = value if isinstance(value, list) else str(value or "").split(",")
    return [str(part).strip() for part in parts if str(part).strip()]


def timestamp(moment: float | None) -> str:
    """A moment as RFC 3339 in UTC; none as the empty text."""
    if moment is None:
        return ""
    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")
