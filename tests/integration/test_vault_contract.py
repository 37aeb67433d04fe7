"""What we rely on in Vault, asked of the sandbox's server and, if one is given, of a real one.

A real server is given by `VAULT_ADDR` and `VAULT_TOKEN` (a token that may enable engines and write
policies and AppRoles). Everything is made under names of its own and taken away again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest

from billcopy import errors
from billcopy.credentials import (
    access_for_bot,
    health,
    open_session,
)
from billcopy.settings import Settings
from sandbox.secrets_server.provision import provision, read_portal_password
from tests.vault_contract import ask, bot_token, vault

__all__ = ["vault"]


# -- the way it is meant to go -------------------------------------------------------------------


def test_the_bot_reads_user_name_password_and_version(vault):
    with open_session(vault.access()) as session:
        credential = session.read_credential()
    assert (credential.username, credential.version) == ("svc-billcopy", 1)
    assert credential.password == vault.portal_password
    assert credential.path == f"{vault.mount}/{vault.path}"


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T12:00:00+01:00", datetime(2027, 1, 31, 11, tzinfo=UTC)),
        ("next spring", None),
        (None, None),
    ],
)
def test_the_bot_reads_when_the_password_expires(vault, said, moment):
    secret = {"username": "svc-billcopy", "password": "p"} | ({"expires_at": said} if said else {})
    with vault.admin() as admin:
        admin.secrets.kv.v2.create_or_update_secret(
            path=vault.path, secret=secret, mount_point=vault.mount
        )
    with open_session(vault.access()) as session:
        assert session.read_credential().expires_at == moment


def test_the_settings_lead_a_bot_to_its_credential(vault, tmp_path: Path):
    secret_id_file = tmp_path / "secret_id"
    secret_id_file.write_text(vault.roles.airflow_secret_id + "\n")
    found = Settings(
        vault_url=vault.url,
        vault_mount=vault.mount,
        vault_bot_role=vault.bot_role,
        vault_role_id=vault.roles.airflow_role_id,
        vault_secret_id_file=secret_id_file,
        lock_wait_seconds=3600,  # the wrapping lasts as long as the policy allows, not longer
    )
    with open_session(access_for_bot(found, "practice")) as session:
        assert session.read_credential().password == vault.portal_password


def test_an_open_session_reads_a_newer_version_once_there_is_one(vault):
    with open_session(vault.access()) as session:
        first = session.read_credential()
        assert vault.change_password("changed-meanwhile") == 2
        second = session.read_credential()
    assert (first.version, second.version) == (1, 2)
    assert second.password == "changed-meanwhile"


def test_an_older_version_and_the_metadata_can_still_be_read(vault):
    vault.change_password("changed-meanwhile")
    with vault.admin() as admin:
        kv = admin.secrets.kv.v2
        old = kv.read_secret_version(
            vault.path, version=1, mount_point=vault.mount, raise_on_deleted_version=True
        )
        metadata = kv.read_secret_metadata(vault.path, mount_point=vault.mount)
    assert old["data"]["data"]["password"] == vault.portal_password
    assert metadata["data"]["current_version"] == 2
    assert set(metadata["data"]["versions"]) == {"1", "2"}


def test_health_tells_that_it_is_unsealed_and_what_time_it_is(vault):
    state = health(vault.url)
    assert (state.initialized, state.sealed) == (True, False)
    assert abs(state.clock_ahead_seconds) < 30
    assert state.version


def test_a_set_up_server_tells_its_password_to_the_administrator_again(vault):
    ask = (vault.url, vault.root_token)
    assert read_portal_password(*ask, mount=vault.mount) == vault.portal_password
    assert read_portal_password(*ask, mount=vault.mount, portal="no-such") is None
    assert read_portal_password(*ask, mount="no-such-mount") is None


def test_setting_up_again_changes_no_secret_and_no_role_id(vault):
    again = provision(
        vault.url,
        vault.root_token,
        portal_password=vault.portal_password,
        database_passwords={"billcopy_bot": vault.database_password},
        airflow_connections={"billcopy_ops": vault.connection_uri},
        mount=vault.mount,
        airflow_role=vault.launcher_role,
        bot_role=vault.bot_role,
    )
    assert again.bot_role_id == vault.roles.bot_role_id
    assert again.airflow_role_id == vault.roles.airflow_role_id
    with open_session(vault.access()) as session:
        assert session.read_credential().version == 1


@pytest.mark.slow
def test_airflows_secrets_backend_reads_a_connection(vault, tmp_path: Path):
    kwargs = {
        "url": vault.url,
        "auth_type": "approle",
        "role_id": vault.roles.airflow_role_id,
        "secret_id": vault.roles.airflow_secret_id,
        "mount_point": vault.mount,
        "connections_path": "connections",
        "variables_path": None,
        "config_path": None,
    }
    script = (
        "import json, sys\n"
        "from airflow.providers.hashicorp.secrets.vault import VaultBackend\n"
        "backend = VaultBackend(**json.load(sys.stdin))\n"
        "found = [backend.get_conn_value(name) for name in ('billcopy_ops', 'no_such')]\n"
        "print('found:' + json.dumps(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=json.dumps(kwargs),
        env={"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(tmp_path / "airflow")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = next(line for line in done.stdout.splitlines() if line.startswith("found:"))
    assert json.loads(found.removeprefix("found:")) == [vault.connection_uri, None]


# -- who may do what -----------------------------------------------------------------------------


def test_the_launcher_cannot_have_a_secret_id_that_is_not_wrapped(vault):
    with vault.client() as client:
        client.auth.approle.login(vault.roles.airflow_role_id, vault.roles.airflow_secret_id)
        with pytest.raises(Forbidden):
            client.auth.approle.generate_secret_id(vault.bot_role)
        with pytest.raises(Forbidden):
            client.auth.approle.generate_secret_id(vault.bot_role, wrap_ttl="24h")


def test_the_launcher_cannot_read_the_password(vault):
    with vault.client() as client:
        client.auth.approle.login(vault.roles.airflow_role_id, vault.roles.airflow_secret_id)
        with pytest.raises(Forbidden):
            client.secrets.kv.v2.read_secret_version(
                vault.path, mount_point=vault.mount, raise_on_deleted_version=True
            )


@pytest.mark.parametrize("path", ["billcopy/database/billcopy_bot", "connections/billcopy_ops"])
def test_the_bot_can_read_nothing_but_portals(vault, path):
    with (
        open_session(vault.access(path=path)) as session,
        pytest.raises(errors.VaultDenied, match="refused to read"),
    ):
        session.read_credential()


def test_the_bot_cannot_write_a_credential(vault):
    with vault.client(bot_token(vault)) as client, pytest.raises(Forbidden):
        client.secrets.kv.v2.create_or_update_secret(
            vault.path, {"password": "x"}, mount_point=vault.mount
        )


def test_the_bot_can_issue_no_way_in_for_others(vault):
    with vault.client(bot_token(vault)) as client, pytest.raises(Forbidden):
        client.auth.approle.generate_secret_id(vault.bot_role, wrap_ttl="60s")


def test_no_token_and_an_invented_token_are_refused_alike(vault):
    for token in ("", "hvs.invented"):
        answer = ask(vault, "GET", f"{vault.mount}/data/{vault.path}", token=token)
        assert answer.status == 403
        assert "permission denied" in ", ".join(answer.body["errors"])


# -- secrets that are not as they should be ------------------------------------------------------


def test_a_path_with_nothing_at_it_is_missing(vault):
    with (
        open_session(vault.access(path="billcopy/portals/no-such")) as session,
        pytest.raises(errors.CredentialMissing, match="billcopy/portals/no-such"),
    ):
        session.read_credential()


def test_a_deleted_secret_is_missing(vault):
    with vault.admin() as admin:
        admin.secrets.kv.v2.delete_latest_version_of_secret(vault.path, mount_point=vault.mount)
    with open_session(vault.access()) as session, pytest.raises(errors.CredentialMissing):
        session.read_credential()


@pytest.mark.parametrize(
    ("secret", "named"),
    [
        ({"username": "svc-billcopy"}, "password"),
        ({"password": "only-a-password"}, "username"),
        ({"user": "svc-billcopy", "pass": "misnamed"}, "username, password"),
        ({"username": "svc-billcopy", "password": ""}, "password"),
        ({"username": "svc-billcopy", "password": 12345678}, "password"),
    ],
)
def test_a_secret_without_its_keys_is_incomplete(vault, secret, named):
    with vault.admin() as admin:
        admin.secrets.kv.v2.create_or_update_secret(vault.path, secret, mount_point=vault.mount)
    with (
        open_session(vault.access()) as session,
        pytest.raises(errors.CredentialIncomplete, match=f"version 2 lacks {named}$") as caught,
    ):
        session.read_credential()
    assert not any(str(value) in str(caught.value) for value in secret.values() if value)


def test_a_write_that_expects_another_version_is_refused(vault):
    with vault.admin() as admin, pytest.raises(InvalidRequest, match="check-and-set"):
        admin.secrets.kv.v2.create_or_update_secret(
            vault.path, {"password": "x"}, cas=7, mount_point=vault.mount
        )


# -- shapes of errors ----------------------------------------------------------------------------


def test_nothing_found_is_404_without_words(vault):
    answer = ask(vault, "GET", f"{vault.mount}/data/no/such", token=vault.root_token)
    assert (answer.status, answer.body) == (404, {"errors": []})
    with vault.admin() as admin, pytest.raises(InvalidPath):
        admin.secrets.kv.v2.list_secrets("no/such", mount_point=vault.mount)


def test_malformed_json_is_400_and_quotes_nothing(vault):
    answer = ask(vault, "POST", "auth/approle/login", body='{"role_id": "a", "secret_id": "s3')
    assert answer.status == 400
    assert "s3" not in json.dumps(answer.body)
    assert isinstance(answer.body["errors"][0], str)


def test_a_login_without_its_parts_is_400(vault):
    assert ask(vault, "POST", "auth/approle/login", body="{}").status in (400, 500)


def test_keys_are_listed_a_folder_at_a_time(vault):
    with vault.admin() as admin:
        listed = admin.secrets.kv.v2.list_secrets("billcopy", mount_point=vault.mount)
    assert listed["data"]["keys"] == ["database/", "portals/"]
