"""Runs Robot Framework in this process on one portal folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from robot import run as run_robot  # type: ignore[attr-defined]
from robot.api import SuiteVisitor

from billcopy.portal_profile import Profile
from billcopy.settings import PROJECT_ROOT

ROBOT_FOLDER = PROJECT_ROOT / "robot"
LIBRARIES = ROBOT_FOLDER / "libraries"
RESOURCES = ROBOT_FOLDER / "resources"
BILL_COPIES, SENT_LOG = "bill_copies.robot", "sent_log.robot"
LISTENERS = ("Redaction", "StepLog", "RequestStream")


class _PortalFolder(SuiteVisitor):  # type: ignore[misc]
    """Adds the portal folder's keyword files to the suite's imports."""

    def __init__(self, folder: Path) -> None:
        self._files = sorted(folder.glob("*.resource"))

    def start_suite(self, suite: Any) -> None:
        """Import them all; which file defines which keyword is the folder's own affair."""
        for file in self._files:
            suite.resource.imports.resource(str(file.resolve()))


def run(
    profile: Profile,
    *,
    output_folder: Path,
    log_level: str,
    with_log: bool,
    suite: str = BILL_COPIES,
) -> int:
    """Run the suite with its listeners; returns Robot's code, which says nothing about requests.

    Args:
        profile: the portal, checked.
        output_folder: gets output.xml, and log.html if wanted.
        log_level: Robot's; at none of them do personal data or secrets reach the output.
        with_log: whether a person will look at log.html.
        suite: which file of robot/tasks.
    """
    output_folder.mkdir(parents=True, exist_ok=True)
    timeout = profile.keyword_timeout.total_seconds()
    code: int = run_robot(
        str(ROBOT_FOLDER / "tasks" / suite),
        name=profile.title,
        rpa=True,
        prerunmodifier=[_PortalFolder(profile.folder)],
        listener=[str(LIBRARIES / f"{name}.py") for name in LISTENERS],
        pythonpath=[str(RESOURCES)],
        variable=[f"PORTAL_URL:{profile.base_url}", f"KEYWORD_TIMEOUT:{timeout} s"],
        outputdir=str(output_folder),
        output="output.xml",
        log="log.html" if with_log else None,
        report=None,
        loglevel=log_level,
        console="none",
    )
    return code
