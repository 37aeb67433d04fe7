"""What the tasks of `apply_retention` do: our own places, then Airflow's logs and run history."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from airflow.configuration import conf
from airflow.sdk import BaseHook, Param

from billcopy import retention, settings
from billcopy.airflow_parts import connections
from billcopy.airflow_parts.delivery_run import actor_of, name_of
from billcopy.errors import ApplicationError

logger = logging.getLogger(__name__)

METADATA = "airflow_metadata"  # the connection to Airflow's own database
TABLES = (
    "dag_run",
    "task_instance",
    "task_instance_history",
    "task_reschedule",
    "task_state_store",
    "xcom",
    "_xcom_archive",
    "log",
    "asset_event",
    "callback",
    "deadline",
    "import_error",
    "job",
    "revoked_token",
)
LONGEST_CLEANING = timedelta(hours=1)
FORM = {
    "dry_run": Param(
        False,  # noqa: FBT003
        type="boolean",
        title="Dry run",
        description="Counts what is due and changes nothing.",
        section="How",
    ),
}


def erase_requests(context: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """Erase what is due in our own places; counts per place.

    Raises:
        ApplicationError: a place did not work; the others were done all the same.
    """
    asked = retention.begin(settings.load(), actor=actor_of(context), reason=name_of(context))
    with connections.ops() as connection:
        step = retention.look if context["params"]["dry_run"] else retention.erase
        places = step(connection, asked)
    for place in places:
        said = f"due {place.due}, erased {place.erased}, on legal hold {place.held}"
        logger.info("%s: %s", place.name, said)
    if problems := [f"{place.name}: {place.problem}" for place in places if place.problem]:
        raise ApplicationError("; ".join(problems))
    return {one.name: {"due": one.due, "erased": one.erased, "held": one.held} for one in places}


def erase_logs(context: Mapping[str, Any]) -> int:
    """Delete old log files of Airflow on this machine; how many."""
    folder = Path(conf.get("logging", "base_log_folder"))
    old = list(old_files(folder, _before()))
    if not context["params"]["dry_run"]:
        for path in old:
            path.unlink(missing_ok=True)
        _remove_empty(folder)
    logger.info("%s log files are older than the setting", len(old))
    return len(old)


def old_files(folder: Path, before: datetime) -> Iterator[Path]:
    """Files below a folder that nobody has written to since; links are not followed."""
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            about = path.lstat()
            if not path.is_dir() and about.st_mtime < before.timestamp():
                yield path


def _remove_empty(folder: Path) -> None:
    """A folder that was written to today may be about to get its first file."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for path in sorted(folder.rglob("*"), reverse=True):
        with contextlib.suppress(OSError):  # not empty, or gone
            if path.is_dir() and path.lstat().st_mtime < yesterday.timestamp():
                path.rmdir()


def erase_metadata(context: Mapping[str, Any]) -> None:
    """Have Airflow clean its own run history, with its own command.

    A task may not reach that database as itself. Whoever wants it cleaned from a task sets up the
    connection `airflow_metadata`; without it this fails, so that nobody believes it was done.

    Raises:
        ApplicationError: the command did not succeed.
    """
    command = cleaning(_before(), dry_run=bool(context["params"]["dry_run"]))
    environment = {**os.environ, **metadata_environment(BaseHook.get_connection(METADATA))}
    environment.pop("AIRFLOW__CORE__SQL_ALCHEMY_CONN", None)
    environment.pop("_AIRFLOW_PROCESS_CONTEXT", None)
    done = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_CLEANING.total_seconds(),
        check=False,
    )
    for line in done.stdout.splitlines():
        logger.info("%s", line)
    if done.returncode:
        raise ApplicationError(f"airflow db clean ended with {done.returncode}; the log says why")


def cleaning(before: datetime, *, dry_run: bool) -> list[str]:
    """The command; nothing is kept in archive tables, that would be no erasure."""
    command = [
        sys.executable, "-m", "airflow", "db", "clean", "--yes", "--skip-archive",
        "--error-on-cleanup-failure", "--clean-before-timestamp", before.isoformat(),
        "--tables", ",".join(TABLES),
    ]  # fmt: skip
    return [*command, "--dry-run"] if dry_run else command


def metadata_environment(connection: Any) -> dict[str, str]:
    """Airflow's setting for its own database, out of a Connection.

    It goes into the command's environment: its arguments everybody on the machine could read.
    """
    given = connections.parameters(connection)
    login = f"{quote(given['user'], safe='')}:{quote(given['password'] or '', safe='')}"
    place = f"{given['host']}:{given['port']}/{given['dbname']}?sslmode={given['sslmode']}"
    return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{login}@{place}"}


def _before() -> datetime:
    return datetime.now(UTC) - timedelta(days=settings.load().retention_airflow_days)
