"""Bearer tokens: which algorithms and public keys are accepted, and how to mint one for trials."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from verify.domain.access import RoleName
from verify.domain.errors import ContentError
from verify.settings import Settings

PublicKey = OKPKey | ECKey | RSAKey

ALGORITHMS = ("Ed25519", "EdDSA", "ES256", "RS256")
"""Accepted signatures. `EdDSA` is what most providers still call Ed25519 (RFC 9864)."""

LEEWAY_SECONDS = 30
MIN_RSA_BITS = 2048


class Registry(JWSRegistry):
    """Exactly `ALGORITHMS`, without a warning on every token that says `EdDSA`."""

    def get_alg(self, name: str) -> Any:
        """The algorithm, if it is one of ours."""
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError("this algorithm is not accepted")
        return self.algorithms[name]


class Signed(Protocol):
    """What the library hands to a key finder."""

    def headers(self) -> dict[str, Any]:
        """The token's header."""
        ...


class PublicKeys:
    """The public keys of a JWKS file, read again when the file changes."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._keys: tuple[PublicKey, ...] = ()

    def find(self, token: Signed) -> PublicKey:
        """The key that must have signed a token: by `kid`, or the only one of its kind.

        Raises:
            ValueError: no such key.
            ContentError: the file cannot be used.
        """
        header = token.headers()
        kid, algorithm = header.get("kid"), header.get("alg")
        usable = [
            key
            for key in self._current()
            if algorithm in _algorithms(key) and (kid is None or key.kid == kid)
        ]
        if len(usable) != 1:
            raise ValueError("no key, or more than one, could have signed this token")
        return usable[0]

    def _current(self) -> tuple[PublicKey, ...]:
        if self._path is None:
            return ()
        with self._lock:
            try:
                stat = self._path.stat()
                stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
                if stamp != self._stamp:
                    self._keys = _read(self._path)
                    self._stamp = stamp
            except OSError:
                raise _unusable("it cannot be read") from None
            return self._keys


def _read(path: Path) -> tuple[PublicKey, ...]:
    try:
        data = json.loads(path.read_bytes())
        if any(_secret(key) for key in data["keys"]):
            raise _unusable("it holds a private or a shared key")
        keys = KeySet.import_key_set(data).keys
    except (JoseError, ValueError, TypeError, KeyError):
        raise _unusable("it is not a JSON Web Key Set") from None
    return tuple(key for key in keys if isinstance(key, PublicKey) and _algorithms(key))


def _secret(key: dict[str, Any]) -> bool:
    return "d" in key or "k" in key or key.get("kty") == "oct"


def _algorithms(key: PublicKey) -> tuple[str, ...]:
    """The algorithms a key may verify; a weak key or one for encryption verifies none."""
    raw = key.as_dict(private=False)
    if raw.get("use", "sig") != "sig":
        return ()
    fitting: tuple[str, ...] = ()
    if isinstance(key, OKPKey) and raw.get("crv") == "Ed25519":
        fitting = ("Ed25519", "EdDSA")
    elif isinstance(key, ECKey) and raw.get("crv") == "P-256":
        fitting = ("ES256",)
    elif isinstance(key, RSAKey) and key.public_key.key_size >= MIN_RSA_BITS:
        fitting = ("RS256",)
    declared = raw.get("alg")
    return fitting if declared is None or declared in fitting else ()


def _unusable(reason: str) -> ContentError:
    return ContentError(
        f"the file of public keys cannot be used: {reason}",
        where="VERIFY_JWKS_FILE",
        remedy="give a JWKS file with the public keys of the identity provider only",
    )


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An installation's own key pair for trials; `jwks_file` is what VERIFY_JWKS_FILE names."""

    private: OKPKey = field(repr=False)
    private_file: Path
    jwks_file: Path


def new_signing_key(folder: Path) -> SigningKey:
    """The Ed25519 signing key kept in `folder`, made there the first time.

    The private half is readable by its owner only; `jwks.json` holds the public half.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private_file, jwks_file = folder / "signing-key.json", folder / "jwks.json"
    if not private_file.exists():
        fresh = OKPKey.generate_key("Ed25519", {"use": "sig"})
        fresh.ensure_kid()
        _write_once(private_file, fresh.as_dict(private=True))
    private = OKPKey.import_key(json.loads(private_file.read_bytes()))
    if not jwks_file.exists():
        _write_once(jwks_file, {"keys": [private.as_dict(private=False)]})
    return SigningKey(private, private_file, jwks_file)


def _write_once(path: Path, value: dict[str, Any]) -> None:
    """Write whole or not at all; whoever comes second keeps the first one's file."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(value, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.link(scratch, path)
    except FileExistsError:
        pass
    finally:
        scratch.unlink()


def mint_token(
    key: SigningKey,
    settings: Settings,
    *,
    subject: str,
    roles: Iterable[RoleName],
    regions: Iterable[str],
    now: int,
    seconds: int = 1800,
) -> str:
    """A bearer token for trials, valid from `now` (epoch milliseconds) for `seconds`."""
    issued = now // 1000
    claims = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": subject,
        "nbf": issued,
        "exp": issued + seconds,
        "roles": sorted(RoleName(role).value for role in roles),
        "regions": sorted(regions),
    }
    header = {"alg": "Ed25519", "kid": key.private.kid}
    return jwt.encode(header, claims, key.private, registry=Registry(algorithms=["Ed25519"]))
