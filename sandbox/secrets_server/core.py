"""What every request goes through: seal, token, policy, handler, wrapping, audit, keeping."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography.fernet import Fernet

from sandbox.secrets_server import policy
from sandbox.secrets_server.audit import AuditFile
from sandbox.secrets_server.state import (
    DAY,
    Clock,
    State,
    StateFile,
    Token,
    digest,
    over,
    private_file,
)
from sandbox.secrets_server.wire import (
    Call,
    Operation,
    Refusal,
    Reply,
    permission_denied,
    timestamp,
)

DEFAULT_TTL = 32 * DAY
Handler = Callable[["Core", Call, dict[str, str]], Reply]


@dataclass(frozen=True)
class Route:
    """A path pattern, the operations it knows, and who answers."""

    pattern: str
    operations: frozenset[Operation]
    handler: Handler
    needs_token: bool = True
    while_sealed: bool = False


def route(pattern: str, *operations: Operation, to: Handler, **kind: bool) -> Route:
    """A route, as the handlers' modules list them."""
    return Route(pattern, frozenset(operations), to, **kind)


class Core:
    """The server without HTTP. One request at a time; a lock sees to it.

    The folder holds `root_token` and `unseal_key` (0600), `state` (encrypted) and `audit.jsonl`.
    """

    def __init__(self, directory: Path, routes: Iterable[Route], clock: Clock) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.clock = clock
        self.audit_path = directory / "audit.jsonl"
        self._routes = [(re.compile(route.pattern), route) for route in routes]
        self._file = StateFile(directory / "state")
        self._lock = threading.Lock()
        self._key: str | None = None
        self._state: State | None = None
        self._saved = ""
        key_file = directory / "unseal_key"
        if not key_file.exists():
            private_file(key_file, Fernet.generate_key())
        self.unseal(key_file.read_text())
        if not self.state.tokens:
            root = "hvs." + secrets.token_urlsafe(18)
            self.state.tokens[digest(root)] = Token(
                policies=["root"], path="auth/token/root", created_at=clock()
            )
            private_file(directory / "root_token", root)
            self._save()

    @property
    def state(self) -> State:
        """What the server remembers.

        Raises:
            Refusal: the server is sealed.
        """
        if self._state is None:
            raise Refusal(503, "Vault is sealed")
        return self._state

    @property
    def sealed(self) -> bool:
        """Whether the key, and with it everything else, is out of memory."""
        return self._state is None

    def seal(self) -> None:
        """Forget the key and everything it opens."""
        self._key = self._state = None
        self._saved = ""

    def unseal(self, key: str) -> None:
        """Read the state back.

        Raises:
            ValueError: this is not the key.
        """
        self._state = self._file.load(key) or State()
        self._key = key

    def _save(self) -> None:
        if self._key is not None and self._state is not None:
            self._state.forget_expired(self.clock())
            text = self._state.model_dump_json()
            if text != self._saved:
                self._file.save(self._key, text)
                self._saved = text

    # -- tokens -----------------------------------------------------------------------------------

    def token(self, secret: str) -> Token:
        """The live token of this name.

        Raises:
            Refusal: there is none, or its time is over.
        """
        found = self.state.tokens.get(digest(secret))
        if found is None or over(found.expires_at, self.clock()):
            raise permission_denied()
        return found

    def issue(self, *, prefix: str = "hvs.", **properties: object) -> tuple[str, Token]:
        """A new token and its record; `ttl` (seconds, 0 for the default) decides its end."""
        token = Token.model_validate({"created_at": self.clock(), **properties})
        token.ttl = token.ttl or DEFAULT_TTL
        token.expires_at = token.created_at + token.ttl
        secret = prefix + secrets.token_urlsafe(24)
        self.state.tokens[digest(secret)] = token
        return secret, token

    def _spend(self, secret: str, token: Token) -> None:
        """Count one use; also a use that was denied, as in Vault."""
        if token.uses_left:
            token.uses_left -= 1
            if not token.uses_left and self._state is not None:
                self._state.tokens.pop(digest(secret), None)

    @contextlib.contextmanager
    def authorised(self, call: Call, policies: list[str]) -> Iterator[None]:
        """What stands inside is done in the name of the call's token, if its policies allow it.

        Raises:
            Refusal: no such token, or not allowed.
        """
        token = self.token(call.token)
        policies.extend(token.policies)
        try:
            if not self._permitted(token, call):
                raise permission_denied()
            yield
        finally:
            self._spend(call.token, token)

    def _permitted(self, token: Token, call: Call) -> bool:
        documents = {**policy.BUILT_IN, **self.state.policies}
        texts = (documents[name] for name in token.policies if name in documents)
        return "root" in token.policies or policy.allows(
            (rule for text in texts for rule in policy.parse(text)), call
        )

    # -- wrapping ---------------------------------------------------------------------------------

    def _wrapped(self, call: Call, reply: Reply) -> Reply:
        """The reply put away under a one-use token, which is all that the caller gets."""
        secret, token = self.issue(
            prefix="hvs.wrap.",
            policies=["response-wrapping"],
            path=call.path,
            ttl=call.wrap_ttl,
            uses_left=1,
            wrapped=json.dumps(reply.envelope(call.id)),
        )
        info = {
            "token": secret,
            "accessor": token.accessor,
            "ttl": call.wrap_ttl,
            "creation_time": timestamp(token.created_at),
            "creation_path": call.path,
        }
        if reply.auth is not None:
            info["wrapped_accessor"] = reply.auth["accessor"]
        return Reply(wrap_info=info)

    # -- one request ------------------------------------------------------------------------------

    def _find(self, path: str) -> tuple[Route, dict[str, str]] | None:
        for pattern, found in self._routes:
            match = pattern.fullmatch(path)
            if match:
                return found, match.groupdict()
        return None

    def _answer(self, call: Call, policies: list[str]) -> Reply:
        found = self._find(call.path)
        if self.sealed and not (found and found[0].while_sealed):
            raise Refusal(503, "Vault is sealed")
        if found is None:
            with self.authorised(call, policies):
                raise Refusal(404, "no handler for this route")
        target, names = found
        if not target.needs_token:
            return self._handled(target, call, names)
        if call.operation == "update" and names.get("key"):
            # Writing a secret that is not there yet needs another capability than changing one.
            known = self.state.mounts.get(names["mount"], {})
            call = call if names["key"] in known else replace(call, operation="create")
        with self.authorised(call, policies):
            return self._handled(target, call, names)

    def _handled(self, target: Route, call: Call, names: dict[str, str]) -> Reply:
        if call.operation not in target.operations:
            raise Refusal(405, "unsupported operation")
        reply = target.handler(self, call, names)
        if call.wrap_ttl and (reply.data is not None or reply.auth is not None):
            return self._wrapped(call, reply)
        return reply

    def handle(self, call: Call, *, malformed: bool = False) -> tuple[int, object]:
        """Status and body (None for an empty one) of the reply; the exchange is audited."""
        with self._lock:
            policies: list[str] = []
            error = None
            salt = self._state.audit_salt if self._state else ""
            try:
                if malformed:
                    raise Refusal(400, "failed to parse JSON input")
                reply = self._answer(call, policies)
                body: object = reply.envelope(call.id)
                status = 204 if body is None else reply.status
            except Refusal as refusal:
                status, body, error = refusal.status, refusal.body, str(refusal) or "not found"
            salt = self._state.audit_salt if self._state else salt
            if salt:  # sealed: no salt, so nothing can be written down safely
                AuditFile(self.audit_path, salt).record(
                    now=self.clock(),
                    call=call,
                    known_path=self._find(call.path) is not None,
                    policies=policies,
                    response=body if isinstance(body, dict) and error is None else None,
                    error=error,
                )
            self._save()
            return status, body
