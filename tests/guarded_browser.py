"""The Browser library with the guard in it, and hands for its permit."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from Browser import Browser
from Browser.utils.data_types import PlaywrightLogTypes

from billcopy import chromium
from billcopy.bot.robot_run import LIBRARIES

INVOICE, OTHER = "INV-2026-000038", "INV-2026-000243"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(
        timeout="30 s",
        enable_playwright_debug=PlaywrightLogTypes.disabled,
        run_on_failure=None,
        jsextension=[str(LIBRARIES / "guard.js"), str(LIBRARIES / "reading.js")],
    )
    browser.outputdir = str(tmp_path_factory.mktemp("browser"))
    browser.new_browser(executablePath=str(chromium.find()), args=list(chromium.FLAGS))
    yield browser
    browser.close_browser("ALL")
    browser.playwright.close()


class Guard:
    """What the guard can be told and asked."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def permit(self, invoice: str = INVOICE, *, seconds: float = 20) -> None:
        """Open the guard for one send of this invoice."""
        self.javascript(
            "openPermit",
            invoice=invoice,
            milliseconds=seconds * 1000,
            deadline=(time.time() + seconds) * 1000,
        )

    def javascript(self, name: str, **arguments: Any) -> Any:
        """Call one of its functions."""
        return self.browser.call_js_keyword(name, **arguments)

    @property
    def blocked(self) -> int:
        """How many requests it has refused."""
        return int(self.javascript("guardReport")["blocked"])

    @property
    def spent(self) -> int:
        """How many permits were spent."""
        return int(self.javascript("guardReport")["spent"])
