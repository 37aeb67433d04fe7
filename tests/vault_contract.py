"""The servers that the contract with Vault is tried on, and hands to ask them with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests

from tests.secrets_fixtures import (
    ProvisionedVault,
    provisioned_real_server,
    provisioned_sandbox,
)

REAL = os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN")


@pytest.fixture(params=["sandbox", "real"] if all(REAL) else ["sandbox"])
def vault(request: pytest.FixtureRequest) -> Iterator[ProvisionedVault]:
    if request.param == "real":
        with provisioned_real_server(REAL[0] or "", REAL[1] or "") as real:
            yield real
    else:
        yield provisioned_sandbox(request.getfixturevalue("secrets_server"))


@dataclass
class Raw:
    """An answer as it came."""

    status: int
    body: dict


def ask(vault: ProvisionedVault, method: str, path: str, *, token: str = "", body: str = "") -> Raw:
    """Ask without the client library."""
    headers = {"X-Vault-Token": token, "Content-Type": "application/json"}
    answer = requests.request(
        method, f"{vault.url}/v1/{path}", headers=headers, data=body, timeout=10
    )
    return Raw(answer.status_code, answer.json() if answer.content else {})


def bot_token(vault: ProvisionedVault) -> str:
    """A token as the bot gets it, in our hands."""
    with vault.client(vault.wrapped_secret_id()) as client:
        secret_id = client.sys.unwrap()["data"]["secret_id"]
    with vault.client() as client:
        return client.auth.approle.login(vault.roles.bot_role_id, secret_id)["auth"]["client_token"]


def set_role(vault: ProvisionedVault, **changes: object) -> None:
    """Change the bot's role."""
    with vault.admin() as admin:
        admin.auth.approle.create_or_update_approle(vault.bot_role, **changes)
