"""The audit file: one JSON line per request and per response, with no secret in clear.

As in Vault, each value that might be secret is written as an HMAC-SHA256 with this server's own
salt: whoever holds a value can ask whether it was used, and nobody can read it out of the file.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import Any

from sandbox.secrets_server.wire import Call, Json, timestamp

# Numbers under these names tell what happened; every other value is hashed.
SHOWN_NUMBERS = {
    *("ttl", "creation_ttl", "num_uses", "version", "current_version", "oldest_version"),
    *("lease_duration", "secret_id_ttl", "secret_id_num_uses", "token_ttl", "token_max_ttl"),
}
TEXTS_OF_AUTH = {"policies", "token_policies", "metadata", "lease_duration", "renewable"}


class AuditFile:
    """Append-only; created 0600."""

    def __init__(self, path: Path, salt: str) -> None:
        self._path = path
        self._salt = salt.encode()

    def hashed(self, secret: str) -> str:
        """How this server writes a secret value down."""
        return "hmac-sha256:" + hmac.new(self._salt, secret.encode(), hashlib.sha256).hexdigest()

    def _masked(self, value: Any, *, inside_secret: bool = False) -> Any:
        """The same structure with its values hashed; names stay, so they must not be secret."""
        if isinstance(value, dict):
            return {
                name: item
                if not inside_secret and name in SHOWN_NUMBERS and isinstance(item, int)
                else self._masked(item, inside_secret=inside_secret or name == "data")
                for name, item in value.items()
            }
        if isinstance(value, list):
            return [self._masked(item, inside_secret=inside_secret) for item in value]
        if value is None or value == "" or isinstance(value, bool):
            return value
        return self.hashed(str(value))

    def _auth(self, auth: Json | None) -> Json | None:
        if auth is None:
            return None
        shown = {name: auth.get(name) for name in sorted(TEXTS_OF_AUTH)}
        token, accessor = str(auth["client_token"]), str(auth["accessor"])
        return {"client_token": self.hashed(token), "accessor": self.hashed(accessor), **shown}

    def _wrap_info(self, info: Json | None) -> Json | None:
        if info is None:
            return None
        return {
            name: self.hashed(str(item)) if name in ("token", "accessor") else item
            for name, item in info.items()
        }

    def record(
        self,
        *,
        now: float,
        call: Call,
        known_path: bool,
        policies: list[str],
        response: Json | None,
        error: str | None,
    ) -> None:
        """Write down one exchange: what was asked by whom, and what came of it."""
        request = {
            "id": call.id,
            "operation": call.operation,
            # An unknown path may be a misplaced token.
            "path": call.path if known_path else self.hashed(call.path),
            "client_token": self.hashed(call.token) if call.token else "",
            "wrap_ttl": call.wrap_ttl,
            "data": self._masked(call.data),
        }
        common = {"time": timestamp(now), "auth": {"policies": policies}, "request": request}
        lines: list[Json] = [{"type": "request", **common}]
        answer: Json = {}
        if response is not None and "request_id" in response:
            answer = {
                "data": self._masked(response["data"]),
                "auth": self._auth(response["auth"]),
                "wrap_info": self._wrap_info(response["wrap_info"]),
            }
        lines.append({"type": "response", **common, "response": answer, "error": error})
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
