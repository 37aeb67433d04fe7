"""Make sure that there is a browser for the bot: find one, else install one, else say how to."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from billcopy import chromium, settings
from billcopy.errors import SettingsError

PACKAGES = ("chromium-headless-shell", "chromium")  # Debian has both, Ubuntu only the second
ADVICE = """There is no browser for the bot, and none could be installed. Install one:
    sudo apt-get install chromium
or name one that you have:
    export BILLCOPY_CHROMIUM=/path/to/chrome"""


def _run(*command: str) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _from_the_distribution() -> bool:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends")
    print("Installing a browser from the distribution's packages", flush=True)
    if not any(_run("apt-cache", "--quiet=2", "show", package) for package in PACKAGES):
        _run("apt-get", "update", "-qq")
    return any(_run(*install, package) for package in PACKAGES)


def _from_playwright() -> bool:
    print("Downloading Playwright's own browser", flush=True)
    return _run(str(Path(sys.executable).parent / "rfbrowser"), "install", "chromium")


def _is_there() -> bool:
    try:
        chromium.find()
    except SettingsError:
        return False
    return True


def main() -> int:
    """Find or install; a browser named by a setting must be there."""
    named = settings.load().chromium
    if named is not None:
        try:
            chromium.find(explicit=named)
        except SettingsError as error:
            print(error, file=sys.stderr)
            return 1
        return 0
    if _is_there() or ((_from_the_distribution() or _from_playwright()) and _is_there()):
        return 0
    print(ADVICE, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
