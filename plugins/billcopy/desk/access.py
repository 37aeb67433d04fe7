"""Who is in front of the page, what they may do, and whether their own page sent the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from billcopy.errors import NotPermitted


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who is signed in and may read; `name` is written into the history.

    `may_decide`: who may write may also say, with another one, what became of a doubtful bill.
    """

    name: str
    may_write: bool
    may_decide: bool = False


def reader(request: Request) -> Person:
    """The person of this page; `app.create_app` has put them there."""
    person: Person = request.state.desk_person
    return person


def writer(request: Request) -> Person:
    """The person, if they may change something and their own page asks for it.

    Raises:
        NotPermitted: they may only read, or the form came from another site.
    """
    if not comes_from_our_page(request):
        raise NotPermitted("This form was not sent from the desk's own page.")
    person = reader(request)
    if not person.may_write:
        raise NotPermitted("You may look at requests, but not log or change them.")
    return person


def decider(request: Request) -> Person:
    """The person, if they may decide about a doubtful bill and their own page asks for it.

    Raises:
        NotPermitted: they may not, or the form came from another site.
    """
    person = writer(request)
    if not person.may_decide:
        raise NotPermitted("Only operations decide what became of a doubtful bill.")
    return person


def comes_from_our_page(request: Request) -> bool:
    """Whether a browser says that a page of this very origin sent the form.

    A browser that does not say where it comes from is refused: the session is a cookie, which
    another site's form would bring along.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    source = request.headers.get("origin") or request.headers.get("referer") or ""
    scheme, host = urlsplit(source)[:2]
    ours = {host for _, host in map(_origin, request.app.state.origins)}
    ours.add(request.headers.get("host", ""))
    return scheme in ("http", "https") and host in ours - {""}


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


Reader = Annotated[Person, Depends(reader)]
Writer = Annotated[Person, Depends(writer)]
Decider = Annotated[Person, Depends(decider)]
