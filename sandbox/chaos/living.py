"""Which processes belong to a run, and what each of them is."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from billcopy.reaper import descendants

BOT_ROLES = ("reaper", "robot", "node", "chromium")


@dataclass(frozen=True)
class Process:
    """A process that cannot be mistaken for a later one with its number."""

    pid: int
    started_at: int
    words: tuple[str, ...]

    @property
    def role(self) -> str | None:
        """What it is to the bot; None if it is no part of one."""
        if "billcopy.reaper" in self.words:
            return "reaper"
        if self.words[1:3] == ("-m", "billcopy.bot"):
            return "robot"
        name = Path(self.words[0].split(" ")[0]).name if self.words else ""
        if name == "node":
            return "node"
        is_main = not any(word.startswith("--type=") for word in self.words)
        if "chrom" in name or "headless" in name:
            return "chromium" if is_main and "--type=" not in self.words[0] else "chromium helper"
        return None

    def lives(self) -> bool:
        """Whether it still runs (a zombie does not)."""
        stat = _stat(self.pid)
        return stat is not None and int(stat[19]) == self.started_at and stat[0] != "Z"


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rsplit(")", 1)[1].split()


def process(pid: int) -> Process | None:
    """The process with this number, if it lives."""
    stat = _stat(pid)
    if stat is None or stat[0] == "Z":
        return None
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return None
    return Process(pid, int(stat[19]), tuple(words.rstrip("\0").split("\0")))


def below(root: int) -> list[Process]:
    """All that descend from `root`."""
    return [one for pid in descendants(root) if (one := process(pid)) is not None]


def parent_of(pid: int) -> int | None:
    """Its parent's number."""
    stat = _stat(pid)
    return int(stat[1]) if stat else None


def of_home(home: Path) -> list[Process]:
    """All processes whose arguments or environment name this folder, our own aside."""
    found = []
    mark = os.fsencode(f"{home}/")
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if mark in known and (one := process(int(entry.name))) is not None:
                found.append(one)
    return found


def bots(home: Path) -> dict[str, list[Process]]:
    """The processes of all bots of this home, by role."""
    found: dict[str, list[Process]] = {}
    for one in of_home(home):
        if one.role is not None:
            found.setdefault(one.role, []).append(one)
    return found
