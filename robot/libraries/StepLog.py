"""Listener: which keyword ran how long, and which one an attempt stopped at.

It notes names, files and lines; of arguments only what stands in the file. The bot writes it down
when the attempt ends.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from billcopy.bot.context import current
from billcopy.bot.trail import Place, Trail
from billcopy.portal_rules import CONTRACT, normal

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
FLOW = "BillCopies"


class StepLog:
    """See the module."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        self._contract = {normal(one.name) for one in CONTRACT}
        self._flow_files: set[Path | None] = set(RESOURCES.glob("*.resource"))
        self._began = 0.0

    def start_test(self, data: Any, result: Any) -> None:
        """What the task before did is written down; this is a new one."""
        self._trail.clear()

    def start_user_keyword(self, data: Any, implementation: Any, result: Any) -> None:
        """A keyword of the flow or of the portal folder begins."""
        self._trail.entered(_place(data, implementation))

    def end_user_keyword(self, data: Any, implementation: Any, result: Any) -> None:
        """It ended: keywords of the flow and of the contract are steps, helpers are not."""
        is_step = (
            _file(implementation.source) in self._flow_files
            or normal(implementation.name) in self._contract
        )
        # Robot also tells of the keywords behind a RETURN, which it does not run.
        self._trail.left(passed=not result.failed, is_step=is_step and not result.not_run)

    def start_library_keyword(self, data: Any, implementation: Any, result: Any) -> None:
        """Library keywords do not call each other through Robot, so one clock is enough."""
        self._began = time.monotonic()

    def end_library_keyword(self, data: Any, implementation: Any, result: Any) -> None:
        """One of the flow's own is a step; one that failed is where the attempt stopped."""
        library = implementation.owner.name if implementation.owner else ""
        if library == FLOW and not result.not_run:
            self._trail.note(implementation.name, began=self._began, passed=not result.failed)
        if result.failed:
            place = _place(data, implementation)
            self._trail.stopped(place, library=library, arguments=data.args)

    @property
    def _trail(self) -> Trail:
        trail: Trail = current().work.trail
        return trail


def _place(data: Any, implementation: Any) -> Place:
    return Place(keyword=implementation.name, file=_file(data.source), line=data.lineno)


def _file(source: Any) -> Path | None:
    return Path(source) if source else None
