"""Policies: deny by default, the most specific path decides.

Documents are JSON, which a real Vault accepts as well as HCL:
`{"path": {"secret/data/billcopy/*": {"capabilities": ["read"]}}}`. A `*` stands only at the end, a
`+` for one segment. `min_wrapping_ttl` makes response wrapping a duty on a path.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.secrets_server.wire import Call, Refusal, seconds

CAPABILITIES = {"create", "read", "update", "delete", "list", "sudo", "deny"}
KEYS = {"capabilities", "min_wrapping_ttl", "max_wrapping_ttl"}

_SELF = {
    "auth/token/lookup-self": {"capabilities": ["read"]},
    "auth/token/renew-self": {"capabilities": ["update"]},
    "auth/token/revoke-self": {"capabilities": ["update"]},
    "sys/wrapping/wrap": {"capabilities": ["update"]},
    "sys/wrapping/lookup": {"capabilities": ["update"]},
    "sys/wrapping/unwrap": {"capabilities": ["update"]},
}
BUILT_IN = {
    "default": json.dumps({"path": _SELF}),
    "response-wrapping": json.dumps(
        {"path": {"sys/wrapping/unwrap": {"capabilities": ["update"]}}}
    ),
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one path of one policy allows."""

    path: str
    capabilities: frozenset[str]
    min_wrapping_ttl: int
    max_wrapping_ttl: int

    def matches(self, path: str) -> bool:
        """Whether this rule speaks about the path."""
        pattern = re.escape(self.path.removesuffix("*")).replace(r"\+", "[^/]+")
        return re.fullmatch(pattern + (".*" if self.path.endswith("*") else ""), path) is not None

    @property
    def specificity(self) -> tuple[int, bool, int]:
        """Sorts the rules that match one path: the last one decides."""
        plain = re.split(r"[*+]", self.path, maxsplit=1)[0]
        return len(plain), not self.path.endswith("*"), len(self.path)


def parse(text: str) -> list[Rule]:
    """The rules of a policy document.

    Raises:
        Refusal: it is not JSON, or says something that this server does not know.
    """
    try:
        paths = json.loads(text)["path"]
    except (ValueError, KeyError, TypeError):
        raise Refusal(400, 'policies must be JSON here: {"path": {…}}') from None
    rules = []
    for path, rule in paths.items():
        capabilities = frozenset(rule.get("capabilities", ()))
        unknown = (set(rule) - KEYS) | (capabilities - CAPABILITIES)
        if unknown or "*" in path[:-1]:
            raise Refusal(400, f"path {path!r}: not supported here: {sorted(unknown) or '*'}")
        rules.append(
            Rule(
                path=path,
                capabilities=capabilities,
                min_wrapping_ttl=seconds(rule.get("min_wrapping_ttl")),
                max_wrapping_ttl=seconds(rule.get("max_wrapping_ttl")),
            )
        )
    return rules


def allows(rules: Iterable[Rule], call: Call) -> bool:
    """Whether these rules, of all of a token's policies, allow this call."""
    matching = [rule for rule in rules if rule.matches(call.path)]
    if not matching:
        return False
    best = max(rule.specificity for rule in matching)
    deciding = [rule for rule in matching if rule.specificity == best]
    capabilities = frozenset[str]().union(*(rule.capabilities for rule in deciding))
    if "deny" in capabilities or call.operation not in capabilities:
        return False
    least = max(rule.min_wrapping_ttl for rule in deciding)
    most = max(rule.max_wrapping_ttl for rule in deciding)
    return call.wrap_ttl >= least and (not most or call.wrap_ttl <= most)
