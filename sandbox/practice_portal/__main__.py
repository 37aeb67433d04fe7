"""Run the practice portal until SIGTERM or Ctrl-C.

Passwords never stand on the command line. They come from `--password-file` (`-` is stdin), which
holds a JSON object of user and password, or only the service user's password; or else from the
environment variable PRACTICE_PORTAL_PASSWORDS, in the same form.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from sandbox.practice_portal.options import SERVICE_USER, TIME_ZONE, Options
from sandbox.practice_portal.server import server

VARIABLE = "PRACTICE_PORTAL_PASSWORDS"
STDIN = "-"


def passwords(text: str) -> dict[str, str]:
    """User to password, from a JSON object or from the bare password of the service user."""
    text = text.strip()
    if not text.startswith("{"):
        return {SERVICE_USER: text} if text else {}
    return {str(user): str(word) for user, word in json.loads(text).items()}


def main() -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.practice_portal",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8200)
    parser.add_argument("--smtp-host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--password-file", help="file, or - for stdin")
    parser.add_argument("--time-zone", default=TIME_ZONE)
    parser.add_argument("--session-minutes", type=float, default=15.0)
    parser.add_argument("--sent-log-lag-seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    if arguments.password_file == STDIN:
        text = sys.stdin.read()
    elif arguments.password_file:
        text = Path(arguments.password_file).read_text(encoding="utf-8")
    else:
        text = os.environ.pop(VARIABLE, "")
    words = passwords(text)
    if not words:
        parser.error(f"no passwords: give --password-file, or {VARIABLE} in the environment")
    options = Options(
        data_dir=arguments.data_dir,
        passwords=words,
        smtp_host=arguments.smtp_host,
        smtp_port=arguments.smtp_port,
        time_zone=arguments.time_zone,
        session_minutes=arguments.session_minutes,
        sent_log_lag_seconds=arguments.sent_log_lag_seconds,
    )
    server(options, host=arguments.host, port=arguments.port).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
