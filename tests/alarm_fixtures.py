"""The watch against a real database, a real mail sink and a real receiver of webhooks."""

from __future__ import annotations

import email
import email.policy
import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from billcopy.database import Connection, Login
from billcopy.settings import Settings, load
from billcopy.watch import notify
from billcopy.watch.passes import Look, watch_once
from sandbox.mail_sink import MailSink
from tests.database_fixtures import Database
from tests.integration.queue_steps import execute

MAIL_TO = "operations@example.com"


@dataclass
class Hook:
    """A web server that keeps what is posted to it, and can refuse."""

    url: str
    posted: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    status: int = 200


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A receiver on loopback."""
    found = Hook(url="")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if found.status == 200:
                found.posted.append(body)
            self._answer()

        def do_GET(self) -> None:
            found.asked.append(self.path)
            self._answer()

        def _answer(self) -> None:
            self.send_response(found.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@dataclass
class Watch:
    """One watch, told when to look."""

    database: Database
    settings: Settings
    connection: Connection
    sink: MailSink
    hook: Hook

    def look(self) -> Look:
        """One pass."""
        return watch_once(self.connection, self.settings, notify.channels(self.settings))

    def mails(self) -> list[tuple[str, str]]:
        """Subject and text of each alarm mail, in order."""
        found = []
        for path in sorted(self.sink.directory.glob("*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            if message["To"] == MAIL_TO:
                found.append((str(message["Subject"]), message.get_content()))  # type: ignore[attr-defined]
        return found

    def subjects(self) -> list[str]:
        """The mails' subjects, in order."""
        return [subject for subject, _ in self.mails()]

    def hooked(self) -> list[str]:
        """The titles that the webhook was told, in order."""
        return [one["title"] for one in self.hook.posted]

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """As superuser: move a clock, or look."""
        return execute(self.database, statement, *values)

    def with_settings(self, **changes: Any) -> Watch:
        """The same with other settings."""
        return replace(self, settings=self.settings.model_copy(update=changes))


@pytest.fixture
def watch(database: Database, mail_sink: MailSink, hook: Hook, tmp_path: Path) -> Watch:
    """A watch that tells the mail sink and the receiver."""
    addresses = tmp_path / "alarm_addresses"
    addresses.write_text(f"# name and address\nhook json://{hook.url}/alarms\n")
    settings = load(
        **{
            **database.settings.model_dump(),
            "alarm_mail_to": [MAIL_TO],
            "smtp_port": mail_sink.port,
            "alarm_addresses_file": addresses,
            "min_free_bytes": 0,
            "watch_port": 0,
        }
    )
    return Watch(database, settings, database.connect(Login.WATCH), mail_sink, hook)
