"""Message authentication and encryption by name: the international suite and the SM suite.

Everything that signs or decrypts goes through here, so that a source that must use SM3 and SM4
(GB/T 32905, GB/T 32907) differs in one word of its declaration. Built on `cryptography`; where
its OpenSSL was built without SM algorithms, using them ends as `suite_unavailable`.
"""

from __future__ import annotations

import base64
import hmac as constant_time

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

NONCE, TAG = 12, 16


class SuiteUnavailable(Exception):
    """The algorithm is not in this build of OpenSSL."""


def sign(algorithm: str, key: str, data: bytes) -> str:
    """base64 of the HMAC named `hmac_sha256` or `hmac_sm3`.

    Raises:
        SuiteUnavailable: this OpenSSL has no SM3.
    """
    digest = hashes.SM3() if algorithm == "hmac_sm3" else hashes.SHA256()
    try:
        made = hmac.HMAC(key.encode("utf-8"), digest)
    except UnsupportedAlgorithm:
        raise SuiteUnavailable(algorithm) from None
    made.update(data)
    return base64.b64encode(made.finalize()).decode()


def same(given: str, expected: str) -> bool:
    """Compare two signatures in constant time."""
    return constant_time.compare_digest(given.encode(), expected.encode())


def _cipher(algorithm: str, key: bytes, mode: modes.GCM) -> Cipher[modes.GCM]:
    sm4 = algorithm == "sm4_gcm"
    if len(key) != (16 if sm4 else 32):
        raise ValueError("the key has another length")
    return Cipher(algorithms.SM4(key) if sm4 else algorithms.AES(key), mode)


def encrypt(algorithm: str, key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Nonce, cipher text and tag, of `aes_256_gcm` (32-byte key) or `sm4_gcm` (16-byte key).

    Raises:
        ValueError: the key has another length.
        SuiteUnavailable: this OpenSSL has no SM4.
    """
    try:
        made = _cipher(algorithm, key, modes.GCM(nonce)).encryptor()
        return nonce + made.update(data) + made.finalize() + made.tag
    except UnsupportedAlgorithm:
        raise SuiteUnavailable(algorithm) from None


def decrypt(algorithm: str, key: bytes, sealed: bytes) -> bytes:
    """The plain bytes.

    Raises:
        ValueError: it was not encrypted with this key, or was changed since.
        SuiteUnavailable: this OpenSSL has no SM4.
    """
    if len(sealed) < NONCE + TAG:
        raise ValueError("too short")
    nonce, body, tag = sealed[:NONCE], sealed[NONCE:-TAG], sealed[-TAG:]
    try:
        made = _cipher(algorithm, key, modes.GCM(nonce, tag)).decryptor()
        return made.update(body) + made.finalize()
    except InvalidTag:
        raise ValueError("the tag does not fit") from None
    except UnsupportedAlgorithm:
        raise SuiteUnavailable(algorithm) from None
