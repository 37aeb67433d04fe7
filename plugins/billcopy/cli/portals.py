"""Commands for portals: the stop switch, the breaker, limits, folders."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from billcopy import portal_profile, request_queue, settings
from billcopy.cli import connections, options
from billcopy.cli.output import complain, say
from billcopy.errors import InputError, NotFound

TEMPLATE = "_template"


def stop(*, portal: options.Portal, actor: options.Actor, reason: options.Reason) -> None:
    """Stop a portal: nothing is claimed or sent there from now on."""
    with connections.operations() as connection:
        request_queue.stop_portal(connection, portal, actor=actor, reason=reason)
    say(f"{portal} is stopped.")


def resume(*, portal: options.Portal, actor: options.Actor, reason: options.Reason) -> None:
    """Undo `stop`."""
    with connections.operations() as connection:
        request_queue.resume_portal(connection, portal, actor=actor, reason=reason)
    say(f"{portal} is open again.")


def close_breaker(*, portal: options.Portal, actor: options.Actor, reason: options.Reason) -> None:
    """Let the bot work again after it closed the portal itself, because the cause is gone."""
    with connections.operations() as connection:
        request_queue.close_breaker(connection, portal, actor=actor, reason=reason)
    say(f"The breaker of {portal} is closed.")


def portal_register(*, portal: options.Portal, actor: options.Actor) -> None:
    """Enter a portal folder in the database, or take over what its profile says now."""
    now = settings.load()
    profile = portal_profile.load(portal_profile.find_folder(portal, now.portal_path))
    with connections.operations() as connection:
        request_queue.register_portal(connection, **profile.registration, actor=actor)
    say(f"{profile.name} ({profile.title}) takes requests.")


def portal_set(
    *,
    portal: options.Portal,
    changes: Annotated[
        list[str],
        typer.Argument(
            help="For example max_attempts=5 settle_window='5 min'.", metavar="KEY=VALUE..."
        ),
    ],
    actor: options.Actor,
    reason: options.Reason,
) -> None:
    """Change a portal's limits and timings."""
    pairs = [change.partition("=") for change in changes]
    for key, equals, value in pairs:
        if not (key and equals and value):
            raise typer.BadParameter(f"“{key}” is not KEY=VALUE")
    wanted = {key.strip(): value.strip() for key, _, value in pairs}
    with connections.operations() as connection:
        request_queue.configure_portal(connection, portal, wanted, actor=actor, reason=reason)
    say(f"{portal}: " + ", ".join(f"{key} is {value}" for key, value in wanted.items()) + ".")


def portal_new(
    *,
    portal: Annotated[str, typer.Argument(help="Its name, such as north_bank.", metavar="NAME")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--in", metavar="FOLDER", help="Left out: the first folder searched for portals."
        ),
    ] = None,
) -> None:
    """Make a portal folder from the template; docs/portals.md says how to fill it in."""
    if not portal_profile.NAME.fullmatch(portal):
        raise InputError("name", "begins with a letter; lower-case letters, digits and _ only")
    now = settings.load()
    template = now.project_root / "robot" / "portals" / TEMPLATE
    if not (template / portal_profile.PROFILE).is_file():
        raise NotFound(f"The template {template} is not there.")
    target = (folder or now.portal_path[0]) / portal
    if target.exists():
        raise InputError("name", f"{target} exists already")
    shutil.copytree(template, target)
    for file in target.iterdir():
        if file.stem == TEMPLATE:
            file.rename(file.with_stem(portal))
    say(f"{target} is made. Fill in profile.yaml and the keywords, then:")
    say(f"  make portal-check PORTAL={portal}")


def portal_check(*, portal: options.Portal) -> None:
    """Check a portal folder without a browser: profile, contract keywords, forbidden means."""
    from billcopy import portal_check as checks  # robot's parser, slow to import

    now = settings.load()
    folder = portal_profile.find_folder(portal, now.portal_path)
    problems = checks.static_findings(folder)
    for problem in problems:
        complain(str(problem))
    if problems:
        raise typer.Exit(1)
    say(f"{portal}: the folder keeps the contract.")


COMMANDS = (
    stop,
    resume,
    close_breaker,
    portal_register,
    portal_set,
    portal_new,
    portal_check,
)
