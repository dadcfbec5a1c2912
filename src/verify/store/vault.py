"""The evidence vault: personal data at rest is ciphertext, and its digests give nothing away.

    master key      outside the database (`VERIFY_MASTER_KEY`, or a file); wraps the data keys
    data key        one per *scope*: region, programme and month of acceptance; AES-256-GCM
    blob            sealed under its scope's key, compressed, bound to its place in the database

Erasing a scope's key erases what was sealed under it, wherever copies and backups of the rows may
lie; the ledger keeps its proof, because it holds digests only.

A plain digest of an answer that holds nothing but an id number could be found by trying all ids.
So what comes from outside is digested together with a *salt* that only the data key gives
(`HMAC(data key, body)`, so the same body has the same digest, and is stored once, within a scope);
the salt lies inside the sealed blob. Ids are found again by a *blind index*, an HMAC under a data
key of its own.

Every value names its algorithm, so that another (SM4) may follow.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import os
import secrets
import zlib
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from verify.domain.canonical import digest_bytes
from verify.domain.errors import Conflict, IntegrityError

AES_256_GCM = b"\x01"
SEALED_TEXT = "sealed:1:"
"""How the sealed value of a column begins; its scope and the ciphertext follow."""
KEY, NONCE, SALT = 32, 12, 16
WORTH_COMPRESSING = 200
_SALTED, _COMPRESSED = 1, 2


@dataclass(frozen=True, slots=True)
class Sealed:
    """A body as it is stored: its digest, the scope of its key, and the ciphertext."""

    digest: str
    scope: str | None
    body: bytes = field(repr=False)


class Sealer(Protocol):
    """Whatever turns a body into what is stored."""

    def seal(self, body: bytes, *, salted: bool) -> Sealed:
        """Seal a body. `salted`: it came from outside, so its plain digest could be guessed."""
        ...

    def seal_text(self, text: str, place: str) -> str:
        """Seal the value of a column, bound to `place` (table, column and row)."""
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A body as it was given, and the salt that its digest includes (empty for our documents)."""

    body: bytes = field(repr=False)
    salt: bytes = field(default=b"", repr=False)


def seal_bytes(key: bytes, plain: bytes, place: str) -> bytes:
    """Encrypt under AES-256-GCM, bound to `place` (table, column and row)."""
    nonce = secrets.token_bytes(NONCE)
    return AES_256_GCM + nonce + AESGCM(key).encrypt(nonce, plain, place.encode())


def open_bytes(key: bytes, sealed: bytes, place: str) -> bytes:
    """Decrypt what `seal_bytes` made.

    Raises:
        ValueError: it was changed, or belongs to another place or key.
    """
    if sealed[:1] != AES_256_GCM:
        raise ValueError("sealed with an algorithm that is not known here")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], place.encode())
    except InvalidTag:
        raise ValueError("it does not open under its key") from None


@dataclass(frozen=True)
class DataKey:
    """The key of a scope."""

    scope: str
    _key: bytes = field(repr=False)

    def seal(self, body: bytes, *, salted: bool) -> Sealed:
        """Seal a body. `salted`: it came from outside, so its plain digest could be guessed."""
        salt = self._salt(body) if salted else b""
        digest = digest_bytes(salt + body)
        packed = zlib.compress(body, 1) if len(body) >= WORTH_COMPRESSING else body
        smaller = len(packed) < len(body)
        flags = (_SALTED if salted else 0) | (_COMPRESSED if smaller else 0)
        plain = bytes([flags]) + salt + (packed if smaller else body)
        return Sealed(digest, self.scope, seal_bytes(self._key, plain, self._place(digest)))

    def open(self, digest: str, sealed: bytes) -> Opened:
        """Open a sealed body; raises `ValueError` if it is not what has that digest."""
        plain = open_bytes(self._key, sealed, self._place(digest))
        flags, rest = plain[0], plain[1:]
        salt, rest = (rest[:SALT], rest[SALT:]) if flags & _SALTED else (b"", rest)
        body = zlib.decompress(rest) if flags & _COMPRESSED else rest
        if digest_bytes(salt + body) != digest:
            raise ValueError("it does not have its digest")
        return Opened(body, salt)

    def _place(self, digest: str) -> str:
        return f"blobs/body/{digest}/{self.scope}"

    def seal_text(self, text: str, place: str) -> str:
        """Seal the value of a column (`verify.store.columns`); nothing stays nothing."""
        if not text:
            return text
        key = _derived(self._key, "column")
        sealed = seal_bytes(key, text.encode("utf-8", "surrogatepass"), f"{self.scope}/{place}")
        return f"{SEALED_TEXT}{self.scope}:{base64.urlsafe_b64encode(sealed).decode()}"

    def open_text(self, text: str, place: str) -> str:
        """Open what `seal_text` made; raises `ValueError` if it was changed or moved."""
        sealed = base64.urlsafe_b64decode(text.rpartition(":")[2].encode())
        key = _derived(self._key, "column")
        return open_bytes(key, sealed, f"{self.scope}/{place}").decode("utf-8", "surrogatepass")

    def blind(self, kind: str, value: str) -> str:
        """See `Keyring.blind`."""
        key = _derived(self._key, f"blind/{kind}")
        return "hs256:" + hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _salt(self, body: bytes) -> bytes:
        return hmac.digest(_derived(self._key, "salt"), body, "sha256")[:SALT]


def _derived(key: bytes, purpose: str) -> bytes:
    """A key for one purpose (HKDF-Expand of RFC 5869, one block: the input is a random key)."""
    return hmac.digest(key, f"verify/{purpose}/1".encode() + b"\x01", "sha256")


@dataclass(frozen=True)
class MasterKeys:
    """The master key, and older ones that still unwrap (during a rotation)."""

    _keys: tuple[bytes, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> MasterKeys:
        """Read keys: base64 of 32 bytes, one a line, the one that wraps first.

        Raises:
            Conflict: it is not that. The text is never repeated.
        """
        keys = []
        for line in text.split():
            try:
                keys.append(base64.b64decode(line, validate=True))
            except ValueError:
                raise _no_master() from None
        if not keys or any(len(key) != KEY for key in keys):
            raise _no_master()
        return cls(tuple(keys))

    @staticmethod
    def new_text() -> str:
        """A fresh key as text for a file."""
        return base64.b64encode(os.urandom(KEY)).decode()

    @property
    def name(self) -> str:
        """Name of the key that wraps: a fingerprint."""
        return _name(self._keys[0])

    def new_data_key(self, scope: str) -> tuple[DataKey, bytes]:
        """A fresh data key, and its wrapped form for the database."""
        key = os.urandom(KEY)
        return DataKey(scope, key), self._wrapped(scope, key)

    def _wrapped(self, scope: str, key: bytes) -> bytes:
        return seal_bytes(_derived(self._keys[0], "wrap"), key, f"data_keys/wrapped/{scope}")

    def unwrap(self, scope: str, wrapped: bytes, master: str) -> DataKey:
        """The data key of a scope.

        Raises:
            Conflict: the master key that wrapped it is not here.
            IntegrityError: the wrapped key was changed.
        """
        for key in self._keys:
            if _name(key) == master:
                try:
                    plain = open_bytes(_derived(key, "wrap"), wrapped, f"data_keys/wrapped/{scope}")
                except ValueError:
                    raise IntegrityError(
                        "the stored data key was changed; it does not open",
                        where=f"key {scope}",
                        remedy="restore the database from a backup and keep the changed one as "
                        "evidence",
                    ) from None
                return DataKey(scope, plain)
        raise no_master()

    def has(self, master: str) -> bool:
        """Whether a master key of that name is here."""
        return any(_name(key) == master for key in self._keys)

    def rewrap(self, scope: str, wrapped: bytes, master: str) -> bytes:
        """A data key wrapped under the first master key."""
        key = self.unwrap(scope, wrapped, master)
        return self._wrapped(scope, key._key)


def _name(key: bytes) -> str:
    return hashlib.sha256(_derived(key, "name")).hexdigest()[:16]


def no_master() -> Conflict:
    """The error for evidence whose master key is elsewhere."""
    return Conflict(
        "the master key that protects this evidence is not here",
        where="VERIFY_MASTER_KEY_FILE",
        remedy="put the installation's own master key there; keep older ones below it",
    )


def _no_master() -> Conflict:
    return Conflict(
        "the master key is not base64 of 32 bytes, one key a line",
        where="VERIFY_MASTER_KEY",
        remedy="restore it from where you keep its copy; without it stored evidence is unreadable",
    )


def scope_of(region: str, programme: str, accepted_ms: int) -> str:
    """Scope of a verification's data key: `310101/dibao/2025-10` (UTC month of acceptance)."""
    accepted = dt.date(1970, 1, 1) + dt.timedelta(days=accepted_ms // 86_400_000)
    return f"{region}/{programme}/{accepted:%Y-%m}"
