"""Portals that send every action to one address: the form field decides what is the send."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from Browser import Browser

from tests.guarded_browser import library

__all__ = ["library"]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

PAGE = """<!doctype html><title>One address</title><h1>{}</h1>
<iframe srcdoc='<table><tr><td>1</td><td>Framed</td></tr></table>'></iframe>"""
FORM = """<form method="post" action="/app" enctype="{}">
<input name="other" value="x"><input name="__EVENTTARGET" value="{}"><button>{}</button></form>"""
URLENCODED = "application/x-www-form-urlencoded"
FORMS = (
    (URLENCODED, "btnSend", "Plain"),
    ("multipart/form-data", "btnSend", "Multipart"),
    ("text/plain", "btnSend", "Text"),
    (URLENCODED, "btnSearch", "Search"),
)


class Legacy(ThreadingHTTPServer):
    """Counts what reaches it."""

    posts = 0


class Handler(BaseHTTPRequestHandler):
    server: Legacy

    def do_GET(self) -> None:
        self._show("Everything")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts += 1
        self._show("Done")

    def _show(self, heading: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        page = PAGE.format(heading) + "".join(FORM.format(*one) for one in FORMS)
        self.wfile.write(page.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def legacy() -> Iterator[Legacy]:
    with Legacy(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def page(library: Browser, legacy: Legacy) -> Iterator[Browser]:
    origin = f"http://127.0.0.1:{legacy.server_port}"
    rules = {
        "origin": origin,
        "nativeDialogs": "accept",
        "allowed": [
            {"method": "GET", "path": "/", "origin": None},
            {"method": "POST", "path": "/app", "origin": None},
        ],
        "send": {"method": "POST", "path": "/app", "formField": ["__EVENTTARGET", "btnSend"]},
    }
    library.new_context(baseURL=origin)
    library.call_js_keyword("startGuard", profile=rules)
    library.new_page("/")
    yield library
    library.close_context("ALL")


def press(page: Browser, button: str, *, then: str) -> None:
    """Press a button, and wait for the page with this heading."""
    page.click(f'role=button[name="{button}"]')
    page.wait_for_elements_state(f'css=h1:text("{then}")')


@pytest.mark.parametrize("button", ["Plain", "Multipart"])
def test_the_field_makes_it_a_send_however_the_form_is_encoded(
    page: Browser, legacy: Legacy, button: str
) -> None:
    press(page, button, then="Refused")
    assert legacy.posts == 0
    page.go_to("/")
    page.call_js_keyword("openPermit", invoice="1", milliseconds=9000, deadline=9e15)
    press(page, button, then="Done")
    assert legacy.posts == 1


def test_another_action_at_the_same_address_needs_no_permit(page: Browser, legacy: Legacy) -> None:
    press(page, "Search", then="Done")
    assert legacy.posts == 1


def test_what_nobody_can_read_is_refused_even_with_a_permit(page: Browser, legacy: Legacy) -> None:
    page.call_js_keyword("openPermit", invoice="1", milliseconds=9000, deadline=9e15)
    press(page, "Text", then="Refused")
    assert legacy.posts == 0


def test_json_is_read_too(page: Browser, legacy: Legacy) -> None:
    page.evaluate_javascript(
        None,
        """async () => {
            const post = body => fetch('/app', {method: 'POST', body: JSON.stringify(body),
                headers: {'content-type': 'application/json'}});
            await post({__EVENTTARGET: 'btnSend'});
            await post({__EVENTTARGET: 'btnSearch'});
        }""",
    )
    assert legacy.posts == 1


def test_rows_in_a_frame_are_read_in_one_step(page: Browser) -> None:
    rows = page.call_js_keyword(
        "rowsOfPage", rows="css=iframe >>> css=tr", columns={"name": "td:nth-child(2)"}
    )
    assert rows == [{"name": "Framed"}]
