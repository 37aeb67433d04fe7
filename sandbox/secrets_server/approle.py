"""AppRole in pull mode: roles, their ids, one-use SecretIDs, login."""

from __future__ import annotations

import secrets
import uuid

from sandbox.secrets_server.core import Core, route
from sandbox.secrets_server.state import Role, SecretId, digest, over
from sandbox.secrets_server.wire import Call, Refusal, Reply, names, seconds, whole

DURATIONS = ("token_ttl", "token_max_ttl", "secret_id_ttl")
COUNTS = ("token_num_uses", "secret_id_num_uses")
KNOWN = {*DURATIONS, *COUNTS, "token_policies", "token_no_default_policy", "bind_secret_id"}


def _role(core: Core, name: str) -> Role:
    role = core.state.roles.get(name)
    if role is None:
        raise Refusal(404)
    return role


def _roles(core: Core, _call: Call, _names: dict[str, str]) -> Reply:
    if not core.state.roles:
        raise Refusal(404)
    return Reply(data={"keys": sorted(core.state.roles)})


def _role_itself(core: Core, call: Call, parts: dict[str, str]) -> Reply:
    name = parts["role"]
    if call.operation == "read":
        return Reply(data=_role(core, name).model_dump(exclude={"role_id"}))
    if call.operation == "delete":
        core.state.roles.pop(name, None)
        for key in [key for key, item in core.state.secret_ids.items() if item.role == name]:
            del core.state.secret_ids[key]
        return Reply()
    unknown = set(call.data) - KNOWN
    if unknown or call.data.get("bind_secret_id") is False:
        raise Refusal(400, f"not supported here: {sorted(unknown) or 'bind_secret_id=false'}")
    role = core.state.roles.get(name) or Role(role_id=str(uuid.uuid4()))
    for field in DURATIONS:
        if field in call.data:
            setattr(role, field, seconds(call.data[field], field))
    for field in COUNTS:
        if field in call.data:
            setattr(role, field, whole(call.data[field], field))
    if "token_policies" in call.data:
        role.token_policies = names(call.data["token_policies"])
    if "token_no_default_policy" in call.data:
        role.token_no_default_policy = call.data["token_no_default_policy"] is True
    if role.token_max_ttl and role.token_ttl > role.token_max_ttl:
        raise Refusal(400, '"token_ttl" cannot be greater than "token_max_ttl"')
    core.state.roles[name] = role
    return Reply()


def _role_id(core: Core, _call: Call, parts: dict[str, str]) -> Reply:
    return Reply(data={"role_id": _role(core, parts["role"]).role_id})


def _secret_id(core: Core, call: Call, parts: dict[str, str]) -> Reply:
    unknown = set(call.data) - {"metadata"}
    if unknown:
        raise Refusal(400, f"not supported here: {sorted(unknown)}")
    role = _role(core, parts["role"])
    secret, accessor = str(uuid.uuid4()), secrets.token_hex(12)
    core.state.secret_ids[digest(secret)] = SecretId(
        role=parts["role"],
        accessor=accessor,
        expires_at=core.clock() + role.secret_id_ttl if role.secret_id_ttl else None,
        uses_left=role.secret_id_num_uses,
    )
    return Reply(
        data={
            "secret_id": secret,
            "secret_id_accessor": accessor,
            "secret_id_ttl": role.secret_id_ttl,
            "secret_id_num_uses": role.secret_id_num_uses,
        }
    )


def _login(core: Core, call: Call, _names: dict[str, str]) -> Reply:
    if not core.state.approle_enabled:
        raise Refusal(404, 'no handler for route "auth/approle/login"')
    role_id, secret_id = call.text("role_id"), call.text("secret_id")
    name = next((n for n, role in core.state.roles.items() if role.role_id == role_id), None)
    entry = core.state.secret_ids.get(digest(secret_id))
    if name is None or entry is None or entry.role != name or over(entry.expires_at, core.clock()):
        raise Refusal(400, "invalid role or secret ID")
    if entry.uses_left == 1:
        del core.state.secret_ids[digest(secret_id)]
    elif entry.uses_left:
        entry.uses_left -= 1
    role = core.state.roles[name]
    default = [] if role.token_no_default_policy else ["default"]
    secret, token = core.issue(
        policies=[*default, *role.token_policies],
        path="auth/approle/login",
        display_name="approle",
        metadata={"role_name": name},
        ttl=role.token_ttl,
        max_ttl=role.token_max_ttl,
        uses_left=role.token_num_uses,
        renewable=True,
    )
    return Reply(auth=auth_of(secret, token.model_dump(), lease_duration=token.ttl))


def auth_of(secret: str, token: dict[str, object], *, lease_duration: int) -> dict[str, object]:
    """The `auth` part of a reply that hands out, or renews, a token."""
    return {
        "client_token": secret,
        "accessor": token["accessor"],
        "policies": token["policies"],
        "token_policies": token["policies"],
        "metadata": token["metadata"],
        "lease_duration": lease_duration,
        "renewable": token["renewable"],
        "entity_id": "",
        "token_type": "service",
        "orphan": True,
        "num_uses": token["uses_left"],
    }


_ROLE = r"auth/approle/role/(?P<role>[^/]+)"
ROUTES = (
    route(r"auth/approle/login", "update", to=_login, needs_token=False),
    route(r"auth/approle/role/?", "list", to=_roles),
    route(_ROLE, "read", "update", "delete", to=_role_itself),
    route(_ROLE + "/role-id", "read", to=_role_id),
    route(_ROLE + "/secret-id", "update", to=_secret_id),
)
