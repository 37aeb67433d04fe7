"""What a practice portal is started with."""

from __future__ import annotations

from sandbox.portal_parts.options import CLERK, SERVICE_USER, Options

__all__ = ["CLERK", "SERVICE_USER", "Options"]
