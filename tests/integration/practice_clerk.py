"""Somebody at a practice portal's screens, without a browser: forms are posted, text is read."""

from __future__ import annotations

import html
import re
from types import TracebackType

import httpx

from sandbox.practice_portal import PracticePortal

INVOICE = "INV-2025-000145"  # Grace Oyelaran's bill of January 2025
ACCOUNT = "6093377"
ON_FILE = "grace.oyelaran@example.com"


def text(page: httpx.Response) -> str:
    """The page's words, without its tags."""
    return " ".join(
        html.unescape(re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", page.text)).split()
    )


def heading(page: httpx.Response) -> str:
    """The page's first heading."""
    found = re.search(r"<h1>(.*?)</h1>", page.text)
    return html.unescape(found[1]) if found else ""


def rows(page: httpx.Response) -> list[list[str]]:
    """The cells of the page's list, row by row."""
    body = page.text.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [html.unescape(re.sub("<[^>]+>", "", cell)).strip() for cell in row.split("<td")[1:]]
        for row in re.sub(r"<td[^>]*>", "<td", body).split("<tr")[1:]
    ]


class Visitor:
    """One browser's worth of cookies; redirects are followed."""

    def __init__(self, portal: PracticePortal) -> None:
        self.portal = portal
        self.browser = httpx.Client(base_url=portal.url, follow_redirects=True, timeout=30)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.browser.close()

    def open(self, path: str, **query: str) -> httpx.Response:
        return self.browser.get(path, params=query or None)

    def post(self, path: str, **fields: str) -> httpx.Response:
        return self.browser.post(path, data=fields)

    def sign_in(self, user: str | None = None, password: str | None = None) -> httpx.Response:
        return self.post(
            "/signin",
            user_id=user or self.portal.username,
            password=password or self.portal.password,
        )

    def go_to_work(self, user: str | None = None, password: str | None = None) -> Visitor:
        """Sign in and leave the notice behind."""
        self.sign_in(user, password)
        assert heading(self.post("/notice")) == "Account search"
        return self

    def send(self, invoice: str = INVOICE, recipient: str = ON_FILE) -> httpx.Response:
        return self.post(f"/invoices/{invoice}/email", recipient=recipient)
