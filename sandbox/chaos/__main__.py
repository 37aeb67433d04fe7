"""`python -m sandbox.chaos --kills 200 --seed 1`: see `make chaos`."""

from __future__ import annotations

import argparse
import sys

from sandbox.chaos.run import REPORT, Options, run, told_targets
from sandbox.chaos.view import View


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m sandbox.chaos")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=0, help="at least so many; more if needed")
    parser.add_argument("--what", default="", help=f"of {','.join(told_targets())}; default: all")
    parser.add_argument("--minutes", type=float, default=90, help="give up killing after so many")
    parser.add_argument(
        "--copy-minutes", type=float, default=0, help="put copies back when they are so old"
    )
    arguments = parser.parse_args()
    what = tuple(name for name in arguments.what.split(",") if name)
    if unknown := set(what) - set(told_targets()):
        parser.error(f"nothing is called {', '.join(sorted(unknown))}")
    if arguments.kills < 1:
        parser.error("--kills must be at least 1")
    return Options(
        kills=arguments.kills,
        seed=arguments.seed,
        requests=arguments.requests,
        what=what,
        minutes=arguments.minutes,
        copy_minutes=arguments.copy_minutes,
    )


def main() -> int:
    """Run chaos; 0 if every bill was mailed exactly once and the control was not."""
    options, view = _options(), View()
    try:
        result = run(options, view)
    except KeyboardInterrupt:
        view.say("Interrupted; everything was stopped.")
        return 130
    result.write(REPORT)
    view.result(result.figures())
    view.say(f"Report {REPORT}")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
