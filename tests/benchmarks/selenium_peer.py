"""Another peer: the same work with Robot Framework and SeleniumLibrary.

The suite stands beside this file; the queue's part of the work is this module, as its library.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import robot

from billcopy import chromium, request_queue
from billcopy.database import connect_to
from billcopy.model import ClaimedRequest, Delivery, FoundInvoice, Selection

DAY = "%m/%d/%Y"
SUITE = Path(__file__).parent / "selenium_peer.robot"
_order: dict[str, Any] = {}


class SeleniumPeer:
    """The queue's part of the work, as keywords."""

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def __init__(self) -> None:
        self._bot = connect_to(_order["database"])
        assert request_queue.take_portal_lock(self._bot, "practice")
        self._run = request_queue.start_bot_run(
            self._bot,
            portal="practice",
            host="bench",
            boot_id="bench",
            process_group=1,
            process_started_at=1,
            dag_run_id="selenium-library",
            selection=Selection(),
            limit=10_000,
            versions={},
            actor="bench",
        )

    def the_order(self) -> dict[str, Any]:
        """What this process was told."""
        return _order

    def claim(self) -> ClaimedRequest | None:
        """The next request."""
        return request_queue.claim_next(self._bot, self._run)

    def portal_day(self, day: Any) -> str:
        """A date as the portal writes it."""
        return str(day.strftime(DAY))

    def plan(self, request: ClaimedRequest, table: str) -> list[Delivery]:
        """Plan what the list's text shows; returns what is to be sent."""
        found = []
        for line in table.splitlines()[1:]:
            number, day, kind, *_ = line.split()
            issued_on = datetime.strptime(day, DAY).replace(tzinfo=UTC).date()
            found.append(FoundInvoice(number=number, issued_on=issued_on, kind=kind))
        request_queue.plan_deliveries(self._bot, request, found, ["Credit"])
        return request_queue.deliveries(self._bot, request)

    def begin(self, request: ClaimedRequest, delivery: Delivery, recipient: str) -> None:
        """Ask at the one door."""
        answer = request_queue.begin_delivery(
            self._bot, request, delivery.delivery_id, recipient=recipient
        )
        assert answer.verdict == "go", answer

    def clicked(self, request: ClaimedRequest, delivery: Delivery, said: str) -> None:
        """Record the click."""
        request_queue.record_click(
            self._bot,
            request,
            delivery.delivery_id,
            clicked_at=datetime.now(UTC),
            confirmation=said[:5],
        )

    def prove(self, request: ClaimedRequest, deliveries: list[Delivery], log: str) -> None:
        """Confirm each by its row of the log's text, and settle."""
        lines = [line.split() for line in log.splitlines()]
        used: set[str] = set()
        for delivery in deliveries:
            proof = max((line[0] for line in lines if delivery.invoice_number in line), key=int)
            assert proof not in used
            used.add(proof)
            request_queue.confirm(
                self._bot, request, delivery.delivery_id, proof_kind="sent_log", proof_value=proof
            )
        request_queue.settle(self._bot, request, error_class=None, reason_code=None)

    def finish(self) -> None:
        """End the bot run."""
        request_queue.finish_bot_run(
            self._bot, self._run, stop_reason="drained", blocked_requests=0
        )


def main() -> int:
    """Work until the queue is empty."""
    # Robot imports this module by its name, which is another one than `__main__`.
    library = importlib.import_module("tests.benchmarks.selenium_peer")
    library._order.update(json.loads(sys.stdin.readline()))
    with tempfile.TemporaryDirectory() as folder:
        code: int = robot.run(
            str(SUITE),
            rpa=True,
            outputdir=folder,
            log=None,
            report=None,
            console="none",
            variable=[
                f"BROWSER:{shutil.which('chromium') or chromium.find(headed=True)}",
                f"DRIVER:{shutil.which('chromedriver')}",
                f"FOLDER:{folder}",
            ],
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
