"""The desk as Airflow's plugin: who may do what, which connection it uses, what it costs."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from billcopy import errors, request_queue
from billcopy.database import Login
from tests.airflow_fixtures import import_airflow
from tests.database_fixtures import Database

import_airflow()
from billcopy.airflow_parts import connections, desk_mount  # noqa: E402


@pytest.fixture
def access() -> Any:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own
        from billcopy.airflow_parts import desk_access
    return desk_access


class Manager:
    """As much of an auth manager as the desk asks."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = allowed

    def is_authorized_custom_view(self, *, method: str, resource_name: str, user: Any) -> bool:
        return f"{method} {resource_name}" in self.allowed

    def get_url_login(self) -> str:
        return "http://airflow/auth/login"


LOOK, WRITE, DECIDE = "GET Bill copies", "POST Bill copies", "POST Doubtful bill copies"


@pytest.mark.parametrize(
    ("role", "writes", "decides"),
    [
        ("ADMIN", True, True),
        ("op", True, True),
        ("user", True, False),
        ("viewer", False, False),
        (None, True, True),
    ],
)
def test_roles_of_the_simple_manager_tell_who_may_what(
    access: Any, monkeypatch: pytest.MonkeyPatch, role: str | None, writes: bool, decides: bool
) -> None:
    monkeypatch.setattr(access, "get_auth_manager", lambda: Manager(LOOK, WRITE, DECIDE))
    user = SimpleNamespace(get_name=lambda: "mary", **({"role": role} if role else {}))
    person = access.signed_in(user)
    assert (person.name, person.may_write, person.may_decide) == ("mary", writes, decides)


def test_a_manager_with_permissions_of_its_own_is_asked_for_each(
    access: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = SimpleNamespace(get_name=lambda: "mary")
    for allowed, writes, decides in (
        ([LOOK], False, False),
        ([LOOK, WRITE], True, False),
        ([LOOK, WRITE, DECIDE], True, True),
    ):
        manager = Manager(*allowed)
        monkeypatch.setattr(access, "get_auth_manager", lambda found=manager: found)
        person = access.signed_in(user)
        assert (person.may_write, person.may_decide) == (writes, decides)
    monkeypatch.setattr(access, "get_auth_manager", Manager)
    with pytest.raises(errors.NotPermitted):
        access.signed_in(user)


def test_signing_in_leads_back(access: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "get_auth_manager", Manager)
    url = access.sign_in_url("/bill-copies/?show=sent")
    assert url == "http://airflow/auth/login?next=%2Fbill-copies%2F%3Fshow%3Dsent"


def test_a_new_password_is_read_when_the_old_one_is_refused(
    access: Any, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    asked = []

    def parameters(name: str) -> dict[str, Any]:
        asked.append(name)
        return dict(database.parameters(Login.DESK))

    monkeypatch.setattr(connections, "read_parameters", parameters)
    connect = access.Connections("billcopy_desk")
    for _ in range(3):
        with connect() as connection:
            assert request_queue.desk_portals(connection)
    assert asked == ["billcopy_desk"]
    connect._parameters["password"] = "of yesterday"
    with connect() as connection:
        assert request_queue.desk_portals(connection)
    assert asked == ["billcopy_desk"] * 2


def test_a_connection_nobody_has_set_up_is_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_name: str) -> None:
        raise LookupError("postgres://billcopy_desk:secret@host is not there")

    monkeypatch.setattr(connections.BaseHook, "get_connection", none)
    with pytest.raises(errors.DatabaseUnavailable) as caught:
        connections.read_parameters("billcopy_desk")
    assert "secret" not in caught.value.message


def test_the_desk_is_in_airflows_navigation() -> None:
    import billcopy_plugin

    (view,) = billcopy_plugin.BillCopyPlugin.external_views
    (mounted,) = billcopy_plugin.BillCopyPlugin.fastapi_apps
    assert view["href"] == f"{mounted['url_prefix']}/" == f"{desk_mount.PREFIX}/"


def test_a_process_that_shows_no_page_loads_no_library_for_one() -> None:
    code = (
        "import sys; from billcopy.airflow_parts.desk_mount import Desk; Desk();"
        "print([name for name in ('fastapi', 'jinja2', 'billcopy.desk') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stdout.strip() == "[]"
