"""Credentials of a source: where they are, and how they go onto a request.

Secrets are named, never written, in a declaration. They come from the environment (`NAME`), from
a file (`NAME_FILE`) or from the system's key store (`NAME_KEYRING`: service/user), are read when
first needed, and go to the host they were given for only: `NAME_HOST` (host:port, several
separated by commas), or, without it, the address that the same environment gives to the same
source. An address that a declaration brings along gets no secret, unless it is the loopback
interface.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets as random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from verify.connectors import suites
from verify.connectors.auths import (
    ApiKey,
    Auth,
    Basic,
    Hmac,
    MutualTls,
    NoAuth,
    OAuth2,
    SftpKey,
    Signed,
)
from verify.connectors.egress import LOOPBACK, Target
from verify.connectors.http import Failure, Reply
from verify.connectors.places import Mismatch, get, get_text
from verify.connectors.protocols import SecretRef
from verify.connectors.wire import Malformed, parse_json
from verify.domain.canonical import canonical_bytes
from verify.domain.evidence import EvidenceState

Post = Callable[[str, Mapping[str, str], bytes], Reply]
TOKEN_MARGIN_SECONDS = 5
_ADDRESS = re.compile(r"VERIFY_SOURCE_[A-Z0-9_]+_URL", re.ASCII)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What a signature may cover: method, path and body."""

    method: str
    path: str
    body: bytes


class Credentials(Protocol):
    """How one source knows us."""

    def headers(self, request: Outgoing, post: Post) -> dict[str, str]:
        """Headers for this request; `post` reaches the source's own host."""

    def refused(self) -> bool:
        """The source answered 401; whether another try with fresh credentials makes sense."""

    def genuine(self, body: bytes) -> bool:
        """Whether the answer carries a valid signature, where the source signs its answers."""


def credentials_for(auth: Auth, secrets: Secrets) -> Credentials:
    """The credentials that a declaration asks for."""
    match auth:
        case OAuth2():
            return _OAuth2Credentials(auth, secrets)
        case ApiKey():
            return _Fixed(lambda: {auth.header: secrets.read(auth.key)})
        case Basic():
            return _Fixed(lambda: _basic(secrets.read(auth.user), secrets.read(auth.password)))
        case Hmac():
            return _HmacCredentials(auth, secrets)
        case Signed():
            return _SignedRequests(auth, secrets)
        case NoAuth() | MutualTls() | SftpKey():
            return _Fixed(dict)  # the connection itself proves who we are


class Secrets:
    """Reads secrets by name, for one destination.

    `target` is where they would go; `addressed_by` is the environment variable that gave that
    address, empty where the declaration itself brought it along.
    """

    def __init__(self, environment: Mapping[str, str], target: Target, addressed_by: str) -> None:
        self._environment = environment
        self.target = target
        self._family = _family(addressed_by)
        self._families = [_family(n) for n in environment if _ADDRESS.fullmatch(n)]

    def read(self, ref: SecretRef) -> str:
        """The secret.

        Raises:
            Failure: it is not configured, or was given for another host; nothing is sent.
        """
        value = self._find(ref.env)
        if not value:
            raise Failure(EvidenceState.UNAUTHORISED, "secret_missing")
        if not self.given_for_here(ref.env):
            raise Failure(EvidenceState.UNAUTHORISED, "secret_given_for_another_host")
        return value

    def path(self, ref: SecretRef) -> str:
        """The path of the file that holds a secret, for libraries that read it themselves.

        Raises:
            Failure: see `read`; or the secret is not in a file.
        """
        self.read(ref)
        file = self._environment.get(f"{ref.env}_FILE", "")
        if not file:
            raise Failure(EvidenceState.UNAUTHORISED, "secret_not_in_a_file")
        return file

    def _find(self, name: str) -> str:
        if value := self._environment.get(name, ""):
            return value
        if file := self._environment.get(f"{name}_FILE", ""):
            try:
                return Path(file).read_text(encoding="utf-8").strip()
            except OSError:
                raise Failure(EvidenceState.UNAUTHORISED, "secret_unreadable") from None
        if entry := self._environment.get(f"{name}_KEYRING", ""):
            return _from_keyring(entry)
        return ""

    def given_for_here(self, name: str) -> bool:
        """Whether the secret was given for this destination; nothing is read."""
        if place := self._environment.get(f"{name}_HOST", ""):
            return self.target.place in (p.strip() for p in place.split(","))
        if not self._family:
            return self.target.host in LOOPBACK
        # The longest name decides: a secret of `tax_local` does not belong to `tax`.
        owners = [f for f in self._families if name.startswith(f)]
        return max(owners, key=len, default="") == self._family


def _family(variable: str) -> str:
    """`VERIFY_SOURCE_TAX_URL` gives `VERIFY_SOURCE_TAX_`: what belongs to one source."""
    return variable.removesuffix("URL") if variable.endswith("_URL") else variable


def _from_keyring(entry: str) -> str:
    service, _, user = entry.partition("/")
    try:
        import keyring
    except ImportError:
        raise Failure(EvidenceState.UNAUTHORISED, "keyring_not_installed") from None
    try:
        return keyring.get_password(service, user) or ""
    except keyring.errors.KeyringError:
        raise Failure(EvidenceState.UNAUTHORISED, "secret_unreadable") from None


def _basic(user: str, password: str) -> dict[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"authorization": f"Basic {token}"}


class _Fixed:
    def __init__(self, make: Callable[[], dict[str, str]]) -> None:
        self._make = make

    def headers(self, request: Outgoing, post: Post) -> dict[str, str]:
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

    def headers(self, request: Outgoing, post: Post) -> dict[str, str]:
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


def _suite(algorithm: str, key: str, data: bytes) -> str:
    try:
        return suites.sign(algorithm, key, data)
    except suites.SuiteUnavailable:
        raise Failure(EvidenceState.UNAUTHORISED, "suite_unavailable") from None


class _SignedRequests:
    """Signs method, path, time, nonce and body of each request."""

    def __init__(self, auth: Signed, secrets: Secrets) -> None:
        self._auth = auth
        self._secrets = secrets

    def headers(self, request: Outgoing, post: Post) -> dict[str, str]:
        moment, nonce = str(int(time.time())), random.token_hex(16)
        lines = [request.method, request.path, moment, nonce]
        signed = "\n".join(lines).encode() + b"\n" + request.body
        key = self._secrets.read(self._auth.key)
        return {
            self._auth.key_id_header: self._secrets.read(self._auth.key_id),
            self._auth.time_header: moment,
            self._auth.nonce_header: nonce,
            self._auth.signature_header: _suite(self._auth.algorithm, key, signed),
        }

    def refused(self) -> bool:
        return False

    def genuine(self, body: bytes) -> bool:
        return True


class _HmacCredentials:
    """Signs requests, and checks that answers are signed with the key we share."""

    def __init__(self, auth: Hmac, secrets: Secrets) -> None:
        self._auth = auth
        self._secrets = secrets

    def _sign(self, key: str, data: bytes) -> str:
        return _suite(self._auth.kind, key, data)

    def headers(self, request: Outgoing, post: Post) -> dict[str, str]:
        key = self._secrets.read(self._auth.key)
        return {
            self._auth.key_id_header: self._secrets.read(self._auth.key_id),
            self._auth.signature_header: self._sign(key, request.body),
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
        expected = self._sign(self._secrets.read(self._auth.key), signed)
        same_key = hmac.compare_digest(
            key_id.encode(), self._secrets.read(self._auth.key_id).encode()
        )
        return same_key and hmac.compare_digest(given.encode(), expected.encode())


def signed_bytes(head: Any, payload: str) -> bytes:
    """What the signature of an answer covers."""
    return canonical_bytes(head) + b"\n" + payload.encode("utf-8")
