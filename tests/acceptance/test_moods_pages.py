"""Moods of single pages: late, replaced, covered, slow, not there, something else than a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from billcopy.bot.order import StopReason
from billcopy.evidence import COVER
from tests.acceptance.test_moods import ONE_MAIL, attempts, finish, impatient
from tests.bot_fixtures import Bot

pytestmark = pytest.mark.slow

DRIFT = "A page of the bank's portal was not as expected."
DOWN = "The bank's portal did not answer."


def is_delivered_at_once(bot: Bot, **faults: Any) -> None:
    request = bot.submit()
    bot.portal.set_faults(**faults)
    assert bot.run() is StopReason.DRAINED
    assert bot.state(request) == "delivered"
    assert bot.reads(request) == "Every bill was sent."
    assert attempts(bot, request) == 0
    assert bot.sent() == ONE_MAIL


def is_tried_again(bot: Bot, *, reason: str, words: str) -> int:
    """The first attempt fails so, the next one delivers; the request's number."""
    request = bot.submit()
    bot.run()
    assert bot.state(request) == f"queued {reason}"
    assert bot.reads(request) == words
    assert attempts(bot, request) == 1
    assert bot.sent() == []
    bot.portal.clear_faults()
    finish(bot, request)
    assert bot.state(request) == "delivered"
    assert bot.sent() == ONE_MAIL
    return request


# -- what is only late or in the way ---------------------------------------------------------------


def test_a_slow_page_is_waited_for(bot: Bot) -> None:
    is_delivered_at_once(bot, latency_ms=400)


def test_an_element_that_comes_late_is_waited_for(bot: Bot) -> None:
    is_delivered_at_once(bot, late_button_ms=700)


def test_an_element_that_is_replaced_is_found_again(bot: Bot) -> None:
    is_delivered_at_once(bot, rerender_ms=700)


def test_a_known_overlay_is_closed(bot: Bot) -> None:
    is_delivered_at_once(bot, popup=True)


def test_a_native_alert_is_answered(bot: Bot) -> None:
    is_delivered_at_once(bot, native_alert=True)


def test_the_notice_after_signing_in_is_passed(bot: Bot) -> None:
    is_delivered_at_once(bot)
    assert bot.portal.state()["notices_read"] == bot.portal.state()["sign_ins"] == 1


# -- what fails an attempt -------------------------------------------------------------------------


def test_a_page_slower_than_the_time_out_is_a_portal_that_is_down(bot: Bot) -> None:
    bot.portal_folder(impatient)
    bot.portal.set_faults(latency_ms=4000, latency_path="/invoices$")
    is_tried_again(bot, reason="PORTAL_DOWN", words=DOWN)


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_a_portal_that_is_down(bot: Bot, status: int) -> None:
    bot.portal.set_faults(http_500=1, http_500_path="/invoices$", http_500_status=status)
    is_tried_again(bot, reason="PORTAL_DOWN", words=DOWN)


def test_an_overlay_that_nobody_knows_is_drift(bot: Bot) -> None:
    bot.portal_folder(impatient)
    bot.portal.set_faults(popup="/invoices/", popup_title="Vote now")
    request = is_tried_again(bot, reason="PAGE_NOT_AS_EXPECTED", words=DRIFT)
    assert "dialog without a name" in bot.failure(request)["on_screen"]


def test_a_download_instead_of_a_page_is_drift_and_is_not_kept(bot: Bot) -> None:
    bot.portal_folder(impatient)
    bot.portal.set_faults(download=1, download_path="^/invoices/")
    request = is_tried_again(bot, reason="PAGE_NOT_AS_EXPECTED", words=DRIFT)
    assert bot.failure(request)["keyword"].startswith("Go To (sending.resource:")
    kept = [file for file in bot.work_dir.rglob("*") if file.is_file()]
    assert not [file for file in kept if file.read_bytes().startswith(b"%PDF")]


def test_a_page_that_nobody_recognises_is_covered_and_leaves_its_structure(bot: Bot) -> None:
    bot.portal_folder(shows_nothing)
    bot.portal.set_faults(http_500=1, http_500_path="/invoices$")
    request = is_tried_again(bot, reason="PORTAL_DOWN", words=DOWN)
    kept = {one["kind"]: Path(urlsplit(one["url"]).path) for one in bot.story(request).evidence}
    with Image.open(kept["failure"]) as picture:
        assert all(abs(edge - COVER[0]) < 6 for band in picture.getextrema() for edge in band)
    text = kept["structure"].read_text()
    assert "h1" in text
    assert "Server Error" not in text
    assert json.loads(text)["frames"][0]["is"] == "html"


def test_a_menu_that_came_does_not_hide_that_the_page_beside_it_did_not(harbour_bot: Bot) -> None:
    harbour_bot.portal_folder(impatient)
    request = harbour_bot.submit()
    harbour_bot.portal.set_faults(
        http_500=9, http_500_path="/desk", latency_ms=400, latency_path="/menu"
    )
    assert harbour_bot.run() is StopReason.INFRASTRUCTURE
    assert harbour_bot.state(request) == "queued"
    assert "the session could not be made ready (PORTAL_DOWN)" in harbour_bot.lines


def shows_nothing(folder: Path) -> None:
    """Nothing of any page may be shown."""
    profile = folder / "profile.yaml"
    profile.write_text(profile.read_text().replace("['css=h1', 'css=#banner']", "['id=no-such']"))
