"""A token about itself, and the tokens that wrap a response."""

from __future__ import annotations

import json

from sandbox.secrets_server.approle import auth_of
from sandbox.secrets_server.core import Core, route
from sandbox.secrets_server.state import Token, digest, over
from sandbox.secrets_server.wire import Call, Refusal, Reply, seconds, timestamp


def _lookup_self(core: Core, call: Call, _names: dict[str, str]) -> Reply:
    token = core.token(call.token)
    left = 0 if token.expires_at is None else int(token.expires_at - core.clock())
    return Reply(
        data={
            "id": call.token,
            "accessor": token.accessor,
            "creation_time": int(token.created_at),
            "creation_ttl": token.ttl,
            "display_name": token.display_name,
            "expire_time": timestamp(token.expires_at) or None,
            "explicit_max_ttl": 0,
            "meta": token.metadata or None,
            "num_uses": token.uses_left,
            "orphan": True,
            "path": token.path,
            "policies": token.policies,
            "renewable": token.renewable,
            "ttl": left,
            "type": "service",
        }
    )


def _renew_self(core: Core, call: Call, _names: dict[str, str]) -> Reply:
    token = core.token(call.token)
    if not token.renewable:
        raise Refusal(400, "lease is not renewable")
    now = core.clock()
    end = now + (seconds(call.data.get("increment"), "increment") or token.ttl)
    if token.max_ttl:
        end = min(end, token.created_at + token.max_ttl)
    token.expires_at = end
    return Reply(auth=auth_of(call.token, token.model_dump(), lease_duration=int(end - now)))


def _revoke_self(core: Core, call: Call, _names: dict[str, str]) -> Reply:
    core.state.tokens.pop(digest(call.token), None)
    return Reply()


def _wrapping_token(core: Core, secret: str) -> Token:
    token = core.state.tokens.get(digest(secret))
    if token is None or token.wrapped is None or over(token.expires_at, core.clock()):
        raise Refusal(400, "wrapping token is not valid or does not exist")
    return token


def _wrapping_lookup(core: Core, call: Call, _names: dict[str, str]) -> Reply:
    token = _wrapping_token(core, str(call.data.get("token") or call.token))
    return Reply(
        data={
            "creation_path": token.path,
            "creation_time": timestamp(token.created_at),
            "creation_ttl": token.ttl,
        }
    )


def _unwrap(core: Core, call: Call, _names: dict[str, str]) -> Reply:
    """The wrapping token stands in the header, or in the body beside a token that may do this."""
    if "token" in call.data:
        secret = call.text("token")
        with core.authorised(call, []):
            token = _wrapping_token(core, secret)
    else:
        secret = call.token
        token = _wrapping_token(core, secret)
    core.state.tokens.pop(digest(secret), None)
    return Reply(raw=json.loads(token.wrapped or "null"))


def _wrap(_core: Core, call: Call, _names: dict[str, str]) -> Reply:
    if not call.wrap_ttl:
        raise Refusal(400, "endpoint requires response wrapping to be used")
    return Reply(data=call.data)


ROUTES = (
    route(r"auth/token/lookup-self", "read", to=_lookup_self),
    route(r"auth/token/renew-self", "update", to=_renew_self),
    route(r"auth/token/revoke-self", "update", to=_revoke_self),
    route(r"sys/wrapping/lookup", "update", to=_wrapping_lookup, needs_token=False),
    route(r"sys/wrapping/unwrap", "update", to=_unwrap, needs_token=False),
    route(r"sys/wrapping/wrap", "update", to=_wrap),
)
