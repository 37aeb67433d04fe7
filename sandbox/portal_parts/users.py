"""Users and sessions: one session per user, five wrong passwords lock the user, sessions expire.

Kept in the process only, like the old application servers these portals pretend to be: a restart
ends every session. Passwords are held as salted digests and written nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass, field
from enum import Enum

from sandbox.portal_parts.options import CLERK, SERVICE_USER

WRONG_PASSWORDS_TO_LOCK = 5
RIGHTS = {
    SERVICE_USER: frozenset({"read", "send"}),
    CLERK: frozenset({"read", "send", "void", "edit"}),
}


class Answer(Enum):
    """What came of a sign-in."""

    WELCOME = "welcome"
    WRONG = "wrong"
    LOCKED = "locked"


class Ended(Enum):
    """Why a session is no longer one."""

    NONE = "none"
    EXPIRED = "expired"
    ELSEWHERE = "elsewhere"


@dataclass
class Session:
    """A signed-in user."""

    user: str
    token: str = field(repr=False)
    used_at: float
    notice_read: bool = False

    def may(self, right: str) -> bool:
        """Whether the user has this right."""
        return right in RIGHTS[self.user]


@dataclass
class _User:
    digest: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    wrong: int = 0
    locked: bool = False


class Users:
    """Who may sign in, and who is signed in."""

    def __init__(self, passwords: dict[str, str], *, session_minutes: float) -> None:
        self._lock = threading.Lock()
        self._session_seconds = session_minutes * 60
        self._first = {name: self._user(word) for name, word in passwords.items()}
        self._users: dict[str, _User] = {}
        self._sessions: dict[str, Session] = {}
        self._replaced: set[str] = set()
        self.reset()

    def reset(self) -> None:
        """The first passwords again, nobody locked, nobody signed in."""
        with self._lock:
            self._users = {n: _User(digest=u.digest, salt=u.salt) for n, u in self._first.items()}
            self._sessions.clear()
            self._replaced.clear()

    def restore(self, name: str) -> None:
        """The user's first password again, unlocked; who is signed in stays so."""
        with self._lock:
            if first := self._first.get(name):
                self._users[name] = _User(digest=first.digest, salt=first.salt)

    def change_password(self, name: str, password: str) -> None:
        """Another password from now on; who is signed in stays so."""
        with self._lock:
            self._users[name] = self._user(password)

    def set_locked(self, name: str, *, locked: bool) -> None:
        """Lock or unlock a user."""
        with self._lock:
            self._users[name].locked = locked
            self._users[name].wrong = 0

    def locked(self) -> list[str]:
        """The names of the locked users."""
        with self._lock:
            return sorted(name for name, user in self._users.items() if user.locked)

    def sign_in(self, name: str, password: str) -> tuple[Answer, Session | None]:
        """Start the user's only session; the one before it ends."""
        with self._lock:
            user = self._users.get(name)
            if user is None:
                return Answer.WRONG, None
            if user.locked:
                return Answer.LOCKED, None
            if not hmac.compare_digest(user.digest, self._digest(password, user.salt)):
                user.wrong += 1
                user.locked = user.wrong >= WRONG_PASSWORDS_TO_LOCK
                return (Answer.LOCKED if user.locked else Answer.WRONG), None
            user.wrong = 0
            for token in [t for t, s in self._sessions.items() if s.user == name]:
                del self._sessions[token]
                self._replaced.add(token)
            session = Session(user=name, token=secrets.token_urlsafe(16), used_at=time.monotonic())
            self._sessions[session.token] = session
            return Answer.WELCOME, session

    def session(self, token: str | None) -> Session | Ended:
        """The session of this token, or why there is none."""
        with self._lock:
            session = self._sessions.get(token or "")
            if session is None:
                if token in self._replaced:
                    return Ended.ELSEWHERE
                return Ended.EXPIRED if token else Ended.NONE
            if time.monotonic() - session.used_at > self._session_seconds:
                del self._sessions[session.token]
                return Ended.EXPIRED
            session.used_at = time.monotonic()
            return session

    def end(self, token: str) -> None:
        """Sign this session out."""
        with self._lock:
            self._sessions.pop(token, None)

    def end_all(self) -> None:
        """End every session."""
        with self._lock:
            self._sessions.clear()

    def signed_in(self) -> list[str]:
        """The names of the users with a session."""
        with self._lock:
            return sorted(session.user for session in self._sessions.values())

    @classmethod
    def _user(cls, password: str) -> _User:
        salt = secrets.token_bytes(16)
        return _User(digest=cls._digest(password, salt), salt=salt)

    @staticmethod
    def _digest(password: str, salt: bytes) -> bytes:
        # Few rounds on purpose: the digest lives for the length of a test, and every test signs in.
        return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1000)
