"""The way in: wrapping, signing in, a token's life; at the servers of the contract with Vault."""

from __future__ import annotations

import pytest
from hvac.exceptions import Forbidden, InvalidRequest

from billcopy import errors
from billcopy.credentials import (
    issue_wrapped_secret_id,
    open_session,
)
from tests.vault_contract import ask, bot_token, set_role, vault

__all__ = ["vault"]


# -- the wrapping --------------------------------------------------------------------------------


def test_a_wrapped_secret_id_opens_once(vault):
    access = vault.access()
    with open_session(access) as session:
        with pytest.raises(errors.WrappingInvalid):
            open_session(access)
        assert session.read_credential().version == 1  # the first one is not disturbed


def test_a_tampered_wrapping_token_is_an_incident(vault):
    wrapped = vault.wrapped_secret_id()
    tampered = wrapped[:-4] + "AAAA"
    with pytest.raises(errors.WrappingInvalid):
        open_session(vault.access(wrapped_secret_id=tampered))


def test_an_expired_wrapping_is_an_incident(vault):
    wrapped = vault.wrapped_secret_id(ttl_seconds=1)
    vault.pass_time(1.5)
    with pytest.raises(errors.WrappingInvalid):
        open_session(vault.access(wrapped_secret_id=wrapped))


def test_a_secret_id_that_somebody_opened_and_wrapped_again_is_an_incident(vault):
    with vault.client(vault.wrapped_secret_id()) as thief:
        stolen = thief.sys.unwrap()["data"]
    with vault.admin() as admin:
        wrapped = admin.sys.wrap(payload=stolen, ttl=60)["wrap_info"]["token"]
    with pytest.raises(errors.WrappingInvalid, match="was not made by"):
        open_session(vault.access(wrapped_secret_id=wrapped))


def test_a_secret_id_of_another_role_is_an_incident(vault):
    with vault.admin() as admin:
        answer = admin.auth.approle.generate_secret_id(vault.launcher_role, wrap_ttl="60s")
    with pytest.raises(errors.WrappingInvalid, match="was not made by"):
        open_session(vault.access(wrapped_secret_id=answer["wrap_info"]["token"]))


def test_a_wrapping_token_is_good_for_nothing_else(vault):
    wrapped = vault.wrapped_secret_id()
    with vault.client(wrapped) as client, pytest.raises(Forbidden):
        client.secrets.kv.v2.read_secret_version(
            vault.path, mount_point=vault.mount, raise_on_deleted_version=True
        )
    with pytest.raises(errors.WrappingInvalid):  # the attempt has used it up
        open_session(vault.access(wrapped_secret_id=wrapped))


# -- signing in ----------------------------------------------------------------------------------


@pytest.mark.parametrize("role_id", ["00000000-0000-0000-0000-000000000000", "not-even-a-uuid"])
def test_a_wrong_role_id_is_denied(vault, role_id):
    with pytest.raises(errors.VaultDenied, match="refused to sign in"):
        open_session(vault.access(role_id=role_id))


def test_the_role_id_of_another_role_is_denied(vault):
    with pytest.raises(errors.VaultDenied, match="refused to sign in"):
        open_session(vault.access(role_id=vault.roles.airflow_role_id))


def test_a_spent_secret_id_is_denied(vault):
    with vault.client(vault.wrapped_secret_id()) as client:
        secret_id = client.sys.unwrap()["data"]["secret_id"]
    with vault.client() as client:
        client.auth.approle.login(vault.roles.bot_role_id, secret_id)
        with pytest.raises(InvalidRequest):
            client.auth.approle.login(vault.roles.bot_role_id, secret_id)


def test_an_expired_secret_id_is_denied(vault):
    set_role(vault, secret_id_ttl="1s")
    with vault.client(vault.wrapped_secret_id()) as client:
        secret_id = client.sys.unwrap()["data"]["secret_id"]
    vault.pass_time(1.5)
    with vault.client() as client, pytest.raises(InvalidRequest):
        client.auth.approle.login(vault.roles.bot_role_id, secret_id)


def test_a_launcher_with_a_wrong_secret_id_gets_nothing(vault):
    with pytest.raises(errors.VaultDenied, match="refused to sign in"):
        issue_wrapped_secret_id(
            url=vault.url,
            role_id=vault.roles.airflow_role_id,
            secret_id="not-mine",
            bot_role=vault.bot_role,
        )


def test_a_launcher_gets_nothing_of_a_role_that_is_not_its_bots(vault):
    with pytest.raises(errors.VaultDenied, match="refused to read the role id"):
        issue_wrapped_secret_id(
            url=vault.url,
            role_id=vault.roles.airflow_role_id,
            secret_id=vault.roles.airflow_secret_id,
            bot_role="somebody-elses-role",
        )


# -- a token's life ------------------------------------------------------------------------------


def test_the_bots_token_is_dead_after_the_session(vault):
    session = open_session(vault.access())
    token = session._vault.client.token
    with vault.client(token) as client:
        data = client.auth.token.lookup_self()["data"]
        assert data["policies"] == [vault.bot_role]
        assert 0 < data["ttl"] <= 900
    session.revoke()
    session.revoke()  # a second time does no harm
    assert ask(vault, "GET", "auth/token/lookup-self", token=token).status == 403


def test_the_bots_token_is_dead_after_a_session_that_failed(vault):
    session = open_session(vault.access(path="billcopy/portals/no-such"))
    token = session._vault.client.token
    with pytest.raises(errors.CredentialMissing), session:
        session.read_credential()
    assert ask(vault, "GET", "auth/token/lookup-self", token=token).status == 403


def test_an_expired_token_reads_nothing(vault):
    set_role(vault, token_ttl="1s", token_max_ttl="2s")
    with open_session(vault.access()) as session:
        vault.pass_time(1.5)
        with pytest.raises(errors.VaultDenied):
            session.read_credential()


def test_a_token_that_may_be_used_twice_is_dead_after_that(vault):
    set_role(vault, token_num_uses=2)
    token = bot_token(vault)
    path = f"{vault.mount}/data/{vault.path}"
    assert [ask(vault, "GET", path, token=token).status for _ in range(3)] == [200, 200, 403]


def test_renewing_prolongs_a_tokens_life_but_not_beyond_its_longest(vault):
    set_role(vault, token_ttl="4s", token_max_ttl="6s")
    token = bot_token(vault)
    with vault.client(token) as client:
        vault.pass_time(2)
        assert client.auth.token.renew_self()["auth"]["lease_duration"] <= 4
        vault.pass_time(2)
        assert client.auth.token.renew_self()["auth"]["lease_duration"] <= 2
    vault.pass_time(2.5)
    assert ask(vault, "GET", "auth/token/lookup-self", token=token).status == 403
