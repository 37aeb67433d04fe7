"""What the keyword library hands to Robot, and what it does when the browser is beyond asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from billcopy.bot.context import BotRun
from billcopy.bot.work import BotWork
from billcopy.errors import BrowserLost
from billcopy.portal_profile import Profile

_LATE = 0.7  # of a keyword's time-out: the page may have been asked for by the keyword before


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The request in hand as the keywords need it: texts, dates as the portal writes them."""

    account: str = field(repr=False)
    period_from: str
    period_to: str
    recipient: str | None = field(repr=False)
    seconds_left: float

    @classmethod
    def of(cls, work: BotWork) -> Ask:
        """What the flow is told about the request in hand."""
        request, profile = work.in_hand, work.profile
        return cls(
            account=request.account,
            period_from=profile.date_text(request.period_from),
            period_to=profile.date_text(request.period_to),
            recipient=request.recipient,
            seconds_left=work.seconds_left,
        )


def guard_rules(profile: Profile) -> dict[str, Any]:
    """The profile's rules as the guard in the browser wants them."""
    send = profile.send
    return {
        "origin": _origin(profile.base_url),
        "nativeDialogs": profile.native_dialogs,
        "lateAfter": profile.keyword_timeout.total_seconds() * 1000 * _LATE,
        "allowed": [
            {
                "method": one.method,
                "path": _javascript(one.path),
                "origin": one.origin,
                "formField": list(one.form_field) if one.form_field else None,
            }
            for one in profile.allowed
        ],
        "send": {
            "method": send.method,
            "path": _javascript(send.path),
            "formField": list(send.form_field) if send.form_field else None,
            "invoiceField": send.invoice_field,
        },
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _javascript(pattern: str) -> str:
    return pattern.replace("(?P<", "(?<")


def browser_is_gone(run: BotRun, error: Exception) -> None:
    """Nobody answers where the browser should be: end what is left of it, and the bot run."""
    run.work.record(BrowserLost(f"The browser does not answer ({type(error).__name__})."))
    run.kill_browser()
