"""`python -m sandbox.secrets_server`: run in the foreground until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from sandbox.secrets_server.server import running


def main() -> int:
    """Serve; the folder of `--dir` then holds root_token, unseal_key, state and audit.jsonl."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.secrets_server",
        description="The part of Vault's HTTP API that billcopy uses; for the sandbox only.",
    )
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    parser.add_argument("--dir", type=Path, required=True, help="folder for state and audit file")
    arguments = parser.parse_args()
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    try:
        with running(arguments.dir, arguments.port) as server:
            print(f"Secrets server listens on {server.url}", flush=True)
            end.wait()
    except OSError as error:
        print(error.strerror or error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
