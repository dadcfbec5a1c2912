"""One byte form for every value that is hashed, sealed or compared.

The form is JSON with sorted keys, no insignificant white space, UTF-8, and *no floats*: a float
would print differently on another platform and change a sealed verdict (invariant 3 of the
design). Dates are ISO 8601 text, enumerations their value, money an integer number of fen.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

Plain: TypeAlias = "bool | int | str | list[Plain] | dict[str, Plain] | None"


def plain(value: Any) -> Plain:
    """Turn domain values (dataclasses, enums, dates, tuples, mappings) into JSON values.

    Raises:
        TypeError: for floats, bytes, sets and anything else without one canonical form.
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, dt.date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {_key(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    raise TypeError(
        f"{type(value).__name__} has no canonical form; use integers (fen, counts), text, dates, "
        "lists and mappings with text keys"
    )


def plain_fields(value: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Plain]:
    """The fields of a dataclass as JSON values, without the named ones."""
    return {
        f.name: plain(getattr(value, f.name))
        for f in dataclasses.fields(value)
        if f.name not in without
    }


def _key(key: Any) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if not isinstance(key, str):
        raise TypeError(f"a canonical mapping has text keys, not {type(key).__name__}")
    return key


def canonical_bytes(value: Any) -> bytes:
    """The one byte form of `value` (see the module text)."""
    return json.dumps(
        plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def digest_bytes(data: bytes) -> str:
    """`sha256:<64 hex>`: the algorithm is part of every digest so that it can change."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """Digest of the canonical form of `value`."""
    return digest_bytes(canonical_bytes(value))
