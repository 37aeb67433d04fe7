"""Run this portal in a thread of a test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.harbour_portal.app import create_app
from sandbox.harbour_portal.visit import TIME_ZONE
from sandbox.portal_parts.options import Options
from sandbox.portal_parts.server import RunningPortal, free_port, new_passwords, serving


class HarbourPortal(RunningPortal):
    """OfficeLink in a thread."""

    def __init__(self, options: Options, *, port: int) -> None:
        super().__init__(lambda: create_app(options), options, port=port)


@contextlib.contextmanager
def running(
    data_dir: Path, *, smtp_port: int, port: int = 0, **options: Any
) -> Iterator[HarbourPortal]:
    """A portal in a thread; port 0 takes a free one. `options` are further fields of `Options`."""
    passwords = options.pop("passwords", None) or new_passwords()
    options = {"time_zone": TIME_ZONE, **options}
    chosen = Options(data_dir=data_dir, passwords=passwords, smtp_port=smtp_port, **options)
    with serving(HarbourPortal(chosen, port=port or free_port())) as portal:
        yield portal
