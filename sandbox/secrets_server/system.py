"""Health, seal, mounts, auth methods and policies."""

from __future__ import annotations

from sandbox.secrets_server import policy
from sandbox.secrets_server.core import Core, route
from sandbox.secrets_server.wire import Call, Refusal, Reply, whole

VERSION = "sandbox"


def _health(core: Core, call: Call, _names: dict[str, str]) -> Reply:
    sealed_status = whole(call.query.get("sealedcode"), "sealedcode") or 503
    return Reply(
        status=sealed_status if core.sealed else 200,
        raw={
            "initialized": True,
            "sealed": core.sealed,
            "standby": core.sealed,
            "server_time_utc": int(core.clock()),
            "version": VERSION,
        },
    )


def _seal_status(core: Core, _call: Call, _names: dict[str, str]) -> Reply:
    return Reply(
        raw={
            "type": "shamir",
            "initialized": True,
            "sealed": core.sealed,
            "t": 1,
            "n": 1,
            "progress": 0,
            "version": VERSION,
        }
    )


def _seal(core: Core, _call: Call, _names: dict[str, str]) -> Reply:
    core.seal()
    return Reply()


def _unseal(core: Core, call: Call, names: dict[str, str]) -> Reply:
    key = call.text("key")
    if core.sealed:
        try:
            core.unseal(key)
        except ValueError:
            raise Refusal(400, "'key' is not the unseal key") from None
    return _seal_status(core, call, names)


def _mounts(core: Core, _call: Call, _names: dict[str, str]) -> Reply:
    return Reply(
        data={f"{name}/": {"type": "kv", "options": {"version": "2"}} for name in core.state.mounts}
    )


def _mount(core: Core, call: Call, parts: dict[str, str]) -> Reply:
    name = parts["name"].rstrip("/")
    if call.operation == "delete":
        core.state.mounts.pop(name, None)
        return Reply()
    options = call.data.get("options") or {}
    if call.data.get("type") != "kv" or str(options.get("version")) != "2" or "/" in name:
        raise Refusal(400, "only KV version 2 on a path of one segment is supported here")
    if name in core.state.mounts:
        raise Refusal(400, f"path is already in use at {name}/")
    core.state.mounts[name] = {}
    return Reply()


def _auth_methods(core: Core, _call: Call, _names: dict[str, str]) -> Reply:
    enabled = {"token/": {"type": "token"}}
    if core.state.approle_enabled:
        enabled["approle/"] = {"type": "approle"}
    return Reply(data=dict(enabled))


def _auth_method(core: Core, call: Call, parts: dict[str, str]) -> Reply:
    if parts["name"].rstrip("/") != "approle" or call.data.get("type") != "approle":
        raise Refusal(400, "only AppRole at its usual path is supported here")
    if core.state.approle_enabled:
        raise Refusal(400, "path is already in use at approle/")
    core.state.approle_enabled = True
    return Reply()


def _policies(core: Core, _call: Call, _names: dict[str, str]) -> Reply:
    return Reply(data={"keys": sorted({"default", "root", *core.state.policies})})


def _policy(core: Core, call: Call, parts: dict[str, str]) -> Reply:
    name = parts["name"].lower()
    if call.operation == "read":
        text = core.state.policies.get(name) or policy.BUILT_IN.get(name)
        if text is None:
            raise Refusal(404)
        return Reply(data={"name": name, "policy": text})
    if name in {"root", *policy.BUILT_IN}:
        raise Refusal(400, f"cannot change policy {name!r}")
    if call.operation == "delete":
        core.state.policies.pop(name, None)
        return Reply()
    text = call.text("policy")
    policy.parse(text)
    core.state.policies[name] = text
    return Reply()


_ALWAYS = {"needs_token": False, "while_sealed": True}
ROUTES = (
    route(r"sys/health", "read", to=_health, **_ALWAYS),
    route(r"sys/seal-status", "read", to=_seal_status, **_ALWAYS),
    route(r"sys/unseal", "update", to=_unseal, **_ALWAYS),
    route(r"sys/seal", "update", to=_seal),
    route(r"sys/mounts", "read", to=_mounts),
    route(r"sys/mounts/(?P<name>.+)", "update", "delete", to=_mount),
    route(r"sys/auth", "read", to=_auth_methods),
    route(r"sys/auth/(?P<name>.+)", "update", to=_auth_method),
    route(r"sys/policies/acl/?", "list", to=_policies),
    route(r"sys/policies/acl/(?P<name>[^/]+)", "read", "update", "delete", to=_policy),
)
