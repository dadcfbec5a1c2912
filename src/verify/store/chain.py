"""Hash chains: what an entry binds, how the next one follows, and where one does not.

Every chain of the store is written here: the ledger of a verification, how rules and sources were
published, how matches were decided, which API keys were given out. An entry binds its own columns,
the digest of its payload and the entry before it:

    hash = sha256(canonical {<columns>, payload: sha256(payload), previous})

so an edited, missing or inserted entry is found. Whoever may write the database can rebuild a
chain; that is why its heads are leaves of the log (`verify.store.log`), which is signed and held
elsewhere (design invariant 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from verify.domain.canonical import canonical_bytes, digest, digest_bytes

GENESIS = ""
"""`previous` of the first entry."""

Row = Mapping[str, Any]


def entry_hash(row: Row, columns: tuple[str, ...]) -> str:
    """Hash of an entry that binds `columns`; `payload` is its canonical JSON text.

    Raises:
        TypeError, ValueError, AttributeError: a value that no writer could have stored.
    """
    return digest(
        {
            **{name: row[name] for name in columns},
            "payload": digest_bytes(row["payload"].encode("utf-8", "surrogatepass")),
            "previous": row["previous"],
        }
    )


def linked(
    named: Row, payload: Mapping[str, Any], previous: str, columns: tuple[str, ...]
) -> dict[str, Any]:
    """The row of an entry: its own columns, and what makes it follow `previous`."""
    row = {**named, "payload": canonical_bytes(payload).decode(), "previous": previous}
    return {**row, "hash": entry_hash(row, columns)}


def fits(row: Row, columns: tuple[str, ...]) -> bool:
    """Whether an entry has the hash of what it holds; an unreadable one has not."""
    try:
        return bool(row["hash"] == entry_hash(row, columns))
    except (TypeError, ValueError, AttributeError):
        return False


def misfits(rows: Iterable[Row], columns: tuple[str, ...]) -> Iterator[int]:
    """Places, from 1, whose entry is missing, was changed, or does not follow the one before.

    `rows` in the order of `position`. After a gap the rest is not looked at.
    """
    previous = GENESIS
    for place, row in enumerate(rows, start=1):
        if row["position"] != place:
            yield place
            return
        if row["previous"] != previous or not fits(row, columns):
            yield place
        previous = row["hash"]
