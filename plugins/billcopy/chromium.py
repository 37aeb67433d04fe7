"""Which browser the bot drives, and how: any Chromium of the machine, or Playwright's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from billcopy.errors import SettingsError

# The headless shell first: it costs 40 % less CPU than the whole browser.
HEADLESS = ("chromium-headless-shell", "google-chrome", "google-chrome-stable", "chromium")
HEADED = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
FLAGS = (
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-pings",
    "--disable-domain-reliability",
    "--disable-sync",
)
CURE = (
    "no Chromium or Chrome found; install one (Debian and Ubuntu: "
    "`apt-get install chromium-headless-shell` or `chromium`), run `rfbrowser install chromium`, "
    "or name a binary in BILLCOPY_CHROMIUM"
)


def find(*, explicit: str | Path | None = None, headed: bool = False) -> Path | None:
    """The browser's binary; None means that Playwright's own is installed and will be used.

    Raises:
        SettingsError: there is none; the message says how to get one.
    """
    if explicit is not None:
        if not os.access(explicit, os.X_OK):
            raise SettingsError("BILLCOPY_CHROMIUM", "names no executable file")
        return Path(explicit)
    for name in HEADED if headed else HEADLESS:
        if found := shutil.which(name):
            return Path(found)
    if _playwright_has_its_own():
        return None
    raise SettingsError("BILLCOPY_CHROMIUM", CURE)


def _playwright_has_its_own() -> bool:
    folders = [Path(path) for path in [os.environ.get("PLAYWRIGHT_BROWSERS_PATH")] if path]
    try:
        import BrowserBatteries
    except ImportError:
        pass
    else:
        modules = Path(BrowserBatteries.__file__).parent / "bin" / "wrapper" / "node_modules"
        folders.append(modules / "playwright-core" / ".local-browsers")
    return any(folder.glob("chromium*") for folder in folders if folder.is_dir())
