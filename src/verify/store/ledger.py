"""The hash chain of a verification.

Every entry binds its place, kind, instant, payload and predecessor:

    hash = sha256(canonical {verification, position, kind, at, payload: sha256(payload), previous})

A chain kept in the same database shows accidents and careless edits; an insider can rebuild it,
which is why its heads are made to be signed and held elsewhere (design invariant 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from verify.domain.canonical import canonical_bytes, digest, digest_bytes
from verify.store.rows import EntryKind
from verify.store.tables import ledger

_INSERT = insert(ledger)

GENESIS = ""
"""`previous` of the first entry."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: its number of entries and the hash of the last."""

    entries: int = 0
    hash: str = GENESIS


def entry_hash(row: Mapping[str, Any]) -> str:
    """Hash of an entry; `payload` is its canonical JSON text."""
    return digest(
        {
            "verification": row["verification"],
            "position": row["position"],
            "kind": row["kind"],
            "at": row["at"],
            "payload": digest_bytes(row["payload"].encode("utf-8", "surrogatepass")),
            "previous": row["previous"],
        }
    )


def entry(
    verification: str, head: Head, kind: EntryKind, at: int, payload: Mapping[str, Any]
) -> dict[str, Any]:
    """The row that follows `head`. `payload` holds digests and codes only, never personal data."""
    row = {
        "verification": verification,
        "position": head.entries + 1,
        "kind": kind.value,
        "at": at,
        "payload": canonical_bytes(payload).decode(),
        "previous": head.hash,
    }
    return {**row, "hash": entry_hash(row)}


def append(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write entries made by `entry`.

    The caller holds the row locks of the verifications; the primary key refuses a fork.
    """
    connection.execute(_INSERT, rows)
