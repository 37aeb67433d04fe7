"""How a chaos run looks on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

PIPE_WIDTH = 120
SHOWN_FAULTS = 30
_WORDS = {
    "kills": "kills",
    "copies_put_back": "of them copies of the database put back",
    "oldest_copy_seconds": "age of the oldest copy, seconds",
    "requests": "requests",
    "invoices": "bills asked for",
    "mails": "mails that arrived",
    "duplicates": "mails too many",
    "lost": "bills never mailed",
    "left_claimed": "requests left in hand",
    "left_processes": "processes left over",
    "deaths_in_mid_request": "deaths with a request in hand",
    "resumed_median_seconds": "seconds from death to resumed, median",
    "resumed_max_seconds": "seconds from death to resumed, longest",
    "control_duplicates": "mails too many in the naive order (the control)",
    "seconds": "seconds in all",
}


class View:
    """One terminal."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:
            self.console = Console(highlight=False, width=PIPE_WIDTH)

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, soft_wrap=True, markup=False)

    def result(self, figures: Mapping[str, Any]) -> None:
        """The figures, what was killed, and what is wrong."""
        table = Table(title="Chaos", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for name, words in _WORDS.items():
            table.add_row(words, str(figures[name]))
        self.console.print(table)
        for name, title in (("kills_by_target", "What was killed"), ("kills_by_moment", "When")):
            counts = ", ".join(f"{what} {count}" for what, count in figures[name].items())
            self.say(f"{title}: {counts}")
        faults = figures["faults"]
        for fault in faults[:SHOWN_FAULTS]:
            self.console.print(fault, style="red", markup=False)
        if len(faults) > SHOWN_FAULTS:
            self.say(f"and {len(faults) - SHOWN_FAULTS} more; the report has them all")
        words = "NOT as promised" if faults else "every bill was mailed exactly once"
        self.console.print(words, style="bold red" if faults else "bold green")
