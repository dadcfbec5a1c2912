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

import orjson

Plain: TypeAlias = "bool | int | str | list[Plain] | dict[str, Plain] | None"


_SCALARS = frozenset({str, int, bool, type(None)})
_TEXT = frozenset({str})


def plain(value: Any) -> Plain:
    """Turn domain values (dataclasses, enums, dates, tuples, mappings) into JSON values.

    Dispatches on the exact type, the common ones first, and looks at the values of a flat list or
    mapping all at once: verdicts and traces hold tens of thousands of values, and this function
    was half the cost of judging a batch. A part that is plain already is returned as it is.

    Raises:
        TypeError: for floats, bytes, sets and anything else without one canonical form.
    """
    kind = type(value)
    if kind in _SCALARS:
        return value  # type: ignore[no-any-return]
    if kind is dict:
        if _TEXT.issuperset(map(type, value)) and _SCALARS.issuperset(map(type, value.values())):
            return value  # type: ignore[no-any-return]
        return {
            k if type(k) is str else _key(k): v if type(v) in _SCALARS else plain(v)
            for k, v in value.items()
        }
    if kind is list or kind is tuple:
        flat = _SCALARS.issuperset(map(type, value))
        return list(value) if flat else [plain(v) for v in value]
    if names := _fields(kind):
        return {name: plain(getattr(value, name)) for name in names}
    return _uncommon(value)


_FIELDS: dict[type, tuple[str, ...]] = {}


def _fields(kind: type) -> tuple[str, ...]:
    """Field names of a dataclass, looked up once; empty for any other type."""
    names = _FIELDS.get(kind)
    if names is None:
        known = dataclasses.is_dataclass(kind)
        names = _FIELDS[kind] = tuple(f.name for f in dataclasses.fields(kind)) if known else ()
    return names


def _uncommon(value: Any) -> Plain:
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return plain(dict(value))
    raise TypeError(
        f"{type(value).__name__} has no canonical form; use integers (fen, counts), text, dates, "
        "lists and mappings with text keys"
    )


def plain_fields(value: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Plain]:
    """The fields of a dataclass as JSON values, without the named ones."""
    return {
        name: plain(getattr(value, name)) for name in _fields(type(value)) if name not in without
    }


def _key(key: Any) -> str:
    if isinstance(key, enum.Enum):
        key = key.value
    if not isinstance(key, str):
        raise TypeError(f"a canonical mapping has text keys, not {type(key).__name__}")
    return key


def canonical_bytes(value: Any) -> bytes:
    """The one byte form of `value` (see the module text).

    Raises:
        TypeError: see `plain`.
        UnicodeEncodeError: a text holds half a surrogate pair, which UTF-8 cannot say.
    """
    form = plain(value)  # before anything is written: a float would pass there
    try:
        return orjson.dumps(form, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer beyond 64 bits, nesting beyond 254, half a surrogate pair
        return json.dumps(
            form, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode("utf-8")


def digest_bytes(data: bytes) -> str:
    """`sha256:<64 hex>`: the algorithm is part of every digest so that it can change."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """Digest of the canonical form of `value`."""
    return digest_bytes(canonical_bytes(value))
