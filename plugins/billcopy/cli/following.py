"""Commands that look: the queue's status, one request's story."""

from __future__ import annotations

from typing import Annotated

import typer

from billcopy import request_queue
from billcopy.cli import connections, options, status_text, story_text
from billcopy.cli.output import as_json, say


def status(
    *,
    portal: Annotated[str | None, typer.Option(help="This portal only.")] = None,
    json: options.AsJson = False,
) -> None:
    """Show what waits, what is in hand, and which portal is closed and why."""
    with connections.desk() as connection:
        found = request_queue.status(connection, portal)
    if json:
        as_json(found)
        return
    status_text.print_status(found)


def story(
    *,
    request_id: options.RequestId,
    keywords: Annotated[
        bool, typer.Option("--keywords", help="Also each keyword of the bot, with its time.")
    ] = False,
    json: options.AsJson = False,
) -> None:
    """Tell everything about one request, in the order it happened."""
    with connections.desk() as connection:
        told = request_queue.story(connection, request_id)
    if json:
        as_json(told.__dict__)
        return
    story_text.print_story(told, keywords=keywords)


def reveal(*, request_id: options.RequestId, actor: options.Actor, reason: options.Reason) -> None:
    """Show a request's account number in full; who asked and why is recorded."""
    with connections.desk() as connection:
        say(request_queue.reveal_account(connection, request_id, actor=actor, reason=reason))


def worklist(
    *,
    portal: Annotated[str | None, typer.Option(help="This portal only.")] = None,
    json: options.AsJson = False,
) -> None:
    """List what waits for a person, the longest waiting first, and what to do about it."""
    with connections.desk() as connection:
        found = request_queue.worklist(connection, portal)
    if json:
        as_json(found)
        return
    status_text.print_worklist(found)


def worklist_done(
    *, request_ids: options.RequestIds, actor: options.Actor, reason: options.Reason
) -> None:
    """Take failed requests off the worklist: somebody has seen to them in another way."""
    with connections.desk() as connection:
        for request_id in request_ids:
            request_queue.look_after(connection, request_id, actor=actor, reason=reason)
            say(f"Request {request_id} is off the worklist.")


COMMANDS = (status, story, worklist, worklist_done, reveal)
