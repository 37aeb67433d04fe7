"""The desk's application on a real database, with a person of the test's choosing signed in."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from httpx import Response

from billcopy import database as databases
from billcopy import request_queue
from billcopy.database import Connection, Login
from tests.database_fixtures import Database

if TYPE_CHECKING:  # every test process loads this file; few need a web framework
    from billcopy.desk.access import Person

OUR_PAGE = {"origin": "http://testserver"}


class _Visible(HTMLParser):
    """What a person can read on a page."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class _Tags(HTMLParser):
    """Every tag with its attributes, as a browser would read them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    """Every tag of a page with its attributes."""
    parser = _Tags()
    parser.feed(page)
    return parser.found


def visible(page: str) -> str:
    """The page's text, spaces made one."""
    parser = _Visible()
    parser.feed(page)
    return re.sub(r"\s+", " ", " ".join(parser.text)).strip()


def rows(page: str) -> list[int]:
    """The requests that a page lists, by number, in its order."""
    return [int(number) for number in re.findall(r'data-row="(\d+)"', page)]


@dataclass
class Desk:
    """The application, who is signed in, and a browser that sends what ours would send."""

    database: Database
    broken: bool = False
    person: Person | None = field(init=False)
    app: Any = field(init=False)
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        from billcopy.desk.app import create_app

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it would rather have another HTTP library
            from starlette.testclient import TestClient

        self.sign_in("rep")
        self.app = create_app(
            person=self._signed_in,
            connect=lambda: self._connect(Login.DESK),
            connect_operations=lambda: self._connect(Login.OPS),
            sign_in_url=lambda url: f"/login?next={url}",
            evidence_url=self.database.settings.evidence_url,
        )
        self.client = TestClient(self.app, follow_redirects=False, raise_server_exceptions=False)

    def sign_in(
        self, name: str | None, *, may_write: bool = True, may_decide: bool = False
    ) -> None:
        """Somebody else is in front of the page; None: nobody is signed in."""
        from billcopy.desk.access import Person

        rights = {"may_write": may_write, "may_decide": may_decide}
        self.person = None if name is None else Person(name=name, **rights)

    def _signed_in(self) -> Any:
        from starlette.exceptions import HTTPException

        if self.person is None:
            raise HTTPException(401, "Not authenticated")
        return self.person

    @contextlib.contextmanager
    def _connect(self, login: Login) -> Iterator[Connection]:
        settings = self.database.settings
        if self.broken:
            settings = settings.model_copy(update={"database_port": 1})
        with contextlib.closing(databases.connect(settings, login)) as connection:
            yield connection

    def get(self, path: str, **more: Any) -> Response:
        """Look at a page."""
        return self.client.get(path, **more)

    def post(self, path: str, form: dict[str, str] | None = None, **more: Any) -> Response:
        """Send a form from our own page."""
        return self.client.post(path, data=form or {}, **{"headers": OUR_PAGE, **more})

    def form(self, **changes: str) -> dict[str, str]:
        """A good form, its token fresh from the page."""
        values = {
            "token": self.token(),
            "portal": "practice",
            "account": "4027310",
            "period_from": "2025-01-01",
            "period_to": "2025-01-31",
        }
        return {**values, **changes}

    def token(self) -> str:
        """The token of a form that was just opened."""
        found = re.search(r'name="token" value="([^"]+)"', self.get("/").text)
        assert found is not None
        return found[1]

    def log(self, **changes: str) -> int:
        """Log a request; its number."""
        answer = self.post("/requests", self.form(**changes))
        assert answer.status_code == 303, visible(answer.text)
        return int(answer.headers["location"].rpartition("=")[2])

    def state(self, number: int) -> str:
        """What became of a request, by the database."""
        with self._connect(Login.DESK) as connection:
            return str(request_queue.story(connection, number).request["state"])


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def browser() -> Iterator[Any]:
    """A person's browser: the one that the bot uses, without the bot."""
    from playwright.sync_api import sync_playwright

    from billcopy import chromium

    found = chromium.find()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=str(found) if found else None,
            args=list(chromium.FLAGS),
            chromium_sandbox=False,
        )
        with contextlib.closing(launched):
            yield launched
