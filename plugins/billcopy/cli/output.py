"""What the commands print: plain lines and tables for people, JSON for machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def say(line: str = "", *, style: str = "") -> None:
    """Print one line; markup and control characters in it are shown, never obeyed."""
    Console(highlight=False, soft_wrap=True).print(plain(line, style=style))


def complain(line: str) -> None:
    """Print one line about what went wrong, on standard error."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(plain(line, style="red"))


def plain(value: Any, *, style: str = "") -> Text:
    """A value as text that a terminal cannot take for an instruction."""
    return Text(_UNPRINTABLE.sub("�", "" if value is None else str(value)), style=style)


def table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows below titles; long values wrap, nothing is cut off."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        drawn.add_column(title, overflow="fold")
    for row in rows:
        drawn.add_row(*(plain(cell) for cell in row))
    Console(highlight=False).print(drawn)


def as_json(value: Any) -> None:
    """Print a value as JSON; dates as ISO 8601."""
    print_to = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
    print_to.out(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def moment(value: Any) -> datetime | None:
    """A time out of a JSON answer, in the local zone."""
    if value is None:
        return None
    return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).astimezone()


def when(value: Any, *, seconds: bool = False) -> str:
    """A time as a person reads it, in the local zone; nothing for no time."""
    if (at := moment(value)) is None:
        return ""
    return at.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")
