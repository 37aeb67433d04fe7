"""The desk inside Airflow's api-server: Airflow's login, and Airflow's connection to the queue."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf

from billcopy import database, settings
from billcopy.airflow_parts import connections
from billcopy.airflow_parts.desk_mount import RESOURCE
from billcopy.desk.access import Person
from billcopy.desk.app import create_app
from billcopy.errors import DatabaseUnavailable, NotPermitted

# SimpleAuthManager lets everybody who may look at a page also change it; its roles tell them apart.
SIMPLE_ROLES_THAT_WRITE = {"admin", "op", "user"}


def make_app() -> Any:
    """The desk with Airflow around it."""
    base_url = conf.get("api", "base_url", fallback="")
    return create_app(
        person=signed_in,
        connect=DeskConnections(),
        sign_in_url=sign_in_url,
        origins=[base_url] if urlsplit(base_url).netloc else [],
        evidence_url=settings.load().evidence_url,
    )


def signed_in(user: GetUserDep) -> Person:
    """Who is signed in to Airflow, under the name that the history keeps.

    Raises:
        NotPermitted: Airflow does not let them look at the resource "Bill copies".
    """
    if not _may("GET", user):
        raise NotPermitted(
            "Your login may not use the desk; Airflow's administrator can change that."
        )
    role = getattr(user, "role", None)  # SimpleAuthManager's users alone have one
    writes = role is None or str(role).lower() in SIMPLE_ROLES_THAT_WRITE
    return Person(name=user.get_name(), may_write=writes and _may("POST", user))


def _may(method: Any, user: Any) -> bool:
    allowed = get_auth_manager().is_authorized_custom_view(
        method=method, resource_name=RESOURCE, user=user
    )
    return bool(allowed)


def sign_in_url(back_to: str) -> str:
    """Airflow's page for signing in, which leads back."""
    return f"{get_auth_manager().get_url_login()}?next={quote(back_to, safe='')}"


class DeskConnections:
    """Opens connections of `billcopy_desk`; reads Airflow's once, and again when it is refused."""

    def __init__(self) -> None:
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
        parameters = connections.desk_parameters()
        connection = database.connect_to(parameters)
        self._parameters = parameters
        return connection
