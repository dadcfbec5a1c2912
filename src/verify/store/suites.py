"""Cryptographic suites of the log: how its tree hashes and how its checkpoints are signed.

Every digest, key and signature names its algorithm, so that one log may be kept with SHA-256 and
another with SM3 by the same code. What the libraries here can do, and nothing more:

    sha256   RFC 6962 tree over SHA-256                       the default
    sm3      the same tree over SM3 (GB/T 32905)              available
    ed25519  checkpoints signed with Ed25519 (RFC 8032)       available
    sm2      checkpoints signed with SM2 (GB/T 32918)         not available: `cryptography` has no
             SM2 signatures, and pure-Python ones are not constant-time; it needs a certified module
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes

from verify.domain.errors import Conflict

SIZE = 32
"""Bytes of a digest, in every suite."""


@dataclass(frozen=True)
class Suite:
    """The hash of a tree (RFC 6962 section 2.1: leaves and nodes have different prefixes)."""

    name: str
    digest: Callable[[bytes], bytes] = field(repr=False)

    def leaf(self, data: bytes) -> bytes:
        """Hash of a leaf."""
        return self.digest(b"\x00" + data)

    def node(self, left: bytes, right: bytes) -> bytes:
        """Hash of an inner node."""
        return self.digest(b"\x01" + left + right)

    def empty(self) -> bytes:
        """Root of the tree without a leaf."""
        return self.digest(b"")


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _sm3(data: bytes) -> bytes:
    hasher = hashes.Hash(hashes.SM3())
    hasher.update(data)
    return hasher.finalize()


SHA256 = Suite("sha256", _sha256)
SM3 = Suite("sm3", _sm3)
_SUITES = {suite.name: suite for suite in (SHA256, SM3)}


def suite(name: str) -> Suite:
    """The suite of that name.

    Raises:
        Conflict: there is none; says which there are.
    """
    try:
        return _SUITES[name]
    except KeyError:
        raise Conflict(
            f"there is no tree hash {name!r}"
            + (" (SM2 signatures need a certified module)" if "sm2" in name else ""),
            where="VERIFY_LOG_HASH",
            remedy=f"use one of: {', '.join(sorted(_SUITES))}",
        ) from None
