"""Run the practice portal until SIGTERM or Ctrl-C; see `portal_parts.command_line`."""

from __future__ import annotations

import sys

from sandbox.portal_parts.command_line import serve
from sandbox.practice_portal.app import create_app

VARIABLE = "PRACTICE_PORTAL_PASSWORDS"

if __name__ == "__main__":
    sys.exit(
        serve(
            create_app,
            package="sandbox.practice_portal",
            port=8200,
            time_zone="America/Chicago",
            variable=VARIABLE,
        )
    )
