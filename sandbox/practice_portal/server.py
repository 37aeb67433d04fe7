"""Run this portal in a thread of a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.portal_parts.server import RunningPortal, free_port, new_passwords, serving
from sandbox.practice_portal.app import create_app
from sandbox.practice_portal.options import Options


class PracticePortal(RunningPortal):
    """BillView Online in a thread."""

    def __init__(self, options: Options, *, port: int) -> None:
        super().__init__(lambda: create_app(options), options, port=port)


@contextlib.contextmanager
def running(
    data_dir: Path, *, smtp_port: int, port: int = 0, **options: Any
) -> Iterator[PracticePortal]:
    """A portal in a thread; port 0 takes a free one. `options` are further fields of `Options`."""
    passwords = options.pop("passwords", None) or new_passwords()
    chosen = Options(data_dir=data_dir, passwords=passwords, smtp_port=smtp_port, **options)
    portal = PracticePortal(chosen, port=port or free_port())
    with serving(portal):
        yield portal
