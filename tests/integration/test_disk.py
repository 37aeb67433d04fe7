"""A bot claims nothing while the disk is nearly full; what it has in hand it may end."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from billcopy import disk
from billcopy.bot import folders
from billcopy.bot.connection import PortalConnection
from billcopy.bot.lease import LeaseKeeper
from billcopy.bot.ledger import QueueLedger
from billcopy.bot.order import BotOrder, DatabaseAccess, StopReason
from billcopy.credentials import VaultAccess
from billcopy.database import Login
from billcopy.model import ClaimedRequest
from tests.database_fixtures import Database
from tests.integration import queue_steps as steps

MORE_THAN_THERE_IS = 1 << 60


def order(database: Database, tmp_path: Path, **changes: object) -> BotOrder:
    return BotOrder(
        portal="practice",
        vault=VaultAccess(url="http://v", path="p", role_id="r", wrapped_secret_id="w"),
        database=DatabaseAccess(**database.parameters(Login.BOT)),  # type: ignore[arg-type]
        actor="tests",
        work_dir=str(tmp_path / "bot"),
        evidence_url=(tmp_path / "evidence").as_uri(),
        portal_path=(),
        **changes,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("min_free_bytes", "stop"), [(0, StopReason.DRAINED), (MORE_THAN_THERE_IS, StopReason.DISK_LOW)]
)
def test_the_bot_looks_at_the_disk_before_each_claim(
    database: Database, tmp_path: Path, min_free_bytes: int, stop: StopReason
) -> None:
    said: list[str] = []
    told = order(database, tmp_path, min_free_bytes=min_free_bytes)
    assert told.database is not None
    connection = PortalConnection(told.database, "practice", lock_wait_seconds=1)
    connection.take_lock()
    number = steps.submit(database)
    run = steps.start_bot_run(connection._connection)
    keeper = LeaseKeeper(told.database, renew_every=timedelta(seconds=30))
    ledger = QueueLedger(
        connection,
        keeper,
        bot_run_id=run,
        portal="practice",
        linger_seconds=0,
        disk_is_low=lambda: folders.disk_is_low(told, said.append),
    )
    try:
        found = ledger.next_request()
    finally:
        keeper.stop()
        connection.close()
    (state,) = steps.execute(database, "select state from billcopy.requests where id = %s", number)
    if stop is StopReason.DISK_LOW:
        assert found is stop
        assert state == ("queued",)
        assert any("nothing more is claimed" in line for line in said)
        assert any("evidence folder" in line for line in said)
    else:
        assert isinstance(found, ClaimedRequest)
        assert state == ("claimed",)
        assert said == []


def test_evidence_in_a_bucket_needs_no_room_here(tmp_path: Path) -> None:
    assert list(disk.places(tmp_path, "s3://bucket/evidence", [])) == ["work folder"]
    assert list(disk.places(tmp_path, tmp_path.as_uri(), ["/var/lib/db"])) == [
        "work folder",
        "evidence folder",
        "folder /var/lib/db",
    ]


def test_a_folder_that_is_not_there_yet_is_judged_by_where_it_will_be(tmp_path: Path) -> None:
    (room,) = disk.rooms({"work folder": tmp_path / "not" / "yet"})
    assert room.free_bytes > 0
    assert disk.too_low([room], MORE_THAN_THERE_IS) == [room]
    assert disk.too_low([room], 0) == []
