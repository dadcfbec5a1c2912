"""Who is logged in to the console.

A session is an unguessable token in a cookie; what it stands for is kept in this process's
memory only. The credential itself is kept, not what it was once worth, so that a revoked key ends
its sessions at the next click. A restart logs everyone out.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

IDLE_SECONDS = 30 * 60
LONGEST_SECONDS = 12 * 3600  # NIST SP 800-63B: a day's work, then show the key again
MOST = 1000


@dataclass
class _Session:
    credential: str = field(repr=False)
    started: float
    seen: float
    purpose: str = ""


class Sessions:
    """The sessions of one process; safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}

    def open(self, credential: str, purpose: str = "") -> str:
        """Begin a session, perhaps for a stated purpose; returns the token for the cookie."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._lock:
            self._forget_old(now)
            while len(self._sessions) >= MOST:
                longest_unseen = min(self._sessions, key=lambda k: self._sessions[k].seen)
                del self._sessions[longest_unseen]
            self._sessions[_key(token)] = _Session(credential, now, now, purpose)
        return token

    def credential(self, token: str) -> str | None:
        """The credential behind a token that is still good, and note that it was used."""
        now = self._clock()
        with self._lock:
            self._forget_old(now)
            session = self._sessions.get(_key(token))
            if session is None:
                return None
            session.seen = now
            return session.credential

    def purpose(self, token: str) -> str:
        """What the session is for, if that was said."""
        with self._lock:
            session = self._sessions.get(_key(token))
            return session.purpose if session else ""

    def change(self, token: str, purpose: str) -> None:
        """From now on the session is for this purpose; without one, for what its role says."""
        with self._lock:
            if (session := self._sessions.get(_key(token))) is not None:
                session.purpose = purpose

    def close(self, token: str) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(_key(token), None)

    def _forget_old(self, now: float) -> None:
        self._sessions = {
            key: s
            for key, s in self._sessions.items()
            if now - s.seen < IDLE_SECONDS and now - s.started < LONGEST_SECONDS
        }


def _key(token: str) -> str:
    # Looked up by hash: comparing a guess with a stored token leaks nothing through time.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
