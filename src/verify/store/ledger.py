"""The hash chain of a verification (`verify.store.chain`).

Every entry binds its verification, place, kind, instant, payload and predecessor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from verify.store import chain
from verify.store.chain import GENESIS
from verify.store.rows import EntryKind
from verify.store.tables import ledger

_INSERT = insert(ledger)

COLUMNS = ("verification", "position", "kind", "at")


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: its number of entries and the hash of the last."""

    entries: int = 0
    hash: str = GENESIS


def entry_hash(row: Mapping[str, Any]) -> str:
    """Hash of an entry; raises as `chain.entry_hash`."""
    return chain.entry_hash(row, COLUMNS)


def entry(
    verification: str, head: Head, kind: EntryKind, at: int, payload: Mapping[str, Any]
) -> dict[str, Any]:
    """The row that follows `head`. `payload` holds digests and codes only, never personal data."""
    named = {
        "verification": verification,
        "position": head.entries + 1,
        "kind": kind.value,
        "at": at,
    }
    return chain.linked(named, payload, head.hash, COLUMNS)


def append(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write entries made by `entry`.

    The caller holds the row locks of the verifications; the primary key refuses a fork.
    """
    connection.execute(_INSERT, rows)
