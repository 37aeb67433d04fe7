"""The bot's own folders: one per portal, in it one per bot run, and a place for the browser.

A killed browser leaves its profile behind; the next bot run of the portal removes it.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

from billcopy import disk
from billcopy.bot.order import BotOrder
from billcopy.progress import Say

KEPT_RUNS = 20
REHEARSAL = "rehearsal"


def portal_folder(work_dir: str | Path, portal: str) -> Path:
    """Everything the bots of one portal write; made if it is not there."""
    folder = Path(work_dir) / portal
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def browser_folder(work_dir: str | Path, portal: str) -> Path:
    """Where the browser puts what it needs while it runs."""
    return portal_folder(work_dir, portal) / "browser"


def start_run(work_dir: str | Path, portal: str, name: str) -> Path:
    """The folder of one bot run, empty; older ones are removed, and what a dead browser left.

    Only for who holds the portal's lock, or rehearses.
    """
    parent = portal_folder(work_dir, portal)
    shutil.rmtree(browser_folder(work_dir, portal), ignore_errors=True)
    browser_folder(work_dir, portal).mkdir(mode=0o700)
    shutil.rmtree(parent / name, ignore_errors=True)
    (parent / name).mkdir(mode=0o700)
    runs = sorted(parent.glob("run-*"), key=lambda folder: folder.stat().st_mtime)
    for old in runs[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)
    return parent / name


def disk_is_low(order: BotOrder, say: Say) -> bool:
    """Whether to claim nothing more, so that the database and the bot can end what they began."""
    folders = disk.places(order.work_dir, order.evidence_url, order.watched_folders)
    low = disk.too_low(disk.rooms(folders), order.min_free_bytes)
    for room in low:
        left, wanted = room.free_bytes >> 20, order.min_free_bytes >> 20
        say(f"nothing more is claimed: {left} MB left for the {room.name}, {wanted} MB must be")
    return bool(low)


def old_output(
    work_dir: str | Path, before: datetime, *, keep: Collection[int] = ()
) -> Iterator[Path]:
    """Folders below a portal's in which nothing was written since, but for bot runs to keep.

    Also what a rehearsal or a dead browser left. A portal's own folder stays.
    """
    kept = {f"run-{bot_run_id}" for bot_run_id in keep}
    portals = Path(work_dir).iterdir() if Path(work_dir).is_dir() else iter(())
    for portal in sorted(portals):
        for folder in sorted(portal.iterdir()) if portal.is_dir() else ():
            if folder.name not in kept and _last_written(folder) < before.timestamp():
                yield folder


def _last_written(folder: Path) -> float:
    newest = folder.lstat().st_mtime
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            newest = max(newest, path.lstat().st_mtime)
        except FileNotFoundError:
            continue  # somebody is at work there, and tidies up
    return newest


def remove(path: Path) -> None:
    """Remove a folder with all that is in it, or a file; one that is gone is no error.

    Raises:
        OSError: it cannot be removed.
    """
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except FileNotFoundError:
        pass
