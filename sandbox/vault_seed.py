"""Fill the sandbox's secrets server: policies, AppRoles, and one secret per login.

Over plain HTTP and with the root token, as an administrator would do it once at a real Vault.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx

MOUNT = "secret"
LAUNCHER, BOT = "billcopy-airflow", "billcopy-bot"
POLICIES = {
    LAUNCHER: {
        # A SecretID of the bot only ever leaves Vault wrapped.
        f"auth/approle/role/{BOT}/secret-id": {
            "capabilities": ["update"],
            "min_wrapping_ttl": "1s",
            "max_wrapping_ttl": "300s",
        },
        f"auth/approle/role/{BOT}/role-id": {"capabilities": ["read"]},
        f"{MOUNT}/data/connections/*": {"capabilities": ["read"]},
    },
    BOT: {f"{MOUNT}/data/billcopy/portals/*": {"capabilities": ["read"]}},
}


@dataclass(frozen=True, kw_only=True)
class AppRole:
    """What the launcher signs in with."""

    role_id: str
    secret_id: str = field(repr=False)


class Administrator:
    """A client with the root token."""

    def __init__(self, url: str, root_token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{url}/v1", headers={"X-Vault-Token": root_token}, timeout=10
        )

    def _call(self, method: str, path: str, body: object = None) -> dict[str, str]:
        answer = self._client.request(method, path, json=body)
        if answer.is_error:
            raise RuntimeError(f"Vault answers {answer.status_code} to {method} {path}")
        data: dict[str, str] = answer.json().get("data", {}) if answer.content else {}
        return data

    def lay_out(self) -> None:
        """Mount, policies and AppRoles; again does no harm."""
        if f"{MOUNT}/" not in self._call("GET", "/sys/mounts"):
            self._call("POST", f"/sys/mounts/{MOUNT}", {"type": "kv", "options": {"version": "2"}})
        if "approle/" not in self._call("GET", "/sys/auth"):
            self._call("POST", "/sys/auth/approle", {"type": "approle"})
        for name, rules in POLICIES.items():
            self._call("PUT", f"/sys/policies/acl/{name}", {"policy": json.dumps({"path": rules})})
        self._call(
            "POST",
            f"/auth/approle/role/{LAUNCHER}",
            {"token_policies": LAUNCHER, "token_ttl": "1h"},
        )
        self._call(
            "POST",
            f"/auth/approle/role/{BOT}",
            {
                "token_policies": BOT,
                "token_ttl": "15m",
                "token_max_ttl": "4h",
                "secret_id_num_uses": 1,
                "secret_id_ttl": "10m",
            },
        )

    def write(self, path: str, data: Mapping[str, str]) -> None:
        """A new version of a secret."""
        self._call("POST", f"/{MOUNT}/data/{path}", {"data": dict(data)})

    def read(self, path: str) -> dict[str, str] | None:
        """A secret's newest version, if there is one."""
        answer = self._client.get(f"/{MOUNT}/data/{path}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        answer.raise_for_status()
        data: dict[str, str] = answer.json()["data"]["data"]
        return data

    def launcher(self) -> AppRole:
        """A fresh SecretID for the launcher, with its role id."""
        role = self._call("GET", f"/auth/approle/role/{LAUNCHER}/role-id")["role_id"]
        secret = self._call("POST", f"/auth/approle/role/{LAUNCHER}/secret-id", {})["secret_id"]
        return AppRole(role_id=role, secret_id=secret)
