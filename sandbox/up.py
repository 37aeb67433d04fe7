"""`make up`: the whole stack in the foreground; Ctrl-C ends all of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from billcopy.settings import PROJECT_ROOT
from sandbox import stack
from sandbox.plan import Plan, PortTaken, read_plan, usual_ports


def main() -> int:
    """Run the stack of this checkout, or one that was planned elsewhere."""
    parser = argparse.ArgumentParser(description="Start the sandbox and Airflow.")
    parser.add_argument("--planned", type=Path, help="folder with the stack.json to start from")
    planned = parser.parse_args().planned
    try:
        plan = (
            read_plan(planned) if planned else Plan(home=PROJECT_ROOT / "var", ports=usual_ports())
        )
        return stack.run(plan)
    except (stack.AlreadyRunning, PortTaken) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
