"""How the demo looks on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Table

from sandbox.demo_check import Outcome, Verdict

STYLES = {"delivered": "green", "partial": "yellow", "held": "yellow", "failed": "red"}
PIPE_WIDTH = 150
SHOWN_DIFFERENCES = 20
OPEN = ("queued", "claimed")


class View:
    """One terminal."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        if not self.console.is_terminal:  # a pipe has no width; eighty columns fold every cell
            self.console = Console(highlight=False, width=PIPE_WIDTH)

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, soft_wrap=True)

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Something goes on; without a terminal it is a line."""
        if not self.console.is_terminal:
            self.say(f"{text} …")
            yield
            return
        with self.console.status(text):
            yield

    @contextmanager
    def progress(self, total: int) -> Iterator[Progress]:
        """The bar of finished requests."""
        with Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Elapsed(),
            console=self.console,
        ) as progress:
            progress.add_task("requests", total=total)
            yield progress

    def table(self, outcomes: Sequence[Outcome]) -> None:
        """One row per request, in plain words."""
        table = Table(title="What became of the requests", title_justify="left")
        for name in ("Request", "Account", "Outcome"):
            table.add_column(name, overflow="fold")
        for name in ("Invoices", "Seconds"):
            table.add_column(name, justify="right")
        table.add_column("Evidence", overflow="fold")
        for one in outcomes:
            table.add_row(
                one.reference,
                one.account_masked,
                f"[{STYLES.get(one.state, 'cyan')}]{one.state}[/]: {one.words}",
                str(len(one.sent)) if one.request_id else "",
                f"{one.seconds:.1f}" if one.seconds is not None else "",
                one.evidence,
            )
        self.console.print(table)

    def verdict(self, verdict: Verdict) -> None:
        """What differs, then the last line."""
        for difference in verdict.differences[:SHOWN_DIFFERENCES]:
            self.say(f"[red]{difference}[/]")
        if (more := len(verdict.differences) - SHOWN_DIFFERENCES) > 0:
            self.say(f"[red]… and {more} more differences; the report has them all[/]")
        style = "bold red" if verdict.differences else "bold green"
        self.say(f"[{style}]{verdict.line}[/]")


def counted(states: dict[str, Any]) -> str:
    """The states of the queue as words for the bar."""
    told = {
        "delivered": states.get("delivered", 0),
        "could not be sent": sum(states.get(one, 0) for one in ("partial", "rejected", "failed")),
        "held": states.get("held", 0),
    }
    return ", ".join(f"{words} {count}" for words, count in told.items() if count) or "starting"
