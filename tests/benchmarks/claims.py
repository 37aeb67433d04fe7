"""Claim of the next request: how long, with which index, and never one request twice.

The peer is the same queue with 1,000 rows: the claim must take the same way through the table with
1,000,000 finished and 10,000 queued ones.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from billcopy import migrate, request_queue
from billcopy.database import Connection, Login, connect_to
from billcopy.model import Selection
from sandbox import postgres

CLAIMS = 2_000
CONNECTIONS = 8
# Triggers are left out while the table is filled: a million events are not what is measured.
FILL = """
set session_replication_role = replica;
insert into billcopy.requests (
    state, portal, account_masked, period_from, period_to, received_at, not_before, finished_at,
    requested_by, channel, source, source_key, account_hmac, priority
)
select
    case when n <= %(finished)s then 'delivered' else 'queued' end, 'practice', 'x',
    date '2025-01-01', date '2025-01-31', now() - interval '1 year', now() - interval '1 hour',
    case when n <= %(finished)s then now() end, 'bench', 'cli', 'bench', n::text,
    sha256(n::text::bytea), 2
from generate_series(1, %(finished)s + %(queued)s) as n;
insert into billcopy.request_subjects (request_id, account)
select id, id::text from billcopy.requests where state = 'queued';
set session_replication_role = origin;
"""
SCANS = """
select coalesce(sum(idx_scan) filter (where indexrelname = 'requests_to_claim'), 0),
    (select seq_scan from pg_stat_user_tables where relname = 'requests')
from pg_stat_user_indexes where relname = 'requests'
"""


def _parameters(server: postgres.Server, login: str) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "dbname": "billcopy",
        "user": login,
        "password": "bench",
    }


def _start(bot: Connection) -> int:
    return request_queue.start_bot_run(
        bot,
        portal="practice",
        host="bench",
        boot_id="bench",
        process_group=1,
        process_started_at=1,
        dag_run_id=None,
        selection=Selection(),
        limit=1_000_000,
        versions={},
        actor="bench",
    )


def _claim_and_settle(bot: Connection, count: int) -> tuple[list[float], list[int]]:
    """Seconds of each claim, and what was claimed; what is claimed is put off, not finished."""
    run = _start(bot)
    seconds, claimed = [], []
    for _ in range(count):
        began = time.perf_counter()
        request = request_queue.claim_next(bot, run)
        seconds.append(time.perf_counter() - began)
        if request is None:
            break
        claimed.append(request.request_id)
        request_queue.settle(bot, request, error_class="business", reason_code="ACCOUNT_NOT_FOUND")
    return seconds, claimed


def _scans(server: postgres.Server) -> tuple[int, int]:
    with contextlib.closing(server.connect("billcopy")) as admin, admin.cursor() as cursor:
        cursor.execute(SCANS)
        by_index, sequential = cursor.fetchone()
    return int(by_index), int(sequential)


def _measure(finished: int, queued: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres.running(Path(folder), throwaway=True) as server,
    ):
        Path(folder).chmod(0o755)
        logins = [login.value for login in Login]
        postgres.provision(server, dict.fromkeys(logins, "bench"))
        migrate.migrate(connect_to(_parameters(server, Login.MIGRATOR)))
        ops = connect_to(_parameters(server, Login.OPS))
        request_queue.register_portal(
            ops,
            name="practice",
            title="Practice Bank",
            account_pattern="^[0-9]+$",
            account_example="1",
            recipient_policy="either",
            time_zone="UTC",
            actor="bench",
        )
        with contextlib.closing(server.connect("billcopy")) as admin, admin.cursor() as cursor:
            cursor.execute(FILL, {"finished": finished, "queued": queued})
            cursor.execute("vacuum analyze billcopy.requests")
        bot = connect_to(_parameters(server, Login.BOT))
        before = _scans(server)
        seconds, claimed = _claim_and_settle(bot, min(CLAIMS, queued // 2))
        bot.close()
        time.sleep(1.5)  # the server's statistics are gathered once a second
        after = _scans(server)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            bots = [connect_to(_parameters(server, Login.BOT)) for _ in range(CONNECTIONS)]
            share = (queued - len(claimed)) // CONNECTIONS // 4
            found = list(pool.map(lambda one: _claim_and_settle(one, share)[1], bots))
        at_once = [one for part in found for one in part]
        ordered = sorted(seconds)
        return {
            "finished": finished,
            "queued": queued,
            "claims": len(claimed),
            "median_ms": round(statistics.median(seconds) * 1000, 3),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 3),
            "index_scans": after[0] - before[0],
            "sequential_scans": after[1] - before[1],
            "claimed_at_once": len(at_once),
            "claimed_twice": len(at_once) - len(set(at_once)),
        }


def measure() -> dict[str, Any]:
    """Both sizes in one run, and the ratio of their medians."""
    small = _measure(0, 1_000)
    large = _measure(1_000_000, 10_000)
    return {
        "small": small,
        "large": large,
        "median_ratio": round(large["median_ms"] / small["median_ms"], 2),
        "same_way": all(
            one["index_scans"] >= one["claims"] and one["sequential_scans"] == 0
            for one in (small, large)
        ),
    }
