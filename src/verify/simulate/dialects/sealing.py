"""How departments sign and encrypt, made independently of the engine's own code for it."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def mac(algorithm: str, key: str, data: bytes) -> str:
    """base64 of an HMAC with SHA-256 or SM3."""
    made = hmac.HMAC(key.encode(), hashes.SM3() if algorithm == "sm3" else hashes.SHA256())
    made.update(data)
    return base64.b64encode(made.finalize()).decode()


def sm4_gcm(key: bytes, nonce: bytes, data: bytes) -> bytes:
    """Nonce, cipher text and tag."""
    made = Cipher(algorithms.SM4(key), modes.GCM(nonce)).encryptor()
    return nonce + made.update(data) + made.finalize() + made.tag
