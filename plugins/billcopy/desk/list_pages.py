"""The first page: the form that logs a request, and the list on which it is watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from billcopy import request_queue
from billcopy.database import Connection
from billcopy.desk import rendering, request_form, times, words
from billcopy.desk.access import Person, Reader, Writer
from billcopy.desk.request_form import RequestForm
from billcopy.desk.typed import Form, number
from billcopy.errors import AlreadyOpen, DatabaseUnavailable, InputError
from billcopy.model import DeskPortal, NewRequest

PAGE_LENGTH = 25
router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class View:
    """Which requests the list shows. No address ever holds an account number or a reference."""

    group: words.Group
    whose: Literal["mine", "all"]
    same: Literal["account", "reference"] | None = None
    as_request_id: int | None = None
    before_id: int | None = None

    def address(self, **changes: Any) -> str:
        """The query of this view, changed."""
        new = replace(self, **{"before_id": None, **changes})
        parts = {
            "show": new.group.slug if new.group.slug != "all" else None,
            "whose": new.whose if new.whose != "mine" else None,
            "same": new.same,
            "as": new.as_request_id,
            "before": new.before_id,
        }
        query = urlencode({name: value for name, value in parts.items() if value is not None})
        return f"?{query}" if query else ""


def _view(query: Mapping[str, str]) -> View:
    same, as_request_id = query.get("same"), number(query.get("as"))
    return View(
        group=words.group(query.get("show", "all")),
        whose="all" if query.get("whose") == "all" else "mine",
        same=same if same in ("account", "reference") and as_request_id else None,  # type: ignore[arg-type]
        as_request_id=as_request_id,
        before_id=number(query.get("before")),
    )


@router.get("/")
def requests_page(request: Request, person: Reader) -> Response:
    """The form and the list."""
    with request.app.state.connect() as connection:
        portals = _portals(request, connection)
        form = request_form.blank(portals)
        return _page(request, connection, person=person, form=form, portals=portals)


@router.get("/live")
def live_list(request: Request, person: Reader) -> Response:
    """The list alone, for a page that is open."""
    with request.app.state.connect() as connection:
        known = _list(request, connection, person=person)
        portals = _portals(request, connection)
    return rendering.live(request, "list_live.html", portals=portals, **known)


@router.post("/requests")
def log_request(request: Request, person: Writer, typed: Form) -> Response:
    """Enter the request of the form; or the form again, with what is wrong beside each field."""
    form = request_form.read(typed)
    try:
        with request.app.state.connect() as connection:
            portals = _portals(request, connection)
            if shortcut := typed.get("shortcut"):
                form = _with_shortcut(form, shortcut, portals)
                return _page(request, connection, person=person, form=form, portals=portals)
            answer = _enter(connection, form, person)
            if isinstance(answer, int):
                return rendering.see(request, f"/?logged={answer}")
            return _page(
                request, connection, person=person, form=answer, portals=portals, status=422
            )
    except DatabaseUnavailable:
        if not (portals := request.app.state.last_portals):
            raise
        said = "The database does not answer. What you typed is still here: press “Log request”"
        form = replace(form, message=f"{said} again in a minute. It enters once.")
        known = {"form": form, "portals": portals, "form_problem": form.first_problem}
        return rendering.page(request, "form_alone.html", status=503, **known)


@router.post("/find")
def find(request: Request, person: Reader, typed: Form) -> Response:
    """Go to the request with this number, or to the list of its reference or account number.

    What is looked for may be an account number: it comes by POST, and no address holds it.
    """
    looked_for = typed.get("text", "").strip()[:200]
    with request.app.state.connect() as connection:
        found = None
        if looked_for.isprintable() and looked_for:
            found = request_queue.find_request(connection, looked_for)
        if found is None:
            portals = _portals(request, connection)
            return _page(
                request,
                connection,
                person=person,
                form=request_form.blank(portals),
                portals=portals,
                looked_for=looked_for,
            )
    if found.found_by == "number":
        return rendering.see(request, f"/requests/{found.request_id}")
    query = {"whose": "all", "same": found.found_by, "as": found.request_id}
    return rendering.see(request, f"/?{urlencode(query)}")


def _enter(connection: Connection, form: RequestForm, person: Person) -> int | RequestForm:
    new, problems = request_form.as_request(form)
    if new is None:
        return replace(form, problems=problems)
    try:
        submitted = request_queue.submit(connection, new, actor=person.name)
    except InputError as error:
        if error.field in request_form.FIELDS:
            problem = words.problem(error.field, error.rule)
            return replace(form, problems={error.field: problem})
        return replace(form, message=words.problem(error.field, error.rule))
    except AlreadyOpen as error:
        return replace(form, message="The same is asked for already:", twin=error.request_id)
    if submitted.entered or _is_this(connection, submitted.request_id, new):
        return submitted.request_id
    # Somebody came back to a form that had entered, and changed it: they mean another request.
    fresh = RequestForm(values=form.values)
    said = "This form was logged before, with something else in it. Press “Log request” again"
    return replace(
        fresh,
        message=f"{said} to log this as another request. Before, it was:",
        twin=submitted.request_id,
    )


def _is_this(connection: Connection, request_id: int, new: NewRequest) -> bool:
    return request_queue.asks_the_same(connection, request_id, new)


def _with_shortcut(form: RequestForm, key: str, portals: list[DeskPortal]) -> RequestForm:
    today = next((p.today for p in portals if p.name == form.value("portal")), None)
    if today is None:
        return form
    for name, _, first, last in times.shortcuts(today):
        if name == key:
            return request_form.filled(form, first, last)
    return form


def _portals(request: Request, connection: Connection) -> list[DeskPortal]:
    portals = request_queue.desk_portals(connection)
    request.app.state.last_portals = portals
    return portals


def _list(request: Request, connection: Connection, *, person: Person) -> dict[str, Any]:
    view = _view(request.query_params)
    mine = person.name if view.whose == "mine" else None
    found = request_queue.list_requests(
        connection,
        states=view.group.states,
        needs_a_person=view.group.needs_a_person,
        requested_by=mine,
        same=view.same,
        as_request_id=view.as_request_id,
        before_id=view.before_id,
        limit=PAGE_LENGTH + 1,
    )
    shown = found[:PAGE_LENGTH]
    return {
        "view": view,
        "requests": shown,
        "older": view.address(before_id=shown[-1].id) if len(found) > PAGE_LENGTH else None,
        "open_counts": request_queue.count_open_requests(connection, requested_by=mine),
        "needing_a_person": request_queue.count_needing_a_person(connection, requested_by=mine),
        "otherwise_zone": None,
    }


def _page(
    request: Request,
    connection: Connection,
    *,
    person: Person,
    form: RequestForm,
    portals: list[DeskPortal],
    status: int = 200,
    looked_for: str | None = None,
) -> Response:
    known = _list(request, connection, person=person)
    logged = _logged(request, known["requests"], person)
    known["otherwise_zone"] = portals[0].time_zone if portals else None
    live = f"/live{known['view'].address(before_id=known['view'].before_id)}"
    return rendering.page(
        request,
        "requests.html",
        status=status,
        form=form,
        form_problem=form.first_problem,
        portals=portals,
        logged=logged,
        live=live,
        looked_for=looked_for,
        **known,
    )


def _logged(request: Request, shown: list[Any], person: Person) -> Any:
    """The request that this person has just logged, for the message above the form."""
    logged = number(request.query_params.get("logged"))
    mine = (one for one in shown if one.id == logged and one.requested_by == person.name)
    return next(mine, None)
