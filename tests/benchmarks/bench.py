"""What the benchmarks run against: servers in processes of their own, a queue filled at will."""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from billcopy import migrate, portal_profile, request_queue
from billcopy.bot.order import BotOrder, DatabaseAccess
from billcopy.credentials import VaultAccess, issue_wrapped_secret_id
from billcopy.database import Connection, Login, connect_to
from billcopy.model import NewRequest
from billcopy.settings import PROJECT_ROOT
from sandbox import data, postgres, secrets_server
from sandbox.practice_portal.options import SERVICE_USER
from sandbox.secrets_server.provision import Provisioned, provision

PORTALS = PROJECT_ROOT / "robot" / "portals"
# What a person waits for is not what is measured: no lag of the log, no wait between tries.
TIMINGS = {
    "click_budget": "5 s",
    "send_processing": "1 s",
    "settle_window": "8 s",
    "backoff": ["1 second"],
    "breaker_pause": "1 second",
}
_keys = itertools.count(1)


@dataclass
class Bench:
    """A running bank in miniature, and the queue before it."""

    folder: Path
    server: postgres.Server
    portal_url: str
    portal_password: str = field(repr=False)
    vault_url: str
    roles: Provisioned = field(repr=False)
    password: str = field(repr=False)
    desk: Connection
    portal_path: str

    def parameters(self, login: Login) -> dict[str, Any]:
        """libpq's parameters of one login."""
        return {
            "host": self.server.host,
            "port": self.server.port,
            "dbname": "billcopy",
            "user": login.value,
            "password": self.password,
        }

    def submit(self, count: int) -> None:
        """That many requests for two bills each, of as many accounts as there are."""
        for account, first, second in itertools.islice(itertools.cycle(two_bills()), count):
            request_queue.submit(
                self.desk,
                NewRequest(
                    portal="practice",
                    account=account,
                    period_from=first,
                    period_to=second,
                    source="bench",
                    source_key=str(next(_keys)),
                    resend_reason="benchmark",
                ),
                actor="bench",
            )

    def order(self, **changes: Any) -> BotOrder:
        """An order for a bot that drains the queue."""
        wrapped = issue_wrapped_secret_id(
            url=self.vault_url,
            role_id=self.roles.airflow_role_id,
            secret_id=self.roles.airflow_secret_id,
            bot_role="billcopy-bot",
        )
        vault = VaultAccess(
            url=self.vault_url,
            path="billcopy/portals/practice",
            role_id=self.roles.bot_role_id,
            wrapped_secret_id=wrapped.token,
        )
        values: dict[str, Any] = {
            "portal": "practice",
            "vault": vault,
            "database": DatabaseAccess(**self.parameters(Login.BOT)),
            "actor": "bench",
            "work_dir": str(self.folder / "bot"),
            "evidence_url": (self.folder / "evidence").as_uri(),
            "portal_path": (self.portal_path,),
            "portal_url": self.portal_url,
            "limit": 10_000,
        }
        return BotOrder(**{**values, **changes})

    def peer_order(self) -> str:
        """The same for a peer, as one JSON line."""
        return json.dumps(
            {
                "database": self.parameters(Login.BOT),
                "portal_url": self.portal_url,
                "username": SERVICE_USER,
                "password": self.portal_password,
            }
        )

    def seconds(self, dag_run_id: str) -> list[float]:
        """How long each delivered request of these bot runs took, from claim to settlement.

        Raises:
            AssertionError: one of them was not delivered, so the figure would mean nothing.
        """
        with contextlib.closing(self.server.connect("billcopy")) as admin:
            cursor = admin.cursor()
            cursor.execute(
                "select a.request_state, extract(epoch from a.ended_at - a.started_at)::float"
                " from billcopy.attempts a join billcopy.bot_runs b on b.id = a.bot_run_id"
                " where b.dag_run_id = %s order by a.id",
                (dag_run_id,),
            )
            found = cursor.fetchall()
        states = {state for state, _ in found}
        assert states == {"delivered"}, (dag_run_id, states)
        return [seconds for _, seconds in found]


def two_bills() -> list[tuple[str, date, date]]:
    """Accounts with a period that holds exactly two bills, and an address on file."""
    reachable = {one.number for one in data.accounts() if one.email}
    by_account: dict[str, list[data.Invoice]] = defaultdict(list)
    for invoice in data.invoices():
        by_account[invoice.account].append(invoice)
    found = []
    for account, invoices in by_account.items():
        first, second, third = sorted(invoices, key=lambda one: one.issued_on)[4:7]
        kinds = {first.kind, second.kind}
        apart = first.issued_on < second.issued_on < third.issued_on
        if account in reachable and kinds == {data.BILL} and apart:
            found.append((account, first.issued_on, second.issued_on))
    return found


def summary(seconds: list[float]) -> dict[str, float]:
    """Median, tenth and ninetieth percentile, in seconds."""
    tenths = statistics.quantiles(seconds, n=10)
    return {
        "requests": len(seconds),
        "median_s": round(statistics.median(seconds), 3),
        "p10_s": round(tenths[0], 3),
        "p90_s": round(tenths[-1], 3),
    }


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(url, trust_env=False).is_success:
                return
        time.sleep(0.05)
    raise TimeoutError(url)


@contextlib.contextmanager
def _process(*command: str, stdin: str = "") -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command], stdin=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    )
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=10)


def _without_log_lag(folder: Path) -> str:
    """A copy of the practice portal's folder whose profile waits for no log."""
    copy = folder / "portals" / "practice"
    copy.mkdir(parents=True)
    for file in (PORTALS / "practice").iterdir():
        text = file.read_text(encoding="utf-8")
        (copy / file.name).write_text(text.replace("lag_seconds: 1\n", "lag_seconds: 0\n"))
    return str(copy.parent)


@contextlib.contextmanager
def running() -> Iterator[Bench]:
    """Everything a bot run needs, without Airflow; nothing of it is kept."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="billcopy-bench-")))
        folder.chmod(0o755)
        server = stack.enter_context(postgres.running(folder / "postgres", throwaway=True))
        password, portal_password = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        postgres.provision(server, dict.fromkeys([one.value for one in Login], password))
        vault = stack.enter_context(secrets_server.running(folder / "vault"))
        roles = provision(
            vault.url,
            vault.root_token,
            portal_password=portal_password,
            database_passwords={},
            airflow_connections={},
        )
        smtp, port = postgres.free_port(), postgres.free_port()
        mail = ("--port", str(smtp), "--dir", str(folder / "mail"))
        stack.enter_context(_process("sandbox.mail_sink", *mail))
        portal = ("--port", str(port), "--smtp-port", str(smtp), "--password-file", "-")
        place = ("--data-dir", str(folder / "portal"), "--sent-log-lag-seconds", "0")
        stack.enter_context(
            _process("sandbox.practice_portal", *portal, *place, stdin=portal_password)
        )
        _wait_for(f"http://127.0.0.1:{port}/_sandbox/health")
        bench = Bench(
            folder=folder,
            server=server,
            portal_url=f"http://127.0.0.1:{port}",
            portal_password=portal_password,
            vault_url=vault.url,
            roles=roles,
            password=password,
            desk=None,  # type: ignore[arg-type]
            portal_path=_without_log_lag(folder),
        )
        migrate.migrate(connect_to(bench.parameters(Login.MIGRATOR)))
        ops = connect_to(bench.parameters(Login.OPS))
        profile = portal_profile.load(PORTALS / "practice")
        request_queue.register_portal(ops, **profile.registration, actor="bench")
        changes = {**TIMINGS, "max_mails_per_recipient_a_day": 100_000}
        request_queue.configure_portal(ops, "practice", changes, actor="bench", reason="bench")
        bench.desk = connect_to(bench.parameters(Login.DESK))
        yield bench
