"""The command line of a practice portal: run it until SIGTERM or Ctrl-C.

Passwords never stand on the command line. They come from `--password-file` (`-` is stdin), which
holds a JSON object of user and password, or only the service user's password; or else, in the same
form, from an environment variable.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI

from sandbox.portal_parts.options import SERVICE_USER, Options
from sandbox.portal_parts.server import server

STDIN = "-"


def passwords(text: str) -> dict[str, str]:
    """User to password, from a JSON object or from the bare password of the service user."""
    text = text.strip()
    if not text.startswith("{"):
        return {SERVICE_USER: text} if text else {}
    return {str(user): str(word) for user, word in json.loads(text).items()}


def serve(
    create_app: Callable[[Options], FastAPI],
    *,
    package: str,
    port: int,
    time_zone: str,
    variable: str,
) -> int:
    """Read the command line and serve; `variable` may hold the passwords in the environment."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {package}",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--smtp-host", default="127.0.0.1")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--password-file", help=f"file, or - for stdin; else ${variable}")
    parser.add_argument("--time-zone", default=time_zone)
    parser.add_argument("--session-minutes", type=float, default=15.0)
    parser.add_argument("--sent-log-lag-seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    if arguments.password_file == STDIN:
        text = sys.stdin.read()
    elif arguments.password_file:
        text = Path(arguments.password_file).read_text(encoding="utf-8")
    else:
        text = os.environ.pop(variable, "")
    words = passwords(text)
    if not words:
        parser.error(f"no passwords: give --password-file, or {variable} in the environment")
    options = Options(
        data_dir=arguments.data_dir,
        passwords=words,
        smtp_host=arguments.smtp_host,
        smtp_port=arguments.smtp_port,
        time_zone=arguments.time_zone,
        session_minutes=arguments.session_minutes,
        sent_log_lag_seconds=arguments.sent_log_lag_seconds,
    )
    server(create_app(options), host=arguments.host, port=arguments.port).run()
    return 0
