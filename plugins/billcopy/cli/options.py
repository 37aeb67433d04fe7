"""Options that many commands share, spelled and explained once."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from billcopy import intake_text

LARGEST = 2**63 - 1  # what the database's numbers can be

Actor = Annotated[
    str,
    typer.Option(
        "--actor",
        envvar="BILLCOPY_ACTOR",
        help="Who does this; kept in the history.",
        metavar="NAME",
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.", metavar="TEXT")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")]
RequestIds = Annotated[
    list[int], typer.Argument(help="Request numbers.", metavar="ID", min=1, max=LARGEST)
]
RequestId = Annotated[int, typer.Argument(help="Request number.", metavar="ID", min=1, max=LARGEST)]
DeliveryId = Annotated[
    int,
    typer.Argument(
        help="Delivery number, as `story` shows it.", metavar="DELIVERY", min=1, max=LARGEST
    ),
]
DecisionId = Annotated[
    int,
    typer.Argument(
        help="Decision number, as `story` shows it.", metavar="DECISION", min=1, max=LARGEST
    ),
]
Portal = Annotated[str, typer.Argument(help="Name of the portal folder.", metavar="PORTAL")]


def day(text: str) -> date:
    """Parse an option that is a day; a bad one is a usage error."""
    try:
        return intake_text.as_date(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def moment(text: str) -> datetime:
    """Parse an option that is a moment; a bare day means its end, for due dates."""
    try:
        return intake_text.as_moment(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def start(text: str) -> datetime:
    """Parse an option that is a moment; a bare day means its beginning."""
    return moment(f"{text}T00:00" if len(text) == len("2024-01-01") else text)


def priority(text: str | int) -> int:
    """Parse a priority, as its number or word."""
    try:
        return intake_text.as_priority(str(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
