"""One request: its story in plain words, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from billcopy import evidence, request_queue
from billcopy.database import Connection
from billcopy.desk import changes, doubts, narration, rendering, words
from billcopy.desk.access import Decider, Reader, Writer
from billcopy.desk.typed import Form, number
from billcopy.errors import IllegalTransition, InputError, NotFound

DONE = {name: change.done for name, change in changes.CHANGES.items()} | doubts.DONE

router = APIRouter(prefix="/requests/{request_id}")


@router.get("")
def story_page(request: Request, request_id: str, _: Reader) -> Response:
    """The whole story."""
    with request.app.state.connect() as connection:
        done = DONE.get(request.query_params.get("done", ""))
        return _page(request, connection, _number(request_id), done=done)


@router.get("/live")
def live_story(request: Request, request_id: str, _: Reader) -> Response:
    """The parts that change, for a page that is open."""
    with request.app.state.connect() as connection:
        known = _story(connection, _number(request_id))
    return rendering.live(
        request, "request_live.html", account=None, typed={}, problems={}, **known
    )


@router.post("/change")
def change(request: Request, request_id: str, person: Writer, typed: Form) -> Response:
    """One of the buttons; or the page again, with what is wrong."""
    with request.app.state.connect() as connection:
        asked = _number(request_id)
        try:
            name = changes.apply(connection, asked, typed, actor=person.name)
        except InputError as error:
            problems = {error.field: words.problem(error.field, error.rule)}
        except IllegalTransition as error:
            problems = {"change": error.message}
        else:
            return rendering.see(request, f"/requests/{asked}?done={name}")
        return _page(request, connection, asked, status=422, typed=typed, problems=problems)


@router.post("/doubt")
def decide(request: Request, request_id: str, person: Decider, typed: Form) -> Response:
    """What became of a doubtful bill; or the page again, with what is wrong."""
    state, who = request.app.state, {"actor": person.name}
    with state.connect() as connection:
        asked = _number(request_id)
        told = request_queue.story(connection, asked)
        try:
            doubt = doubts.check(told, typed, **who)
            reason = changes.reason_of(typed)
            with state.connect_operations() as operations:
                name = doubts.decide(operations, doubt, typed, reason=reason, **who)
        except InputError as error:
            problems = {"doubt_reason": words.problem(error.field, error.rule)}
        except IllegalTransition as error:
            problems = {"doubt": error.message}
        else:
            return rendering.see(request, f"/requests/{asked}?done={name}")
        return _page(request, connection, asked, status=422, typed=typed, problems=problems)


@router.post("/account")
def reveal(request: Request, request_id: str, person: Writer, typed: Form) -> Response:
    """The account number in clear, once; who asked and why is in the story first."""
    with request.app.state.connect() as connection:
        asked = _number(request_id)
        try:
            reason = changes.reason_of(typed)
        except InputError as error:
            problems = {"account": words.problem(error.field, error.rule)}
            return _page(request, connection, asked, status=422, typed=typed, problems=problems)
        account = request_queue.reveal_account(connection, asked, actor=person.name, reason=reason)
        return _page(request, connection, asked, account=account)


@router.get("/pictures/{evidence_id}")
def picture(request: Request, request_id: str, evidence_id: str, _: Reader) -> Response:
    """What the bot saw, covered but for what the portal folder lets be seen."""
    with request.app.state.connect() as connection:
        told = request_queue.story(connection, _number(request_id))
    found = [one for one in told.evidence if str(one["id"]) == evidence_id and _is_picture(one)]
    if not found or request.app.state.evidence_url is None:
        raise NotFound
    stored = evidence.Stored(url=found[0]["url"], digest=found[0]["digest"])
    try:
        content = evidence.load(request.app.state.evidence_url, stored)
    except OSError:
        raise NotFound from None
    return Response(content, media_type="image/jpeg")


def _is_picture(one: Mapping[str, Any]) -> bool:
    return str(one["url"]).endswith(".jpg") and not one.get("erased_at")


def _number(text: str) -> int:
    found = number(text)
    if found is None:
        raise NotFound
    return found


def _story(connection: Connection, request_id: int) -> dict[str, Any]:
    told = request_queue.story(connection, request_id)
    return {
        "one": told.request,
        "bills": narration.bills(told),
        "timeline": narration.timeline(told),
        "steps": narration.steps(told),
        "pictures": narration.pictures([one for one in told.evidence if _is_picture(one)], told),
        "next_step": narration.next_step(told),
        "next_try": narration.next_try(told.request),
        "possible": changes.possible(told),
        "doubts": doubts.waiting(told),
        "otherwise_zone": told.request["time_zone"],
    }


def _page(
    request: Request,
    connection: Connection,
    request_id: int,
    *,
    status: int = 200,
    done: str | None = None,
    account: str | None = None,
    typed: dict[str, str] | None = None,
    problems: dict[str, str] | None = None,
) -> Response:
    return rendering.page(
        request,
        "request.html",
        status=status,
        done=done,
        account=account,
        typed=typed or {},
        problems=problems or {},
        **_story(connection, request_id),
    )
