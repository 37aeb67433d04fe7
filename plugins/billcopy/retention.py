"""One pass over every place that holds personal data: what is due goes, the masked trail stays.

Every batch is a transaction of its own, and a file is deleted before its row says so: a pass that
is killed leaves nothing that the next one does not find.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from billcopy import database, evidence
from billcopy.bot import folders as bot_folders
from billcopy.database import Connection
from billcopy.errors import ApplicationError
from billcopy.request_queue import retention as queue
from billcopy.settings import Settings

SUBJECTS, KEYS, EVIDENCE = "subjects", "keys", "evidence"
LEFT_OVER, BOT_OUTPUT, UPLOADS = "left-over files", "Robot output", "uploads"
UPLOAD_PREFIX = "billcopy-desk-"  # what the desk calls the folder it reads an uploaded file from
UPLOAD_AGE = timedelta(days=1)  # reading takes seconds; whatever is older was left by a crash
WHAT = {
    SUBJECTS: "account, recipient, check value and free text of requests",
    KEYS: "hashes of account and recipient of erased requests",
    EVIDENCE: "pictures and page structures",
    LEFT_OVER: "files in the evidence store that no request knows",
    BOT_OUTPUT: "folders of bot runs on this machine",
    UPLOADS: "uploaded files that a crash left on this machine",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One place after a pass, or a look: how much was due, is erased, is kept by a legal hold."""

    name: str
    due: int
    erased: int
    held: int
    problem: str | None = None


@dataclass(frozen=True, kw_only=True)
class Pass:
    """Who erases, and why, by which settings, as of when."""

    settings: Settings
    actor: str
    reason: str
    now: datetime

    def before(self, days: int) -> datetime:
        """The moment that lies so many days back."""
        return self.now - timedelta(days=days)


def begin(settings: Settings, *, actor: str, reason: str) -> Pass:
    """A pass as of now."""
    return Pass(settings=settings, actor=actor, reason=reason, now=datetime.now(UTC))


def look(connection: Connection, asked: Pass) -> list[Place]:
    """Count what is due in every place; changes nothing."""
    of_database = _due(connection, asked)
    files = sum(len(batch) for batch in _left_over(connection, asked))
    folders = sum(1 for _ in _old_output(connection, asked))
    uploads = len(_old_uploads(asked))
    found = {
        **of_database,
        LEFT_OVER: (files, 0),
        BOT_OUTPUT: (folders, 0),
        UPLOADS: (uploads, 0),
    }
    return [Place(name=name, due=due, erased=0, held=held) for name, (due, held) in found.items()]


def erase(connection: Connection, asked: Pass) -> list[Place]:
    """Erase what is due in every place; one that does not work does not stop the others.

    Whoever calls looks at each place's `problem`; the next pass takes it up again.
    """
    before = {place.name: place for place in look(connection, asked)}
    steps: dict[str, Callable[[], Iterable[int]]] = {
        SUBJECTS: lambda: _erase_subjects(connection, asked),
        EVIDENCE: lambda: erase_evidence(connection, asked),
        KEYS: lambda: _erase_keys(connection, asked),
        LEFT_OVER: lambda: _erase_left_over(connection, asked),
        BOT_OUTPUT: lambda: _erase_output(connection, asked),
        UPLOADS: lambda: _erase_uploads(asked),
    }
    return [_worked_off(before[name], step) for name, step in steps.items()]


def _worked_off(place: Place, step: Callable[[], Iterable[int]]) -> Place:
    erased = 0
    problem = None
    try:
        for count in step():
            erased += count
    except (OSError, ApplicationError) as error:
        problem = f"{type(error).__name__}: {error}"
    return Place(
        name=place.name,
        due=max(place.due, erased),
        erased=erased,
        held=place.held,
        problem=problem,
    )


def _due(connection: Connection, asked: Pass) -> dict[str, tuple[int, int]]:
    settings = asked.settings
    return queue.retention_due(
        connection,
        subject_age=timedelta(days=settings.retention_subject_days),
        evidence_age=timedelta(days=settings.retention_evidence_days),
    )


def _erase_subjects(connection: Connection, asked: Pass) -> Iterator[int]:
    age = timedelta(days=asked.settings.retention_subject_days)
    limit = asked.settings.retention_batch
    while count := queue.erase_due_subjects(
        connection, age, limit=limit, actor=asked.actor, reason=asked.reason
    ):
        yield count


def _erase_keys(connection: Connection, asked: Pass) -> Iterator[int]:
    limit = asked.settings.retention_batch
    while count := queue.erase_due_keys(
        connection, limit=limit, actor=asked.actor, reason=asked.reason
    ):
        yield count


def erase_evidence(
    connection: Connection, asked: Pass, *, request_ids: Sequence[int] | None = None
) -> Iterator[int]:
    """Delete the files that are due, of these requests or of all, batch by batch, then mark them.

    Raises:
        OSError: the store refused one; all others are deleted and marked all the same.
    """
    settings = asked.settings
    age = timedelta(days=settings.retention_evidence_days)
    refused: OSError | None = None
    after = 0
    while True:
        deleted = []
        with database.transaction(connection):
            due = queue.take_due_evidence(
                connection,
                age,
                request_ids=request_ids,
                after=after,
                limit=settings.retention_batch,
            )
            for evidence_id, url in due.items():
                try:
                    evidence.delete(settings.evidence_url, url)
                except OSError as error:
                    refused = error
                else:
                    deleted.append(evidence_id)
            queue.mark_evidence_erased(connection, deleted, actor=asked.actor, reason=asked.reason)
        yield len(deleted)
        if not due:
            break
        after = max(due)
    if refused is not None:
        raise refused


def _left_over(connection: Connection, asked: Pass) -> Iterator[list[str]]:
    """Old files of the store that no row needs: a bot died before it wrote the row."""
    settings = asked.settings
    day = asked.before(settings.retention_evidence_days).date()
    files = evidence.older_than(settings.evidence_url, day)
    while batch := list(itertools.islice(files, settings.retention_batch)):
        keep = queue.evidence_to_keep(connection, batch)
        yield [url for url, _ in batch if url not in keep]


def _erase_left_over(connection: Connection, asked: Pass) -> Iterator[int]:
    for batch in list(_left_over(connection, asked)):
        for url in batch:
            evidence.delete(asked.settings.evidence_url, url)
            yield 1


def _old_output(connection: Connection, asked: Pass) -> Iterator[Path]:
    keep = queue.bot_runs_to_keep(connection)
    before = asked.before(asked.settings.retention_bot_output_days)
    return bot_folders.old_output(asked.settings.work_dir, before, keep=keep)


def _erase_output(connection: Connection, asked: Pass) -> Iterator[int]:
    for folder in list(_old_output(connection, asked)):
        bot_folders.remove(folder)
        yield 1


def _old_uploads(asked: Pass) -> list[Path]:
    """An uploaded file is read and gone at once, unless the process was killed meanwhile."""
    before = (asked.now - UPLOAD_AGE).timestamp()
    found = []
    for folder in Path(tempfile.gettempdir()).glob(f"{UPLOAD_PREFIX}*"):
        about = folder.lstat()
        if about.st_uid == os.getuid() and about.st_mtime < before:
            found.append(folder)
    return found


def _erase_uploads(asked: Pass) -> Iterator[int]:
    for folder in _old_uploads(asked):
        bot_folders.remove(folder)
        yield 1
