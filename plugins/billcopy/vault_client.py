"""One connection to Vault: time limits, bounded retries, every failure as one of our errors.

No error, log line or representation made here shows a token, SecretID or password: the messages
are our own, and errors are raised outside the `except` block, so that the client library's error,
which holds the request with its headers, is not kept in `__context__`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import requests
from hvac import Client as Client
from hvac import exceptions
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from billcopy import errors

CONNECT_SECONDS = 3.05
READ_SECONDS = 10.0
# A connection that never came about is tried again, whatever the request; an answer that got lost
# only for reads: an unwrap or a login may have happened, and works once.
RETRIES = Retry(
    total=4,
    connect=3,
    read=1,
    redirect=0,
    status=0,
    other=0,
    allowed_methods=frozenset({"GET"}),
    respect_retry_after_header=False,
    backoff_factor=0.2,
)

logger = logging.getLogger(__name__)
T = TypeVar("T")


def not_portable(_self: object, _protocol: object = None) -> NoReturn:
    """As `__reduce_ex__` of what holds a secret: it can be neither pickled nor copied."""
    message = "holds a secret: not to be pickled or copied"
    raise TypeError(message)


class Vault:
    """One client; translates everything that can go wrong."""

    def __init__(self, url: str, *, namespace: str | None, ca_file: str | None) -> None:
        if ca_file and not Path(ca_file).is_file():
            raise errors.SettingsError("BILLCOPY_VAULT_CA_FILE", f"there is no file {ca_file}")
        session = requests.Session()
        session.trust_env = False  # no proxy, .netrc or CA of the environment: settings decide
        session.verify = ca_file or True
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=RETRIES))
        self.url = url
        self.client = Client(
            url=url,
            token="",  # None would take $VAULT_TOKEN or ~/.vault-token
            namespace=namespace,
            session=session,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
        )
        self._lock = threading.Lock()

    __reduce_ex__ = not_portable

    def ask(
        self,
        what: str,
        call: Callable[[Client], T],
        *,
        refused: type[errors.VaultError] = errors.VaultDenied,
        missing: type[errors.VaultError] = errors.VaultDenied,
    ) -> T:
        """Do one call and take what is needed out of its answer.

        Args:
            what: completes "Vault refused to …".
            call: the call; a shape it did not expect counts as an answer that is not Vault's.
            refused: the error for the answers 400 and 403.
            missing: the error for the answer 404.
        """
        try:
            with self._lock:
                return call(self.client)
        except exceptions.VaultDown as problem:
            sealed = any("sealed" in str(error) for error in problem.errors or ())
            failure = (
                errors.VaultSealed(f"Vault at {self.url} is sealed: it has to be unsealed")
                if sealed
                else self._unavailable(what, "503")
            )
        except (exceptions.Forbidden, exceptions.Unauthorized, exceptions.InvalidRequest):
            failure = refused(f"Vault at {self.url} refused to {what}")
        except exceptions.InvalidPath:
            failure = missing(f"Vault at {self.url} knows no such thing: cannot {what}")
        except (requests.JSONDecodeError, LookupError, TypeError, AttributeError):
            failure = self._unavailable(what, "its answer is not Vault's")
        except (exceptions.VaultError, OSError, ValueError) as problem:
            failure = self._unavailable(what, type(problem).__name__)
        raise failure

    def _unavailable(self, what: str, why: str) -> errors.VaultError:
        return errors.VaultUnavailable(f"Vault at {self.url} was not able to {what} ({why})")

    def sign_in(self, role_id: str, secret_id: str) -> int:
        """Sign in with an AppRole; the token's life in seconds."""
        return self.ask(
            "sign in with this AppRole",
            lambda client: int(
                client.auth.approle.login(role_id, secret_id)["auth"]["lease_duration"]
            ),
        )

    def close(self) -> None:
        """Revoke our token, if we have one; a failure only means that it dies by itself later."""
        if self.client.token:
            try:
                self.ask("revoke a token", lambda client: client.auth.token.revoke_self())
            except errors.VaultError as problem:
                logger.warning("Vault token not revoked, it expires by itself: %s", problem)
            self.client.token = ""
        self.client.adapter.close()


def moment_of(said: object) -> datetime | None:
    """A moment or a day (its start, UTC) that somebody wrote into Vault; None: it is neither."""
    try:
        moment = datetime.fromisoformat(str(said).strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Health:
    """What Vault says about itself."""

    initialized: bool
    sealed: bool
    version: str
    clock_ahead_seconds: float  # Vault's clock minus ours


def health(url: str, *, namespace: str | None = None, ca_file: str | None = None) -> Health:
    """How Vault is; sealed is an answer, not an error.

    Raises:
        VaultUnavailable: no answer, or none of Vault's.
    """

    def read(client: Client) -> Health:
        answer = client.sys.read_health_status(method="GET")
        body: dict[str, Any] = answer if isinstance(answer, dict) else answer.json()
        return Health(
            initialized=bool(body["initialized"]),
            sealed=bool(body["sealed"]),
            version=str(body.get("version", "unknown")),
            clock_ahead_seconds=float(body["server_time_utc"]) - time.time(),
        )

    vault = Vault(url, namespace=namespace, ca_file=ca_file)
    try:
        return vault.ask("say how it is", read)
    finally:
        vault.close()
