"""`make bench`: every figure with its peer of the same run, on the screen and in var/bench.json.

Parts: claims, requests, pipeline, faults, rescue and endurance (these two take about 15 minutes
each); all of them unless some are named. Nothing here is asserted: machines differ, ratios are what
may be compared.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from billcopy.settings import PROJECT_ROOT
from tests.benchmarks import claims, endurance, pipeline, requests, rescue

PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "claims": claims.measure,
    "requests": requests.measure,
    "pipeline": pipeline.measure,
    "rescue": rescue.measure,
    "faults": endurance.measure_faults,
    "endurance": endurance.measure_memory,
}
RESULT = PROJECT_ROOT / "var" / "bench.json"


def _flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for name, value in figures.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name} · ")
        else:
            found.append((prefix + name, str(value)))
    return found


def main() -> int:
    """Measure the parts asked for, one after the other."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    names = parser.parse_args().parts or list(PARTS)
    if unknown := set(names) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    console = Console()
    kept: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for name in names:
        with console.status(f"measuring {name} …"):
            figures = PARTS[name]()
        kept[name] = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "cores": psutil.cpu_count(),
            "machine": platform.machine(),
            **figures,
        }
        RESULT.parent.mkdir(exist_ok=True)
        RESULT.write_text(json.dumps(kept, indent=2) + "\n")
        table = Table(title=name, show_header=False)
        for row in _flat(figures):
            table.add_row(*row)
        console.print(table)
    console.print(f"written to {RESULT.relative_to(PROJECT_ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
