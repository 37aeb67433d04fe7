"""A whole bot at work: real database, secrets server, practice portal, mail sink, browser.

A bot run costs about five seconds; tests that need only its logic use the units instead.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from billcopy import portal_profile, request_queue
from billcopy.bot.launch import Bot as LaunchedBot
from billcopy.bot.launch import launch
from billcopy.bot.order import BotOrder, DatabaseAccess, StopReason
from billcopy.database import Connection, Login
from billcopy.model import NewRequest, Story
from sandbox.harbour_portal import HarbourPortal
from sandbox.mail_sink import Mail, MailSink
from sandbox.portal_parts.server import RunningPortal
from sandbox.practice_portal import PracticePortal
from tests.database_fixtures import Database
from tests.secrets_fixtures import ProvisionedVault

ROOT = Path(__file__).resolve().parents[1]
PORTALS = ROOT / "robot" / "portals"
OTHER_PORTALS = ROOT / "sandbox" / "portals"
ACCOUNT = "3310487"  # Harold Whitcombe, one bill a month
NAME, POSTCODE, EMAIL = "Harold Whitcombe", "LS6 2QT", "harold.whitcombe@example.org"
# Nothing comes back in the same bot run; `make_due` moves the clock.
TIMINGS = {
    "backoff": ["1 minute"],
    "click_budget": "20 s",
    "send_processing": "30 s",
    "settle_window": "1 minute",
}
_keys = itertools.count(1)


@dataclass
class Bot:
    """Everything a bot run needs, and short ways to ask what came of it."""

    database: Database
    portal: RunningPortal
    mail_sink: MailSink
    vault: ProvisionedVault
    work_dir: Path
    desk: Connection
    ops: Connection
    lines: list[str] = field(default_factory=list)
    portal_path: tuple[str, ...] = (str(PORTALS),)
    name: str = "practice"
    account_digits: int = 0

    def account(self, number: str) -> str:
        """An account number as this portal writes it."""
        return number.zfill(self.account_digits)

    def submit(self, **changes: Any) -> int:
        """Submit a request: one account, one month, unless told otherwise; its number."""
        values: dict[str, Any] = {
            "portal": self.name,
            "account": self.account(ACCOUNT),
            "period_from": date(2026, 1, 1),
            "period_to": date(2026, 1, 31),
            "source_key": f"bot-test-{next(_keys)}",
        }
        request = NewRequest(**{**values, **changes})
        return request_queue.submit(self.desk, request, actor="tests").request_id

    def order(self, **changes: Any) -> BotOrder:
        """An order for a run that drains the queue and stops."""
        values: dict[str, Any] = {
            "portal": self.name,
            "vault": self.vault.access(path=f"billcopy/portals/{self.name}"),
            "database": DatabaseAccess(**self.database.parameters(Login.BOT)),  # type: ignore[arg-type]
            "actor": "tests",
            "work_dir": str(self.work_dir),
            "evidence_url": (self.work_dir / "evidence").as_uri(),
            "portal_path": self.portal_path,
            "portal_url": self.portal.url,
            "lock_wait_seconds": 2,
        }
        return BotOrder(**{**values, **changes})

    def run(
        self, *, on_start: Callable[[LaunchedBot], None] | None = None, **changes: Any
    ) -> StopReason:
        """Run a bot to its end; what it said is in `lines`."""
        self.lines.clear()
        return launch(self.order(**changes), on_line=self.lines.append, on_start=on_start)

    def story(self, request_id: int) -> Story:
        """All that the database knows about a request."""
        return request_queue.story(self.desk, request_id)

    def state(self, request_id: int) -> str:
        """The request's state, with its reason where there is one."""
        request = self.story(request_id).request
        reason = request["reason_code"]
        return request["state"] + (f" {reason}" if reason else "")

    def reads(self, request_id: int) -> str:
        """What a representative reads at the request."""
        request = self.story(request_id).request
        return str(request["reason"] or request["meaning"])

    def steps(self, request_id: int, kind: str = "checkpoint") -> list[str]:
        """What the bot did with a request, by name, in order."""
        return [one["step"] for one in self.story(request_id).steps if one["kind"] == kind]

    def failure(self, request_id: int) -> dict[str, Any]:
        """The newest report of where an attempt at it stopped."""
        told = [one for one in self.story(request_id).steps if one["kind"] == "failure"]
        detail: dict[str, Any] = told[-1]["detail"]
        return detail

    def make_due(self) -> None:
        """Let a minute pass: backoff and settle window are over."""
        self.execute("update billcopy.requests set not_before = now() where state = 'queued'")
        self.execute(
            "update billcopy.deliveries set sending_at = sending_at - interval '1 minute'"
            " where state = 'in_doubt'"
        )

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as superuser: to look, or to move a clock."""
        connection = self.database.superuser
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def mails(self) -> list[Mail]:
        """What really went out."""
        return self.mail_sink.mails()

    def sent(self) -> list[tuple[str, str]]:
        """Recipient and invoice of each mail, in order of the invoices."""
        return sorted(
            ((mail.recipient, invoice) for mail in self.mails() for invoice in mail.invoices),
            key=lambda one: one[1],
        )

    def portal_folder(self, edit: Callable[[Path], None]) -> None:
        """Work with an edited copy of the portal's folder."""
        folder = self.work_dir.parent / "portals" / self.name
        if not folder.exists():
            shutil.copytree(Path(self.portal_path[0]) / self.name, folder)
        edit(folder)
        self.portal_path = (str(folder.parent),)

    def replaced(self, order: BotOrder, **changes: Any) -> BotOrder:
        """The order with other values."""
        return replace(order, **changes)


@pytest.fixture
def bot(
    database: Database,
    practice_portal: PracticePortal,
    mail_sink: MailSink,
    vault: ProvisionedVault,
    tmp_path: Path,
) -> Bot:
    """A bot's surroundings with the credential in Vault and an empty queue."""
    vault.change_password(practice_portal.password)
    ops = database.connect(Login.OPS)
    request_queue.configure_portal(
        ops,
        "practice",
        TIMINGS,
        actor="tests",
        reason="tests do not wait",
    )
    return Bot(
        database=database,
        portal=practice_portal,
        mail_sink=mail_sink,
        vault=vault,
        work_dir=tmp_path / "bot",
        desk=database.connect(Login.DESK),
        ops=ops,
    )


@pytest.fixture
def harbour_bot(bot: Bot, harbour_portal: HarbourPortal) -> Bot:
    """The same surroundings for the second practice portal, whose folder lies elsewhere."""
    profile = portal_profile.load(OTHER_PORTALS / "harbour")
    request_queue.register_portal(bot.ops, **profile.registration, actor="tests")
    request_queue.configure_portal(
        bot.ops, profile.name, TIMINGS, actor="tests", reason="tests do not wait"
    )
    bot.vault.change_password(harbour_portal.password, portal=profile.name)
    return replace(
        bot,
        portal=harbour_portal,
        portal_path=(str(OTHER_PORTALS),),
        name=profile.name,
        account_digits=10,
    )


@pytest.fixture(params=["bot", "harbour_bot"], ids=["practice", "harbour"])
def either_bot(request: pytest.FixtureRequest) -> Bot:
    """One after the other, a bot for each practice portal."""
    found: Bot = request.getfixturevalue(request.param)
    return found
