"""Pictures that prove what the bot saw, covered before they are kept.

Deny by default: of a picture only the boxes that the portal folder's profile names stay visible;
everything else is painted over, in memory, before a byte is written. No piece is larger than the
settings allow. Evidence goes wherever
`evidence_url` points: a folder, or any store that fsspec knows.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import fsspec
from PIL import Image

COVER = (128, 128, 128)
LARGEST = 300 * 1024
"""Bytes that one piece may have, unless the settings say otherwise."""
_QUALITY = 70
_SMALLEST_SIDE = 64
_PLACE = re.compile(r"/(\d{4})/(\d{2})/(\d{2})/request-(\d+)/[^/]+$")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Where a piece of evidence lies, and the SHA-256 of its content."""

    url: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Covered:
    """A picture that may be kept; `shows` says whether anything is visible in it."""

    jpeg: bytes
    shows: bool


def covered(
    picture: bytes, boxes: Iterable[Mapping[str, float]], *, largest: int = LARGEST
) -> Covered:
    """The picture with everything but the boxes painted over, made smaller until it fits.

    Args:
        picture: a JPEG of the page.
        boxes: `x`, `y`, `width`, `height` in the picture's pixels.
        largest: bytes that it may have.
    """
    with Image.open(io.BytesIO(picture)) as original:
        page = Image.new("RGB", original.size, COVER)
        shown = False
        for box in boxes:
            left, top = max(0, int(box["x"])), max(0, int(box["y"]))
            right = min(page.width, int(box["x"] + box["width"]) + 1)
            bottom = min(page.height, int(box["y"] + box["height"]) + 1)
            if left < right and top < bottom:
                area = (left, top, right, bottom)
                page.paste(original.crop(area), area)
                shown = True
    return Covered(jpeg=_small_enough(page, largest), shows=shown)


def _small_enough(page: Image.Image, largest: int) -> bytes:
    while True:
        kept = io.BytesIO()
        page.save(kept, "JPEG", quality=_QUALITY)
        if kept.tell() <= largest or min(page.size) <= _SMALLEST_SIDE:
            return kept.getvalue()
        page = page.resize((max(1, page.width // 2), max(1, page.height // 2)))


def place(
    *,
    portal: str,
    request_id: int,
    attempt_id: int,
    delivery_id: int | None,
    kind: str,
    suffix: str = "jpg",
) -> str:
    """A name for a piece of evidence, below the store's root; it says nothing about a customer."""
    day = datetime.now(UTC).strftime("%Y/%m/%d")
    part = f"delivery-{delivery_id}" if delivery_id is not None else "request"
    return f"{portal}/{day}/request-{request_id}/attempt-{attempt_id}-{part}-{kind}.{suffix}"


def store(evidence_url: str, name: str, content: bytes) -> Stored:
    """Write one piece of evidence; a folder on the way is made.

    Raises:
        OSError: the store does not take it.
    """
    url = f"{evidence_url.rstrip('/')}/{name}"
    filesystem, path = fsspec.core.url_to_fs(url)
    filesystem.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
    filesystem.pipe_file(path, content)
    return Stored(url=url, digest=hashlib.sha256(content).hexdigest())


def load(evidence_url: str, stored: Stored) -> bytes:
    """Read one piece of evidence again.

    Raises:
        OSError: it is not there any more, lies outside the store, or is not what was written.
    """
    root = evidence_url.rstrip("/") + "/"
    if not stored.url.startswith(root) or ".." in stored.url.removeprefix(root).split("/"):
        raise OSError("this piece of evidence does not lie in the store")
    filesystem, path = fsspec.core.url_to_fs(stored.url)
    content: bytes = filesystem.cat_file(path)
    if hashlib.sha256(content).hexdigest() != stored.digest:
        raise OSError("this piece of evidence is not what was written")
    return content


def delete(evidence_url: str, url: str) -> None:
    """Delete one piece of evidence, and folders that it leaves empty; one that is gone is no error.

    Raises:
        OSError: it lies outside the store, or the store refuses.
    """
    root = evidence_url.rstrip("/") + "/"
    if not url.startswith(root) or ".." in url.removeprefix(root).split("/"):
        raise OSError("this piece of evidence does not lie in the store")
    filesystem, path = fsspec.core.url_to_fs(url)
    with contextlib.suppress(FileNotFoundError):
        filesystem.rm_file(path)
    if "file" in filesystem.protocol:  # elsewhere a folder is a part of a name, and goes with it
        _, top = fsspec.core.url_to_fs(root)
        folder = path.rsplit("/", 1)[0]
        with contextlib.suppress(OSError):  # until one is not empty
            while folder.startswith(top.rstrip("/") + "/"):
                filesystem.rmdir(folder)
                folder = folder.rsplit("/", 1)[0]


def older_than(evidence_url: str, day: date) -> Iterator[tuple[str, int]]:
    """What was stored on an earlier day (UTC): its address, and the number of its request.

    Raises:
        OSError: the store does not answer.
    """
    root = evidence_url.rstrip("/")
    filesystem, top = fsspec.core.url_to_fs(root)
    if not filesystem.exists(top):
        return
    for path in sorted(filesystem.find(top)):
        if (found := _PLACE.search(path)) is None:
            continue
        year, month, of_month, request_id = map(int, found.groups())
        if (year, month, of_month) < (day.year, day.month, day.day):
            yield root + path.removeprefix(top.rstrip("/")), request_id
