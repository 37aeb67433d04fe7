"""Templates into answers: what every page knows, and the headers that keep it to itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from markupsafe import Markup

from billcopy.desk import times, words

FOLDER = Path(__file__).parent
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
}


@jinja2.pass_context
def _when(context: jinja2.runtime.Context, value: datetime | str | None) -> Markup | str:
    if value is None:
        return ""
    there = context["zone"]
    at = times.moment(value).astimezone(there)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), times.exact(at, there), times.short(at, there)
    )


def _period(row: Any) -> str:
    first, last = (
        (row["period_from"], row["period_to"])
        if isinstance(row, Mapping)
        else (row.period_from, row.period_to)
    )
    return times.period(first, last)


def _iso(value: date) -> str:
    return value.isoformat()


def _version() -> str:
    content = b"".join(path.read_bytes() for path in sorted((FOLDER / "static").iterdir()))
    return hashlib.sha256(content).hexdigest()[:12]


_templates = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.filters.update(
    when=_when, day=times.day, period=_period, iso=_iso, bills=lambda n: words.count(n, "bill")
)
_templates.globals.update(
    labels=words.LABELS,
    priorities=words.PRIORITIES,
    groups=words.GROUPS,
    shortcuts=times.shortcuts,
    version=_version(),
)


def base(request: Request) -> str:
    """Where the desk is mounted, without a slash at the end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def text(request: Request, template: str, **known: Any) -> str:
    """A template as text."""
    person = getattr(request.state, "desk_person", None)
    there = times.zone(
        request.cookies.get(times.ZONE_COOKIE), otherwise=known.pop("otherwise_zone", None)
    )
    return _templates.get_template(template).render(
        base=base(request), person=person, zone=there, now=datetime.now(UTC), **known
    )


def page(request: Request, template: str, *, status: int = 200, **known: Any) -> Response:
    """A whole page."""
    return HTMLResponse(text(request, template, **known), status_code=status, headers=HEADERS)


def live(request: Request, template: str, **known: Any) -> Response:
    """The parts of a page that change; 304 where the browser has them already."""
    content = text(request, template, **known)
    tag = f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'
    # Kept by the page itself, not by the browser: nothing here may be stored.
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={**HEADERS, "ETag": tag})
    return HTMLResponse(content, headers={**HEADERS, "ETag": tag})


def see(request: Request, place: str) -> Response:
    """After a form: the page that shows what it did."""
    return RedirectResponse(base(request) + place, status_code=303, headers=HEADERS)


def trouble(
    request: Request,
    *,
    status: int,
    title: str,
    words: str,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A plain page that says what does not work."""
    content = text(request, "trouble.html", title=title, words=words)
    return HTMLResponse(content, status_code=status, headers={**HEADERS, **(headers or {})})
