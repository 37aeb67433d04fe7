"""Run the harbour portal until SIGTERM or Ctrl-C; see `portal_parts.command_line`."""

from __future__ import annotations

import sys

from sandbox.harbour_portal.app import create_app
from sandbox.harbour_portal.visit import TIME_ZONE
from sandbox.portal_parts.command_line import serve

if __name__ == "__main__":
    sys.exit(
        serve(
            create_app,
            package="sandbox.harbour_portal",
            port=8300,
            time_zone=TIME_ZONE,
            variable="HARBOUR_PORTAL_PASSWORDS",
        )
    )
