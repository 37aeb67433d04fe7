"""One postback: who it is, what they did, what their page remembered, and what they see next."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from sandbox.data import CREDIT_NOTE
from sandbox.portal_parts.behind import Portal
from sandbox.portal_parts.mailer import Letterhead
from sandbox.portal_parts.switchboard import CommonFaults
from sandbox.portal_parts.users import Session

APPLICATION = "OfficeLink"
COOKIE = "OLSESSION"
TIME_ZONE = "Europe/Berlin"
DATE_FORMAT = "%d.%m.%Y"
TIME_FORMAT = "%d.%m.%Y %H:%M"
DIGITS = 10
LETTERHEAD = Letterhead(
    bank="Harbour Mutual", domain="harbour-mutual.example", dates=DATE_FORMAT, account_digits=DIGITS
)
_KEY = secrets.token_bytes(32)

View = dict[str, str]
"""What a page remembers of itself, in its hidden field __VIEWSTATE."""


class ViewTampered(Exception):
    """The hidden field is not one of ours, or from before a restart."""


def sealed(view: View) -> str:
    """The hidden field's value."""
    text = base64.b64encode(json.dumps(view).encode()).decode()
    return f"{text}.{_seal(text)}"


def opened(value: str) -> View:
    """The view of a hidden field; raises ViewTampered."""
    text, _, seal = value.partition(".")
    if not hmac.compare_digest(seal.encode(), _seal(text).encode()):
        raise ViewTampered
    view: View = json.loads(base64.b64decode(text))
    return view


def _seal(text: str) -> str:
    return hmac.new(_KEY, text.encode(), hashlib.sha256).hexdigest()[:24]


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A request to the one address. `fields` are the form's, by their meaningless names."""

    request: Request
    portal: Portal[CommonFaults]
    fields: dict[str, str] = field(repr=False)
    view: View = field(repr=False)
    session: Session | None = None

    @property
    def event(self) -> str:
        """What was clicked."""
        return self.fields.get("__EVENTTARGET", "")

    @property
    def argument(self) -> str:
        """Which of several it was."""
        return self.fields.get("__EVENTARGUMENT", "")

    @property
    def user(self) -> Session:
        """Who is signed in; only behind the sign-on."""
        assert self.session is not None
        return self.session

    def control(self, number: int) -> str:
        """What stood in the page's control with this number, counted from 1."""
        return self.fields.get(f"ctl{number}", "").strip()

    def page(
        self,
        template: str,
        title: str,
        *,
        view: View | None = None,
        status: int = 200,
        **values: Any,
    ) -> HTMLResponse:
        """The content frame's next page."""
        text = self.portal.templates.get_template(template).render(
            title=title,
            state=sealed(view or {}),
            popup=bool(self.portal.switchboard.now.popup),
            **values,
        )
        return HTMLResponse(text, status_code=status)


def padded(number: str) -> str:
    """An account number as this bank writes it."""
    return number.zfill(DIGITS)


def bare(number: str) -> str:
    """What the search makes of a number: a figure, so leading zeros are gone."""
    return number.lstrip("0")


def surname_first(account: Any) -> str:
    """The customer as this bank files them."""
    given = account["name"].removesuffix(account["surname"]).strip()
    return f"{account['surname']}, {given}"


def kind_code(kind: str) -> str:
    """Bills and credit notes have codes here."""
    return "CRN" if kind == CREDIT_NOTE else "INV"
