"""What stands behind the pages of a practice portal, and how a page gets at it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from jinja2 import Environment, PackageLoader, StrictUndefined

from sandbox.portal_parts.mailer import Letterhead
from sandbox.portal_parts.options import Options
from sandbox.portal_parts.pdf import money
from sandbox.portal_parts.store import Store
from sandbox.portal_parts.switchboard import CommonFaults, Switchboard
from sandbox.portal_parts.users import Ended, Session, Users

DATABASE = "portal.sqlite3"
F = TypeVar("F", bound=CommonFaults)


class SignInNeeded(Exception):
    """There is no session (any more)."""

    def __init__(self, reason: Ended) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Portal(Generic[F]):
    """The parts behind the pages. `cookie` is the name of the session's."""

    options: Options
    letterhead: Letterhead
    cookie: str
    store: Store
    users: Users
    switchboard: Switchboard[F]
    templates: Environment

    @property
    def lag_seconds(self) -> float:
        """How late the portal shows just now that it sent something."""
        lag = self.switchboard.now.sent_log_lag_seconds
        return self.options.sent_log_lag_seconds if lag is None else lag

    def session_of(self, request: Request) -> Session:
        """The session of a page that stands behind the sign-in.

        Raises:
            SignInNeeded: there is none; the expiry fault may have ended it with this request.
        """
        found = self.users.session(request.cookies.get(self.cookie))
        if isinstance(found, Ended):
            raise SignInNeeded(found)
        if self.switchboard.session_ends_here():
            self.users.end(found.token)
            raise SignInNeeded(Ended.EXPIRED)
        return found


def portal(
    options: Options, *, package: str, cookie: str, letterhead: Letterhead, neutral: F, times: str
) -> Portal[F]:
    """A portal whose templates stand in `package`; `times` is how its pages write a moment."""
    return Portal(
        options=options,
        letterhead=letterhead,
        cookie=cookie,
        store=Store(options.data_dir / DATABASE),
        users=Users(options.passwords, session_minutes=options.session_minutes),
        switchboard=Switchboard(neutral),
        templates=_templates(options, package=package, dates=letterhead.dates, times=times),
    )


def _templates(options: Options, *, package: str, dates: str, times: str) -> Environment:
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    zone = ZoneInfo(options.time_zone)
    environment.filters["day"] = lambda iso: date.fromisoformat(iso).strftime(dates)
    environment.filters["moment"] = lambda at: datetime.fromtimestamp(at, zone).strftime(times)
    environment.filters["money"] = money
    environment.globals["time_zone"] = options.time_zone
    return environment


def portal_of(request: Request) -> Portal[Any]:
    """The portal that answers this request."""
    found: Portal[Any] = request.app.state.portal
    return found


AnyPortal = Annotated[Portal[CommonFaults], Depends(portal_of)]
