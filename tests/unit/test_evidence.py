"""Pictures are covered before they are kept; one that cannot be kept fails nothing."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from billcopy import evidence
from billcopy.bot.evidence import Pictures
from tests.bot_fakes import Ledger, claimed

RED, SIZE = (200, 30, 30), (200, 100)
BOX = {"x": 20.0, "y": 10.0, "width": 40.0, "height": 20.0}


def picture() -> bytes:
    kept = io.BytesIO()
    Image.new("RGB", SIZE, RED).save(kept, "JPEG", quality=95)
    return kept.getvalue()


def near(pixel: object, color: tuple[int, ...]) -> bool:
    return all(abs(a - b) < 20 for a, b in zip(pixel, color, strict=True))  # type: ignore[call-overload]


def test_only_the_boxes_stay_visible() -> None:
    covered = evidence.covered(picture(), [BOX])
    assert covered.shows
    with Image.open(io.BytesIO(covered.jpeg)) as page:
        assert page.size == SIZE
        assert near(page.getpixel((40, 20)), RED)
        for corner in ((2, 2), (100, 20), (40, 60), (198, 98)):
            assert near(page.getpixel(corner), evidence.COVER)


@pytest.mark.parametrize(
    "boxes",
    [[], [{**BOX, "x": 500.0}], [{**BOX, "width": 0.0, "x": -50.0}], [{**BOX, "y": -90.0}]],
)
def test_a_picture_of_which_nothing_may_be_shown_is_covered_as_a_whole(
    boxes: list[dict[str, float]],
) -> None:
    covered = evidence.covered(picture(), boxes)
    assert not covered.shows
    with Image.open(io.BytesIO(covered.jpeg)) as page:
        assert all(near(band, (128, 128)) for band in page.getextrema())


def test_a_picture_is_made_smaller_until_it_fits() -> None:
    wide = io.BytesIO()
    Image.effect_noise((1200, 800), 90).convert("RGB").save(wide, "JPEG", quality=95)
    whole = {"x": 0.0, "y": 0.0, "width": 1200.0, "height": 800.0}
    assert len(evidence.covered(wide.getvalue(), [whole]).jpeg) > 50_000
    small = evidence.covered(wide.getvalue(), [whole], largest=20_000)
    assert len(small.jpeg) <= 20_000
    with Image.open(io.BytesIO(small.jpeg)) as page:
        assert page.width in (600, 300, 150)


def test_the_structure_of_an_unrecognised_page_is_kept_if_it_is_not_too_large(
    tmp_path: Path,
) -> None:
    jpeg = base64.b64encode(picture()).decode()
    pictures = Pictures(tmp_path.as_uri(), say=print, largest=4000)
    pictures.keep(claimed(), None, "failure", jpeg=jpeg, boxes=[], structure={"is": "html"})
    kept = pictures.write_down(Ledger())
    assert Path(urlsplit(kept["structure"]).path).read_text() == '{"is":"html"}'
    pictures.keep(claimed(), None, "failure", jpeg=jpeg, boxes=[], structure=["x" * 4000])
    assert set(pictures.write_down(Ledger())) == {"failure"}


def test_a_stored_picture_is_found_by_its_address_and_digest(tmp_path: Path) -> None:
    name = evidence.place(
        portal="practice", request_id=7, attempt_id=8, delivery_id=9, kind="confirmation"
    )
    stored = evidence.store(tmp_path.as_uri(), name, b"content")
    assert Path(urlsplit(stored.url).path).read_bytes() == b"content"
    assert stored.url.endswith("request-7/attempt-8-delivery-9-confirmation.jpg")
    assert len(stored.digest) == 64


def test_a_store_that_fails_is_said_and_fails_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    said: list[str] = []
    pictures = Pictures((blocked / "below").as_uri(), say=said.append)
    jpeg = base64.b64encode(picture()).decode()
    pictures.keep(claimed(), None, "failure", jpeg=jpeg, boxes=[BOX])
    pictures.write_down(Ledger())
    assert said == ["request 1: evidence not kept (NotADirectoryError)"]
