"""Deleting files: only in the store, only what is old, and twice without harm."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import fsspec
import pytest

from billcopy import evidence
from billcopy.bot import folders as bot_folders

NAME = "practice/2026/05/03/request-7/attempt-1-request-failure.jpg"
NOW = datetime.now(UTC)


# -- evidence --------------------------------------------------------------------------------------


def test_a_piece_goes_with_the_folders_it_leaves_empty_and_twice_is_no_error(
    tmp_path: Path,
) -> None:
    root = (tmp_path / "evidence").as_uri()
    stored = evidence.store(root, NAME, b"picture")
    beside = evidence.store(root, NAME.replace("request-7", "request-8"), b"picture")
    for _ in range(2):
        evidence.delete(root, stored.url)
    assert not (tmp_path / "evidence" / NAME).parent.exists()
    assert evidence.load(root, beside) == b"picture"
    evidence.delete(root, beside.url)
    assert (tmp_path / "evidence").is_dir(), "the store itself is gone"


@pytest.mark.parametrize(
    "place",
    [
        "{tmp}/outside.jpg",
        "{tmp}/evidence-of-others/outside.jpg",
        "{tmp}/evidence/../outside.jpg",
        "{tmp}/evidence/practice/../../outside.jpg",
        "memory://outside.jpg",
        "",
    ],
)
def test_nothing_outside_the_store_is_deleted(tmp_path: Path, place: str) -> None:
    (tmp_path / "evidence-of-others").mkdir()
    outside = [tmp_path / "outside.jpg", tmp_path / "evidence-of-others" / "outside.jpg"]
    for path in outside:
        path.write_bytes(b"not ours")
    with pytest.raises(OSError, match="does not lie in the store"):
        evidence.delete((tmp_path / "evidence").as_uri(), place.format(tmp=tmp_path.as_uri()))
    assert all(path.exists() for path in outside)


def test_a_store_that_is_no_folder_is_worked_off_in_the_same_way() -> None:
    root = "memory://retention-test"
    stored = evidence.store(root, NAME, b"picture")
    old = list(evidence.older_than(root, date(2026, 5, 4)))
    assert [number for _, number in old] == [7]
    evidence.delete(root, old[0][0])
    assert not fsspec.filesystem("memory").exists(f"/retention-test/{NAME}")
    evidence.delete(root, stored.url)


@pytest.mark.parametrize(
    ("day", "found"), [(date(2026, 5, 3), []), (date(2026, 5, 4), [7]), (date(2027, 1, 1), [7])]
)
def test_the_day_in_its_name_says_how_old_a_piece_is(
    tmp_path: Path, day: date, found: list[int]
) -> None:
    root = (tmp_path / "evidence").as_uri()
    evidence.store(root, NAME, b"picture")
    evidence.store(root, "practice/notes/readme.txt", b"somebody else's")
    assert [number for _, number in evidence.older_than(root, day)] == found


def test_a_store_that_was_never_written_to_has_nothing_old(tmp_path: Path) -> None:
    assert list(evidence.older_than((tmp_path / "none").as_uri(), date(2030, 1, 1))) == []


# -- folders of bot runs ---------------------------------------------------------------------------


def folder(parent: Path, name: str, *, days: float) -> Path:
    """A bot run's folder in which something was last written so many days ago."""
    made = parent / "practice" / name
    made.mkdir(parents=True)
    (made / "output.xml").write_text("x")
    written(made, days=days)
    return made


def written(path: Path, *, days: float) -> None:
    moment = time.time() - days * 86400
    for one in (*path.rglob("*"), path):
        os.utime(one, (moment, moment))


def test_a_folder_is_as_old_as_the_newest_file_in_it(tmp_path: Path) -> None:
    old = folder(tmp_path, "run-1", days=14.1)
    folder(tmp_path, "run-2", days=13.9)
    fresh_inside = folder(tmp_path, "run-3", days=20)
    (fresh_inside / "output.xml").write_text("just now")
    folder(tmp_path, "run-4", days=20)
    before = NOW - timedelta(days=14)
    assert list(bot_folders.old_output(tmp_path, before, keep={4})) == [old]
    assert list(bot_folders.old_output(tmp_path / "none", before)) == []


def test_a_link_is_removed_and_what_it_leads_to_stays(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept.txt").write_text("x")
    link = tmp_path / "run-9"
    link.symlink_to(elsewhere)
    for _ in range(2):
        bot_folders.remove(link)
    assert not link.is_symlink()
    assert (elsewhere / "kept.txt").exists()


def test_a_folder_is_removed_with_all_that_is_in_it(tmp_path: Path) -> None:
    made = folder(tmp_path, "run-1", days=1)
    for _ in range(2):
        bot_folders.remove(made)
    assert not made.exists()
