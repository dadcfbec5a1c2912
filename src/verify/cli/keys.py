"""This installation's own signing key and the tokens minted with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from verify.domain.access import RoleName
from verify.service import access
from verify.service.clock import now_ms
from verify.settings import Settings

KEYS_FOLDER = "keys"


def signing_key(home: Path) -> access.SigningKey:
    """The installation's signing key; made on first use."""
    return access.new_signing_key(home / KEYS_FOLDER)


def mint(
    settings: Settings,
    subject: str,
    roles: Sequence[RoleName],
    regions: Sequence[str],
    minutes: int,
) -> tuple[str, Path]:
    """A bearer token, and the file with the public keys that verify it."""
    raise NotImplementedError
