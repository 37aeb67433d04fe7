"""What an administrator sets up in Vault for billcopy: engine, policies, AppRoles, secrets.

Through hvac alone, so that it does the same to a real server (`VAULT_ADDR`, an admin token). Doing
it again does no harm: an unchanged secret gets no new version.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import hvac
from hvac.exceptions import InvalidPath, InvalidRequest

TIMEOUT_SECONDS = 10
UPGRADE_SECONDS = 10
# A token of the bot lives this long without renewal, and with renewal as long as any bot run may.
BOT_TOKEN_TTL = "15m"  # noqa: S105 (a duration)
BOT_TOKEN_MAX_TTL = "4h"  # noqa: S105
BOT_SECRET_ID_TTL = "5m"  # noqa: S105
LONGEST_WRAPPING = "5m"

_SELF = {
    "auth/token/lookup-self": {"capabilities": ["read"]},
    "auth/token/renew-self": {"capabilities": ["update"]},
    "auth/token/revoke-self": {"capabilities": ["update"]},
}
Policy = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Provisioned:
    """What the launcher needs to know afterwards."""

    airflow_role_id: str
    airflow_secret_id: str = field(repr=False)
    bot_role_id: str


def launcher_policy(*, mount: str, bot_role: str) -> Policy:
    """Airflow and the command line: hand out wrapped SecretIDs of the bot, read connections.

    `min_wrapping_ttl` is what keeps the launcher from seeing a SecretID, let alone the password.
    """
    role = f"auth/approle/role/{bot_role}"
    wrapped = {"min_wrapping_ttl": "1s", "max_wrapping_ttl": LONGEST_WRAPPING}
    return {
        "path": {
            f"{role}/secret-id": {"capabilities": ["update"], **wrapped},
            f"{role}/role-id": {"capabilities": ["read"]},
            f"{mount}/data/connections/*": {"capabilities": ["read"]},
            **_SELF,
        }
    }


def bot_policy(*, mount: str) -> Policy:
    """The bot: read the portals' credentials, nothing else."""
    return {"path": {f"{mount}/data/billcopy/portals/*": {"capabilities": ["read"]}, **_SELF}}


@contextlib.contextmanager
def administrator(url: str, token: str) -> Iterator[hvac.Client]:
    """A client with this token, closed on leaving."""
    client = hvac.Client(url=url, token=token, timeout=TIMEOUT_SECONDS)
    try:
        yield client
    finally:
        client.adapter.close()


def _enable(client: hvac.Client, mount: str) -> None:
    mounted = client.sys.list_mounted_secrets_engines()["data"].get(f"{mount}/")
    if mounted is None:
        client.sys.enable_secrets_engine("kv", path=mount, options={"version": "2"})
    elif (mounted.get("options") or {}).get("version") != "2":
        message = f"{mount}/ is there already and is not KV version 2"
        raise RuntimeError(message)
    if "approle/" not in client.sys.list_auth_methods()["data"]:
        client.sys.enable_auth_method("approle")


def write_secret(client: hvac.Client, mount: str, path: str, secret: Mapping[str, str]) -> int:
    """Write a secret unless it stands there already; its version then.

    A real server refuses KV 2 for a moment after it was enabled; that moment is waited for.
    """
    kv = client.secrets.kv.v2
    deadline = time.monotonic() + UPGRADE_SECONDS
    while True:
        try:
            try:
                read = kv.read_secret_version(
                    path=path, mount_point=mount, raise_on_deleted_version=True
                )["data"]
                if read["data"] == dict(secret):
                    return int(read["metadata"]["version"])
            except InvalidPath:
                pass
            written = kv.create_or_update_secret(path=path, secret=dict(secret), mount_point=mount)
            return int(written["data"]["version"])
        except InvalidRequest as error:
            if "pgrading" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def read_portal_password(
    url: str, token: str, *, portal: str = "practice", mount: str = "secret"
) -> str | None:
    """The portal's password as an earlier run left it; None on a new server."""
    with administrator(url, token) as client:
        try:
            read = client.secrets.kv.v2.read_secret_version(
                path=f"billcopy/portals/{portal}", mount_point=mount, raise_on_deleted_version=True
            )
        except InvalidPath:
            return None
        return str(read["data"]["data"]["password"])


def write_portal_credential(
    url: str,
    token: str,
    *,
    password: str,
    username: str = "svc-billcopy",
    portal: str = "practice",
    mount: str = "secret",
) -> int:
    """Change a portal's user or password; the new version."""
    with administrator(url, token) as client:
        secret = {"username": username, "password": password}
        return write_secret(client, mount, f"billcopy/portals/{portal}", secret)


def provision(
    url: str,
    root_token: str,
    *,
    portal_password: str,
    database_passwords: Mapping[str, str],
    airflow_connections: Mapping[str, str],
    portal: str = "practice",
    portal_user: str = "svc-billcopy",
    mount: str = "secret",
    airflow_role: str = "billcopy-airflow",
    bot_role: str = "billcopy-bot",
) -> Provisioned:
    """Set everything up.

    Args:
        url: address of the server.
        root_token: a token that may do all this.
        portal_password: the service user's password at the portal.
        database_passwords: password per database login.
        airflow_connections: connection URI per connection id, for Airflow's secrets backend.
        portal: name of the portal folder.
        portal_user: the service user at the portal.
        mount: where the KV version 2 engine stands, or is to stand.
        airflow_role: name of the launcher's AppRole and policy.
        bot_role: name of the bot's AppRole and policy.
    """
    with administrator(url, root_token) as client:
        _enable(client, mount)
        policies = {
            airflow_role: launcher_policy(mount=mount, bot_role=bot_role),
            bot_role: bot_policy(mount=mount),
        }
        for name, policy in policies.items():
            client.sys.create_or_update_acl_policy(name=name, policy=policy)
        approle = client.auth.approle
        approle.create_or_update_approle(
            airflow_role,
            token_policies=[airflow_role],
            token_no_default_policy=True,
            token_ttl="30m",  # noqa: S106
            token_max_ttl="4h",  # noqa: S106
        )
        approle.create_or_update_approle(
            bot_role,
            token_policies=[bot_role],
            token_no_default_policy=True,
            token_ttl=BOT_TOKEN_TTL,
            token_max_ttl=BOT_TOKEN_MAX_TTL,
            secret_id_ttl=BOT_SECRET_ID_TTL,
            secret_id_num_uses=1,
        )
        secrets = {
            f"billcopy/portals/{portal}": {"username": portal_user, "password": portal_password},
            **{f"billcopy/database/{n}": {"password": p} for n, p in database_passwords.items()},
            **{f"connections/{n}": {"conn_uri": uri} for n, uri in airflow_connections.items()},
        }
        for path, secret in secrets.items():
            write_secret(client, mount, path, secret)
        return Provisioned(
            airflow_role_id=approle.read_role_id(airflow_role)["data"]["role_id"],
            airflow_secret_id=approle.generate_secret_id(airflow_role)["data"]["secret_id"],
            bot_role_id=approle.read_role_id(bot_role)["data"]["role_id"],
        )
