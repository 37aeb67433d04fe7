"""Which process and which software a bot run was: for the record, and for whoever must end it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from billcopy.portal_profile import Profile
from billcopy.settings import PROJECT_ROOT

PACKAGES = ("billcopy", "robotframework", "robotframework-browser")
RESOURCES = ("tasks", "resources", "libraries")
_START_TIME = 19  # the 22nd field of /proc/PID/stat, counted after the process's name


def boot_id() -> str:
    """This boot of this machine; a process id means something only within it."""
    file = Path("/proc/sys/kernel/random/boot_id")
    return file.read_text().strip() if file.exists() else platform.node()


def started_at(pid: int) -> float:
    """When a process started, in clock ticks since boot: a later one of its number differs."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return 0.0
    return float(stat.rsplit(")", 1)[1].split()[_START_TIME])


def versions(profile: Profile) -> dict[str, str]:
    """Versions of what drives the browser, and the digests of what it is told to do.

    The browser adds its own version as soon as it runs.
    """
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # pragma: no cover - a broken installation
            found[package] = "missing"
    found["portal_folder"] = digest([profile.folder])
    found["resources"] = digest([PROJECT_ROOT / "robot" / name for name in RESOURCES])
    return found


def digest(folders: Iterable[Path]) -> str:
    """SHA-256 over the files of these folders, by name and content."""
    summed = hashlib.sha256()
    for folder in folders:
        for file in sorted(folder.glob("*")):
            if file.is_file():
                summed.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return summed.hexdigest()
