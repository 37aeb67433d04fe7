"""Room on the volumes of this machine: the bot stops claiming before the database stops writing."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname


@dataclass(frozen=True, kw_only=True)
class Room:
    """How much is left on the volume where a folder is, or will be."""

    name: str
    folder: Path
    free_bytes: int


def places(
    work_dir: Path | str, evidence_url: str, others: Iterable[Path | str]
) -> dict[str, Path]:
    """The local folders that need room, by name; evidence in a bucket is not among them."""
    found = {"work folder": Path(work_dir)}
    evidence = urlsplit(evidence_url)
    if evidence.scheme in ("file", ""):
        found["evidence folder"] = Path(url2pathname(evidence.path))
    return {**found, **{f"folder {other}": Path(other) for other in others}}


def rooms(folders: dict[str, Path]) -> list[Room]:
    """What is left, folder by folder; one that cannot be looked at counts as full."""
    return [
        Room(name=name, folder=folder, free_bytes=_free(folder)) for name, folder in folders.items()
    ]


def too_low(found: Sequence[Room], min_free_bytes: int) -> list[Room]:
    """Those with less room than that."""
    return [one for one in found if one.free_bytes < min_free_bytes]


def _free(folder: Path) -> int:
    try:
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        return shutil.disk_usage(there).free
    except OSError:
        return 0
