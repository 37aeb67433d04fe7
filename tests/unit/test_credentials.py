"""A password is seen by whoever asks for exactly it, and by nobody else."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from pathlib import Path

import pytest
from urllib3.exceptions import NewConnectionError, ProtocolError

from billcopy import errors, settings
from billcopy.credentials import Credential, VaultAccess, WrappedSecretId, access_for_bot
from billcopy.vault_client import RETRIES, Vault

PASSWORD = "correct horse battery"


@pytest.fixture
def credential() -> Credential:
    return Credential(path="secret/p", version=3, username="svc-billcopy", password=PASSWORD)


def test_a_credential_shows_user_and_version_but_not_its_password(credential, caplog):
    caplog.set_level(logging.DEBUG)
    logging.getLogger("test").info("%s %r", credential, credential)
    for text in (repr(credential), str(credential), f"{credential}", caplog.text):
        assert PASSWORD not in text
        assert "svc-billcopy" in text
        assert "version=3" in text
    assert credential.password == PASSWORD


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_credential_can_be_neither_pickled_nor_copied(credential, way):
    with pytest.raises(TypeError, match="holds a secret"):
        way(credential)


def test_a_credential_can_be_neither_serialised_nor_listed(credential):
    with pytest.raises(TypeError):
        json.dumps(credential)
    with pytest.raises(TypeError):
        vars(credential)


def test_a_client_with_its_token_cannot_be_pickled():
    vault = Vault("http://127.0.0.1:9", namespace=None, ca_file=None)
    with pytest.raises(TypeError, match="holds a secret"):
        pickle.dumps(vault)
    vault.close()


def test_a_way_in_is_not_shown():
    access = VaultAccess(url="http://v", path="p", role_id="r", wrapped_secret_id="hvs.wrapped")
    assert "hvs.wrapped" not in repr(access)
    assert "hvs.wrapped" not in repr(WrappedSecretId(token="hvs.wrapped", bot_role_id="r"))


def test_the_environment_neither_lends_a_token_nor_redirects(monkeypatch, tmp_path: Path):
    ca_file = tmp_path / "ca.pem"
    ca_file.touch()
    monkeypatch.setenv("VAULT_TOKEN", "hvs.from-the-environment")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    vault = Vault("https://vault.example", namespace="team", ca_file=str(ca_file))
    assert vault.client.token == ""
    assert vault.client.adapter.session.trust_env is False
    assert vault.client.adapter.session.verify == str(ca_file)
    assert vault.client.adapter.namespace == "team"
    vault.close()


def test_only_a_connection_that_never_was_is_retried_for_a_one_time_request():
    never = NewConnectionError(None, "refused")  # type: ignore[arg-type]
    lost = ProtocolError("connection reset")
    assert RETRIES.increment("POST", "/", error=never).connect == 2
    with pytest.raises(ProtocolError):
        RETRIES.increment("POST", "/", error=lost)
    assert RETRIES.increment("GET", "/", error=lost).read == 0


def test_each_cause_has_a_code_of_its_own_and_counts_as_an_application_error():
    kinds = [
        errors.VaultUnavailable,
        errors.VaultSealed,
        errors.VaultDenied,
        errors.WrappingInvalid,
        errors.CredentialMissing,
        errors.CredentialIncomplete,
    ]
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert {kind.error_class for kind in kinds} == {"application"}


def test_a_missing_ca_file_is_named():
    with pytest.raises(errors.SettingsError, match="BILLCOPY_VAULT_CA_FILE: there is no file"):
        Vault("https://vault.example", namespace=None, ca_file="/no/such/ca.pem")


@pytest.mark.parametrize("left_out", ["vault_url", "vault_role_id", "vault_secret_id_file"])
def test_a_missing_setting_is_named(left_out, tmp_path: Path):
    given = {
        "vault_url": "http://127.0.0.1:9",
        "vault_role_id": "role",
        "vault_secret_id_file": tmp_path / "absent",
    }
    with pytest.raises(errors.SettingsError) as caught:
        access_for_bot(settings.Settings(**(given | {left_out: None})), "practice")
    assert caught.value.field == f"BILLCOPY_{left_out.upper()}"


def test_an_unreadable_secret_id_file_is_named(tmp_path: Path):
    found = settings.Settings(
        vault_url="http://127.0.0.1:9",
        vault_role_id="role",
        vault_secret_id_file=tmp_path / "absent",
    )
    with pytest.raises(errors.SettingsError, match=r"absent cannot be read \(No such file"):
        access_for_bot(found, "practice")
