"""End a bot that lost its lease, before its request is given to another.

A frozen bot could thaw and click. What it may still do is refused by the database and by the permit
in its browser; ending it is the third lock. A process id is reused by the system, so the boot and
the start of the process must be the recorded ones, too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

from billcopy.bot import versions
from billcopy.model import Rescued
from billcopy.reaper import descendants

_SWEEPS = 60


def _is_zombie(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] == "Z"


def is_here(held: Rescued) -> bool:
    """Whether the bot that held the request lives on this machine."""
    return (
        held.host == socket.gethostname()
        and held.boot_id == versions.boot_id()
        and versions.started_at(held.process_group) == held.process_started_at
        and not _is_zombie(held.process_group)
    )


def end(held: Rescued) -> None:
    """Kill the bot with everything it started, if it lives here.

    Raises:
        TimeoutError: it does not end; its request must not be given away.
    """
    for _ in range(_SWEEPS):
        if not is_here(held):
            return
        # The leader last: while it lives, what it started stays below it.
        for pid in [*reversed(descendants(held.process_group)), held.process_group]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    raise TimeoutError(f"the old bot, process {held.process_group}, does not end")
