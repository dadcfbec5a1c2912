"""Credentials of a source: where they are, and how they go onto a request.

Secrets come from the environment (`NAME`, or `NAME_FILE` for a file that holds it), are read
when first needed, and go to the source's own host only (`verify.connectors.http.Client`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from verify.connectors.declaration import ApiKey, Auth, Basic, Hmac, OAuth2, SecretRef
from verify.connectors.http import Failure, Reply
from verify.connectors.mapping import Mismatch, get, get_text
from verify.connectors.wire import Malformed, parse_json
from verify.domain.canonical import canonical_bytes
from verify.domain.evidence import EvidenceState

Post = Callable[[str, Mapping[str, str], bytes], Reply]
TOKEN_MARGIN_SECONDS = 5


class Credentials(Protocol):
    """How one source knows us."""

    def headers(self, content: bytes, post: Post) -> dict[str, str]:
        """Headers for a request with this body; `post` reaches the source's own host."""

    def refused(self) -> bool:
        """The source answered 401; whether another try with fresh credentials makes sense."""

    def genuine(self, body: bytes) -> bool:
        """Whether the answer carries a valid signature, where the source signs its answers."""


def credentials_for(auth: Auth, environment: Mapping[str, str]) -> Credentials:
    """The credentials that a declaration asks for."""
    secrets = Secrets(environment)
    match auth:
        case OAuth2():
            return _OAuth2Credentials(auth, secrets)
        case ApiKey():
            return _Fixed(lambda: {auth.header: secrets.read(auth.key)})
        case Basic():
            return _Fixed(lambda: _basic(secrets.read(auth.user), secrets.read(auth.password)))
        case Hmac():
            return _HmacCredentials(auth, secrets)


class Secrets:
    """Reads secrets by name."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def read(self, ref: SecretRef) -> str:
        """The secret.

        Raises:
            Failure: it is not configured; nothing is sent.
        """
        value = self._environment.get(ref.env, "")
        file = self._environment.get(f"{ref.env}_FILE", "")
        if not value and file:
            try:
                value = Path(file).read_text(encoding="utf-8").strip()
            except OSError:
                raise Failure(EvidenceState.UNAUTHORISED, "secret_unreadable") from None
        if not value:
            raise Failure(EvidenceState.UNAUTHORISED, "secret_missing")
        return value


def _basic(user: str, password: str) -> dict[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"authorization": f"Basic {token}"}


class _Fixed:
    def __init__(self, make: Callable[[], dict[str, str]]) -> None:
        self._make = make

    def headers(self, content: bytes, post: Post) -> dict[str, str]:
        return self._make()

    def refused(self) -> bool:
        return False

    def genuine(self, body: bytes) -> bool:
        return True


class _OAuth2Credentials:
    """Keeps one token for all threads; a refused token is fetched anew once."""

    def __init__(self, auth: OAuth2, secrets: Secrets) -> None:
        self._auth = auth
        self._secrets = secrets
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def headers(self, content: bytes, post: Post) -> dict[str, str]:
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._fetch(post)
            return {"authorization": f"Bearer {self._token}"}

    def _fetch(self, post: Post) -> None:
        client = self._secrets.read(self._auth.client_id)
        headers = {
            **_basic(client, self._secrets.read(self._auth.client_secret)),
            "content-type": "application/x-www-form-urlencoded",
        }
        form = urlencode({"grant_type": "client_credentials"}).encode()
        reply = post(self._auth.token_path, headers, form)
        if reply.status != 200:
            raise Failure(EvidenceState.UNAUTHORISED, "token_refused", status=reply.status)
        try:
            answer = parse_json(reply.body)
            self._token = get_text(answer, "access_token")
            lifetime = int(get_text(answer, "expires_in"))
        except (Malformed, Mismatch, ValueError):
            raise Failure(EvidenceState.MALFORMED, "token_unreadable") from None
        self._until = time.monotonic() + max(0, lifetime - TOKEN_MARGIN_SECONDS)

    def refused(self) -> bool:
        with self._lock:
            had, self._token = self._token, ""
            return bool(had)

    def genuine(self, body: bytes) -> bool:
        return True


class _HmacCredentials:
    """Signs requests, and checks that answers are signed with the key we share."""

    def __init__(self, auth: Hmac, secrets: Secrets) -> None:
        self._auth = auth
        self._secrets = secrets

    def headers(self, content: bytes, post: Post) -> dict[str, str]:
        key = self._secrets.read(self._auth.key)
        return {
            self._auth.key_id_header: self._secrets.read(self._auth.key_id),
            self._auth.signature_header: sign(key, content),
        }

    def refused(self) -> bool:
        return False

    def genuine(self, body: bytes) -> bool:
        try:
            answer = parse_json(body)
            head: Any = get(answer, self._auth.head)
            signed = signed_bytes(head, get_text(answer, self._auth.payload))
            given = get_text(answer, self._auth.signature)
            key_id = get_text(answer, self._auth.answered_key_id)
        except (Malformed, Mismatch, TypeError):
            return False
        expected = sign(self._secrets.read(self._auth.key), signed)
        same_key = hmac.compare_digest(
            key_id.encode(), self._secrets.read(self._auth.key_id).encode()
        )
        return same_key and hmac.compare_digest(given.encode(), expected.encode())


def signed_bytes(head: Any, payload: str) -> bytes:
    """What the signature of an answer covers."""
    return canonical_bytes(head) + b"\n" + payload.encode("utf-8")


def sign(key: str, data: bytes) -> str:
    """base64 of HMAC-SHA256."""
    digest = hmac.new(key.encode("utf-8"), data, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
