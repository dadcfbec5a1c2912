"""Identifiers: of verifications, verdicts and proposed rules; callback tokens."""

from __future__ import annotations

import re
import secrets

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
VERIFICATION_ID = re.compile(r"v_[0-9a-hjkmnp-tv-z]{26}", re.ASCII)


ACCESS_ID = re.compile(r"a_[0-9a-hjkmnp-tv-z]{26}", re.ASCII)


def _sortable(now_ms: int) -> str:
    """26 characters: 48 bits of time, so that ids sort by time, then 80 random bits."""
    value = (now_ms & (1 << 48) - 1) << 80 | secrets.randbits(80)
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


def verification_id(now_ms: int) -> str:
    """`v_` and 26 URL-safe characters; later ids sort after earlier ones."""
    return "v_" + _sortable(now_ms)


def verdict_id(now_ms: int) -> str:
    """`d_` and 26 URL-safe characters."""
    return "d_" + _sortable(now_ms)


def proposal_id(now_ms: int) -> str:
    """`p_` and 26 URL-safe characters: a proposed set of rules."""
    return "p_" + _sortable(now_ms)


def label_id(now_ms: int) -> str:
    """`l_` and 26 URL-safe characters."""
    return "l_" + _sortable(now_ms)


def access_id(now_ms: int) -> str:
    """`a_` and 26 URL-safe characters: a read of personal data."""
    return "a_" + _sortable(now_ms)


def callback_token() -> str:
    """256 random bits: whoever shows it may say "ask again now", nothing else."""
    return secrets.token_urlsafe(32)
