"""The application: which command stands where, and what becomes of an error.

Exit codes: 0 done, 1 refused by a rule, 2 wrong usage, 3 a system does not answer.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from billcopy.cli import (
    bot,
    doubts,
    following,
    maintenance,
    portals,
    reconciling,
    recovery,
    retention,
    steering,
    submitting,
    system,
    watching,
)
from billcopy.cli.output import complain
from billcopy.errors import ApplicationError, BillCopyError, DatabaseUnavailable, SettingsError

REFUSED, UNAVAILABLE = 1, 3
_CURES = {
    "SETTINGS": "Set it in the environment or in var/settings.env.",
    "DATABASE_UNAVAILABLE": "`python -m billcopy doctor` looks closer.",
    "VAULT_SEALED": "Unseal Vault, then try again.",
    "VAULT_UNAVAILABLE": "`python -m billcopy doctor` looks closer.",
}


class PlainErrors(TyperGroup):
    """Turns every error into one or two lines and an exit code; `--debug` shows where it arose."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BillCopyError as error:
            if ctx.params.get("debug"):
                raise
            complain(f"{error.code}: {error.message}")
            if cure := _CURES.get(error.code):
                complain(cure)
            raise typer.Exit(exit_code(error)) from None
        except (typer.TyperException, typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            complain(f"UNEXPECTED: {type(error).__name__}: {error}")
            complain("Run it again with `python -m billcopy --debug ...` and report what it shows.")
            raise typer.Exit(UNAVAILABLE) from None


def exit_code(error: BillCopyError) -> int:
    """What an error means to the shell: a rule said no, or a system did not answer."""
    unavailable = isinstance(error, (ApplicationError, DatabaseUnavailable, SettingsError))
    return UNAVAILABLE if unavailable else REFUSED


app = typer.Typer(
    cls=PlainErrors,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def billcopy(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error arose.")] = False,
) -> None:
    """Copies of old bills out of a bank's portal: submit requests, watch and steer them.

    Exit codes: 0 done, 1 refused by a rule, 2 wrong usage, 3 a system does not answer.
    """


for panel, module in (
    ("Requests", submitting),
    ("Requests", following),
    ("Requests", steering),
    ("When it may have been sent", doubts),
    ("When it may have been sent", recovery),
    ("Portals", portals),
    ("Portals", maintenance),
    ("Bot", bot),
    ("Alarms", watching),
    ("Alarms", reconciling),
    ("Personal data", retention),
    ("System", system),
):
    for command in module.COMMANDS:
        name = command.__name__.removesuffix("_command").replace("_", "-")
        app.command(name, rich_help_panel=panel)(command)

app.add_typer(retention.subject, name="subject", rich_help_panel="Personal data")
