"""The desk inside Airflow's api-server: Airflow's login, and Airflow's connection to the queue."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf

from billcopy import database, settings
from billcopy.airflow_parts import connections
from billcopy.airflow_parts.desk_mount import DOUBTS_RESOURCE, RESOURCE
from billcopy.desk.access import Person
from billcopy.desk.app import create_app
from billcopy.errors import DatabaseUnavailable, NotPermitted

# SimpleAuthManager lets everybody who may look at a page also change it; its roles tell them apart.
SIMPLE_ROLES_THAT_WRITE = {"admin", "op", "user"}
SIMPLE_ROLES_THAT_DECIDE = {"admin", "op"}


def make_app() -> Any:
    """The desk with Airflow around it."""
    base_url = conf.get("api", "base_url", fallback="")
    return create_app(
        person=signed_in,
        connect=Connections(connections.DESK),
        connect_operations=Connections(connections.OPS),
        sign_in_url=sign_in_url,
        origins=[base_url] if urlsplit(base_url).netloc else [],
        evidence_url=settings.load().evidence_url,
    )


def signed_in(user: GetUserDep) -> Person:
    """Who is signed in to Airflow, under the name that the history keeps.

    Raises:
        NotPermitted: Airflow does not let them look at the resource "Bill copies".
    """
    if not _may("GET", RESOURCE, user):
        raise NotPermitted(
            "Your login may not use the desk; Airflow's administrator can change that."
        )
    may_write = _has_role(user, SIMPLE_ROLES_THAT_WRITE) and _may("POST", RESOURCE, user)
    may_decide = _has_role(user, SIMPLE_ROLES_THAT_DECIDE) and _may("POST", DOUBTS_RESOURCE, user)
    return Person(name=user.get_name(), may_write=may_write, may_decide=may_write and may_decide)


def _has_role(user: Any, roles: Collection[str]) -> bool:
    role = getattr(user, "role", None)  # SimpleAuthManager's users alone have one
    return role is None or str(role).lower() in roles


def _may(method: Any, resource: str, user: Any) -> bool:
    allowed = get_auth_manager().is_authorized_custom_view(
        method=method, resource_name=resource, user=user
    )
    return bool(allowed)


def sign_in_url(back_to: str) -> str:
    """Airflow's page for signing in, which leads back."""
    return f"{get_auth_manager().get_url_login()}?next={quote(back_to, safe='')}"


class Connections:
    """Opens connections of one login; reads Airflow's once, and again when it is refused."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._parameters: dict[str, Any] | None = None

    @contextlib.contextmanager
    def __call__(self) -> Iterator[database.Connection]:
        """A connection, closed on leaving.

        Raises:
            DatabaseUnavailable: no answer, the login was refused, or nobody has set it up.
        """
        with contextlib.closing(self._connected()) as connection:
            yield connection

    def _connected(self) -> database.Connection:
        if (known := self._parameters) is not None:
            try:
                return database.connect_to(known)
            except DatabaseUnavailable:
                self._parameters = None  # the password may be a new one
        parameters = connections.read_parameters(self._name)
        connection = database.connect_to(parameters)
        self._parameters = parameters
        return connection
