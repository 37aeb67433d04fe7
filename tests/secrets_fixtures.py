"""The secrets server, bare and as an administrator leaves it. A start costs about 50 ms."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import hvac
import pytest

from billcopy.credentials import VaultAccess, issue_wrapped_secret_id
from sandbox.secrets_server import SecretsServer, running
from sandbox.secrets_server.provision import Provisioned, provision, write_portal_credential

CONNECTION = "postgresql://billcopy_ops:ops-{salt}@db.example:5432/billcopy"


@dataclass(frozen=True, kw_only=True)
class ProvisionedVault:
    """A Vault, ours or a real one, with everything billcopy needs in it."""

    url: str
    root_token: str = field(repr=False)
    roles: Provisioned
    mount: str
    launcher_role: str
    bot_role: str
    portal_password: str = field(repr=False)
    database_password: str = field(repr=False)
    connection_uri: str = field(repr=False)
    pass_time: Callable[[float], None] = field(repr=False)
    path: str = "billcopy/portals/practice"

    def wrapped_secret_id(self, *, ttl_seconds: int = 60) -> str:
        return issue_wrapped_secret_id(
            url=self.url,
            role_id=self.roles.airflow_role_id,
            secret_id=self.roles.airflow_secret_id,
            bot_role=self.bot_role,
            ttl_seconds=ttl_seconds,
        ).token

    def access(self, **changes: str) -> VaultAccess:
        """What a bot is told, with a fresh wrapped SecretID."""
        given = {
            "url": self.url,
            "path": self.path,
            "role_id": self.roles.bot_role_id,
            "mount": self.mount,
            "bot_role": self.bot_role,
            **changes,
        }
        if "wrapped_secret_id" not in given:
            given["wrapped_secret_id"] = self.wrapped_secret_id()
        return VaultAccess(**given)

    def change_password(self, password: str, *, portal: str = "practice") -> int:
        """Write a new version of the portal's credential; its number."""
        return write_portal_credential(
            self.url, self.root_token, password=password, portal=portal, mount=self.mount
        )

    @contextmanager
    def client(self, token: str = "") -> Iterator[hvac.Client]:
        """The plain client library, to ask what our own code never would."""
        client = hvac.Client(url=self.url, token=token, timeout=10)
        try:
            yield client
        finally:
            client.adapter.close()

    @contextmanager
    def admin(self) -> Iterator[hvac.Client]:
        with self.client(self.root_token) as client:
            yield client


def provisioned(
    url: str, root_token: str, *, suffix: str, mount: str, pass_time: Callable[[float], None]
) -> ProvisionedVault:
    salt = secrets.token_hex(8)
    launcher_role, bot_role = f"billcopy-airflow{suffix}", f"billcopy-bot{suffix}"
    portal_password, database_password = f"portal-{salt}", f"database-{salt}"
    connection = CONNECTION.format(salt=salt)
    roles = provision(
        url,
        root_token,
        portal_password=portal_password,
        database_passwords={"billcopy_bot": database_password},
        airflow_connections={"billcopy_ops": connection},
        mount=mount,
        airflow_role=launcher_role,
        bot_role=bot_role,
    )
    return ProvisionedVault(
        url=url,
        root_token=root_token,
        roles=roles,
        mount=mount,
        launcher_role=launcher_role,
        bot_role=bot_role,
        portal_password=portal_password,
        database_password=database_password,
        connection_uri=connection,
        pass_time=pass_time,
    )


def provisioned_sandbox(server: SecretsServer) -> ProvisionedVault:
    return provisioned(
        server.url,
        server.root_token,
        suffix="",
        mount="secret",
        pass_time=server.clock.advance,
    )


@contextmanager
def provisioned_real_server(url: str, root_token: str) -> Iterator[ProvisionedVault]:
    """A mount, roles and policies of our own on somebody's server, taken away again."""
    name = f"billcopy-contract-{secrets.token_hex(4)}"
    vault = provisioned(
        url, root_token, suffix=f"-{name}", mount=name, pass_time=lambda s: time.sleep(s + 0.5)
    )
    try:
        yield vault
    finally:
        with vault.admin() as admin:
            admin.sys.disable_secrets_engine(name)
            for role in (vault.launcher_role, vault.bot_role):
                admin.auth.approle.delete_role(role)
                admin.sys.delete_acl_policy(role)


@pytest.fixture
def secrets_server(tmp_path: Path) -> Iterator[SecretsServer]:
    """The sandbox's secrets server with nothing in it, in a thread of this process."""
    with running(tmp_path / "vault") as server:
        yield server


@pytest.fixture
def vault(secrets_server: SecretsServer) -> ProvisionedVault:
    """The same with mount, policies, AppRoles and secrets; `pass_time` moves its clock."""
    return provisioned_sandbox(secrets_server)
