"""Wait for what happens in another process."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

import httpx

PATIENCE_SECONDS = 240.0  # what the slowest machine takes to start Airflow, and some more
_POLL_SECONDS = 0.02


def until(
    condition: Callable[[], object], what: str = "it happened", *, within: float = PATIENCE_SECONDS
) -> None:
    """Return as soon as `condition` holds; a server that does not answer counts as not yet.

    Raises:
        AssertionError: `what` was not so `within` seconds.
    """
    assert happens(condition, within=within), f"not within {within:g} s: {what}"


def happens(condition: Callable[[], object], *, within: float) -> bool:
    """Whether `condition` came to hold `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if condition():
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
