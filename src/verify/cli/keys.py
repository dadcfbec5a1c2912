"""This installation's own signing key, for trials."""

from __future__ import annotations

from pathlib import Path

from verify.service.access import SigningKey, new_signing_key

KEYS_FOLDER = "keys"


def signing_key(home: Path) -> SigningKey:
    """The key pair in the home folder; made on first use."""
    return new_signing_key(home / KEYS_FOLDER)
