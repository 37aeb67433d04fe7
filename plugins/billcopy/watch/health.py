"""`/health`: how everything is, part by part, from the last pass; without personal data."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from billcopy.settings import Settings
from billcopy.watch.passes import Look

LATE_PASSES = 3  # so many passes missed, and the watch itself is not well
_PART_OF = {"scheduler_silent": "scheduler", "disk_low": "disk"}
_OK = "ok"


def health(look: Look | None, settings: Settings, *, now: float | None = None) -> dict[str, Any]:
    """`status` (ok or degraded) and `parts`, each `ok` or the words that say why not.

    Args:
        look: what the last pass saw; None: there was none yet.
        settings: how often a pass is made.
        now: seconds since the epoch; None: now.
    """
    moment = time.time() if now is None else now
    parts = dict(_parts(look, settings, moment))
    return {
        "status": _OK if all(words == _OK for words in parts.values()) else "degraded",
        "looked_at": datetime.fromtimestamp(look.at, UTC).isoformat() if look else None,
        "parts": parts,
    }


def _parts(look: Look | None, settings: Settings, now: float) -> Iterator[tuple[str, str]]:
    if look is None:
        yield "watch", "has not looked yet"
        return
    age = now - look.at
    late = age > LATE_PASSES * settings.watch_seconds
    yield "watch", f"has not looked for {age:.0f} s" if late else _OK
    yield "database", look.problem or _OK
    if look.problem:
        return
    trouble: dict[str, list[str]] = {"scheduler": [], "disk": []}
    for one in look.figures:
        if one["figure"] == "breaker_open":
            trouble[f"portal {one['portal']}"] = []
    for alarm in look.alarms:
        portal = f"portal {alarm['key']}"
        part = _PART_OF.get(alarm["condition"], portal if portal in trouble else "queue")
        trouble.setdefault(part, []).append(alarm["text"])
    yield from ((part, " ".join(said) or _OK) for part, said in trouble.items())
    for channel, error in look.untold.items():
        yield f"channel {channel}", error
