"""The order a bot is started with: one JSON line on its standard input, nothing anywhere else.

Arguments and environment of a process can be read by others on the machine and are inherited by
the browser; standard input is not. The order holds two secrets: the bot login's database password
and a wrapped SecretID that can be used once. `repr` shows neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

from billcopy.credentials import VaultAccess
from billcopy.errors import InputError
from billcopy.model import Selection


class StopReason(Enum):
    """Why a bot stopped; the value is its exit code."""

    DRAINED = 0
    LIMIT = 10
    MAINTENANCE = 11
    STOPPED = 12
    BREAKER = 13
    LOCK_BUSY = 14
    INFRASTRUCTURE = 15
    INTERRUPTED = 16
    BAD_PORTAL_FOLDER = 17
    DISK_LOW = 18

    @classmethod
    def from_exit_code(cls, code: int) -> StopReason:
        """The reason a process gave; a code nobody promised means the machinery broke."""
        try:
            return cls(code)
        except ValueError:
            return cls.INTERRUPTED if code in (130, 137, 143) else cls.INFRASTRUCTURE


@dataclass(frozen=True, kw_only=True)
class DatabaseAccess:
    """How the bot reaches the queue, as login `billcopy_bot`."""

    host: str
    port: int
    dbname: str
    user: str
    password: str = field(repr=False)
    sslmode: str = "prefer"


@dataclass(frozen=True, kw_only=True)
class TestRequest:
    """A request for a rehearsal: made up for a test account, never from the queue."""

    __test__ = False  # pytest looks at names

    account: str = field(repr=False)
    period_from: date
    period_to: date
    recipient: str | None = field(default=None, repr=False)
    check_value: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class BotOrder:
    """Everything one bot run is told.

    `dry_run`: look at queued requests, walk each up to the send form, change no state.
    `reconcile_since`: only read the sent log and compare it with what was sent since then.
    `rehearse`: walk these made-up requests up to the send form, touch no queue; then `database` may
    be None, and a real portal's lock is taken only if it is given.
    """

    portal: str
    vault: VaultAccess
    database: DatabaseAccess | None
    actor: str
    work_dir: str
    evidence_url: str
    portal_path: tuple[str, ...]
    evidence_max_kb: int = 300
    min_free_bytes: int = 0
    watched_folders: tuple[str, ...] = ()
    portal_url: str | None = None
    chromium: str | None = None
    limit: int = 50
    linger_seconds: float = 0
    lock_wait_seconds: float = 30
    dry_run: bool = False
    selection: Selection = field(default_factory=Selection)
    dag_run_id: str | None = None
    headed: bool = False
    slow_mo_ms: int = 0
    log_level: str = "INFO"
    stuck_after_seconds: float = 180.0
    rehearse: tuple[TestRequest, ...] | None = None
    reconcile_since: datetime | None = None

    def to_json(self) -> str:
        """One line, secrets included: for the bot's standard input only."""
        return json.dumps(asdict(self), default=_as_text)

    @classmethod
    def from_json(cls, line: str) -> BotOrder:
        """Read the line.

        Raises:
            InputError: it is no order; the message never quotes the line.
        """
        try:
            values = json.loads(line)
            return cls(
                **{
                    **values,
                    "vault": VaultAccess(**values["vault"]),
                    "database": values["database"] and DatabaseAccess(**values["database"]),
                    "portal_path": tuple(values["portal_path"]),
                    "watched_folders": tuple(values.get("watched_folders") or ()),
                    "selection": _selection(values.get("selection") or {}),
                    "rehearse": _test_requests(values.get("rehearse")),
                    "reconcile_since": _moment(values.get("reconcile_since")),
                }
            )
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            rule = f"is not one JSON line of the expected shape ({type(error).__name__})"
            raise InputError("order", rule) from None


def _as_text(value: object) -> str:
    if isinstance(value, date):  # a datetime is one, too
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _selection(values: Mapping[str, Any]) -> Selection:
    ids = values.get("request_ids")
    moments = {
        name: datetime.fromisoformat(values[name])
        for name in ("received_from", "received_to")
        if values.get(name)
    }
    return Selection(request_ids=None if ids is None else tuple(ids), **moments)


def _test_requests(values: list[Mapping[str, Any]] | None) -> tuple[TestRequest, ...] | None:
    if values is None:
        return None
    periods = ("period_from", "period_to")
    return tuple(
        TestRequest(**{**one, **{name: date.fromisoformat(one[name]) for name in periods}})
        for one in values
    )
