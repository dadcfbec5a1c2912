"""What the chain of API keys records: each grant and revocation, by the digest of the key's row.

Whoever may write the database could otherwise give themselves a role, or a revoked key back, and
leave no trace: a key counts only while its row is the one that the chain last recorded, and the
chain's head is a leaf of the log (`verify.store.log`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from verify.store import chain, forms

COLUMNS = ("position", "key_id", "kind", "at")
FORM = ("key_id", "secret_hash", "label", "roles", "regions", "created_at", "revoked_at")
GRANTED, REVOKED, FOUND = "granted", "revoked", "found"
"""`found`: it was there before there was a chain."""

Row = Mapping[str, Any]


class Head(NamedTuple):
    """Where the chain ends."""

    position: int
    hash: str


NO_HEAD = Head(0, chain.GENESIS)


def entry(head: Head, kind: str, key: Row, at: int) -> dict[str, Any]:
    """The entry that follows `head` and records a key's row as it is now."""
    named = {"position": head.position + 1, "key_id": key["key_id"], "kind": kind, "at": at}
    return chain.linked(named, {"row": forms.form_digest(FORM, key)}, head.hash, COLUMNS)


def records(event: Row | None, key: Row) -> bool:
    """Whether an entry, the last one of its key, records exactly this row."""
    if not event or not chain.fits(event, COLUMNS):
        return False
    try:
        return bool(json.loads(event["payload"])["row"] == forms.form_digest(FORM, key))
    except (TypeError, ValueError, KeyError):
        return False


def last_of_each(events: Iterable[Row]) -> dict[str, Row]:
    """The last entry of every key, by key id; `events` in their order."""
    return {event["key_id"]: event for event in events}
