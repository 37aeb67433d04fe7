"""The queue's status, and what waits for a person, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from billcopy.cli.output import say, table, when


def print_status(portals: Sequence[Mapping[str, Any]]) -> None:
    """Print one block per portal: open or closed, what waits, what needs a person."""
    if not portals:
        say("No portal is registered yet; `portal-register` does it.")
    for portal in portals:
        say(f"{portal['portal']} ({portal['title']}): {_door(portal)}", style="bold")
        for line in _lines(portal):
            say(f"  {line}")


def _lines(portal: Mapping[str, Any]) -> Iterator[str]:
    if closure := portal.get("closure"):
        yield f"{closure['opened_by']}{_backlog(closure['backlog'])}"
    elif portal.get("breaker_tries_one"):
        yield "the breaker's time is over: one request is tried, then it closes or opens again"
    if window := portal.get("maintenance"):
        yield _window(window)
    states = portal["states"]
    yield ", ".join(f"{count} {state}" for state, count in states.items()) or "no requests"
    if oldest := portal.get("oldest_queued_at"):
        yield f"the oldest queued request was received {when(oldest)}"
    if doubt := portal.get("in_doubt"):
        yield f"{doubt} deliveries are being sent or in doubt"
    if waiting := portal.get("needs_a_person"):
        yield f"{waiting} wait for a person: `worklist` shows them"
    yield f"sent today: {portal.get('sent_today', 0)}"
    if bot_run := portal.get("bot_run"):
        end = when(bot_run["finished_at"])
        ended = f"ended {end} ({bot_run['stop_reason']})" if end else "is working"
        yield f"bot run {bot_run['id']} started {when(bot_run['started_at'])}, {ended}"


def _door(portal: Mapping[str, Any]) -> str:
    closure = portal.get("closure")
    if not closure:
        return "open"
    since = f" since {when(closure['since'])}" if closure["since"] else ""
    until = f" until {when(closure['until'])}" if closure["until"] else ""
    words = f"closed{since}{until}: {closure['why']}"
    if closure["refusal"] == "BREAKER_OPEN" and portal.get("breaker_detail"):
        words += f" ({portal['breaker_detail']})"
    return words


def _backlog(backlog: Mapping[str, Any]) -> str:
    arriving = backlog["arriving"]
    coming = f", and about {arriving:g} arrive, as in past weeks" if arriving else ""
    return f"; {backlog['waiting']} requests will wait then{coming}"


def _window(window: Mapping[str, Any]) -> str:
    often = "weekly" if window["weekly"] else "once"
    hours = f"{when(window['starts_at'])} to {when(window['opens_at'])}"
    about = f"({often}, {window['time_zone']}): {window['reason']}"
    return f"maintenance {hours} {about}{_backlog(window['backlog'])}"


def print_worklist(found: Sequence[Mapping[str, Any]]) -> None:
    """Print what waits for a person, the longest waiting first."""
    if not found:
        say("Nothing waits for a person.")
        return
    table(
        ("request", "portal", "since", "state", "why", "what to do"),
        [
            (
                one["request_id"],
                one["portal"],
                when(one["since"]),
                one["state"],
                one["why"],
                one["next_action"],
            )
            for one in found
        ],
    )
