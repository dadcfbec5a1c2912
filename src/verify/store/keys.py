"""API keys as stored: an id, the hash of the secret, and what the key may do.

Every change is an entry of a chain (`verify.store.key_chain`), and only what was recorded counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, text, update

from verify.domain.canonical import canonical_bytes
from verify.domain.errors import NotFound
from verify.store import chain, key_chain
from verify.store.key_chain import Head
from verify.store.rows import ApiKeyRow, Fault
from verify.store.tables import api_keys, key_events

_LOCK = 0x6B65_7973  # "keys": one writer of the chain at a time on PostgreSQL

_k, _e = api_keys.c, key_events.c


def add(connection: Connection, key: ApiKeyRow) -> None:
    """Store a new key."""
    head = _head(connection)
    row = {
        "key_id": key.key_id,
        "secret_hash": key.secret_hash,
        "label": key.label,
        "roles": canonical_bytes(list(key.roles)).decode(),
        "regions": canonical_bytes(list(key.regions)).decode(),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }
    connection.execute(insert(api_keys), row)
    entry = key_chain.entry(head, key_chain.GRANTED, row, key.created_at)
    connection.execute(insert(key_events), entry)


def find(connection: Connection, key_id: str) -> ApiKeyRow | None:
    """The key of that id, revoked or not; none if its row is not the one that was recorded."""
    row = connection.execute(select(api_keys).where(_k.key_id == key_id)).mappings().first()
    if row is None:
        return None
    of_key = select(key_events).where(_e.key_id == key_id).order_by(_e.position.desc()).limit(1)
    last = connection.execute(of_key).mappings().first()
    return _key(row) if key_chain.records(_plain(last), _plain(row)) else None


def every(connection: Connection) -> tuple[ApiKeyRow, ...]:
    """All keys, oldest first."""
    rows = connection.execute(select(api_keys).order_by(_k.created_at, _k.key_id)).mappings()
    return tuple(_key(row) for row in rows)


def revoke(connection: Connection, key_id: str, now_ms: int) -> None:
    """End a key; a second time is no error and keeps the first instant.

    Raises:
        NotFound: no key of that id.
    """
    head = _head(connection)
    before = find(connection, key_id)
    if before is None:
        raise NotFound("there is no key of this id", where="key", remedy="list the keys first")
    if before.revoked_at is not None:
        return
    connection.execute(update(api_keys).where(_k.key_id == key_id).values(revoked_at=now_ms))
    row = connection.execute(select(api_keys).where(_k.key_id == key_id)).mappings().one()
    entry = key_chain.entry(head, key_chain.REVOKED, _plain(row), now_ms)
    connection.execute(insert(key_events), entry)


def check(connection: Connection) -> Iterator[Fault]:
    """Every entry of the chain against the one before, every key against its last entry."""
    events = [
        _plain(row)
        for row in connection.execute(select(key_events).order_by(_e.position)).mappings()
    ]
    for place in chain.misfits(events, key_chain.COLUMNS):
        yield Fault(f"key_events entry {place}", "it is missing or does not fit its hash")
    recorded = key_chain.last_of_each(events)
    for row in connection.execute(select(api_keys).order_by(_k.key_id)).mappings():
        if not key_chain.records(recorded.pop(row["key_id"], None), _plain(row)):
            yield Fault(f"API key {row['key_id']}", "it is not what was recorded; it opens nothing")
    for key_id in sorted(recorded, key=str):
        yield Fault(f"API key {key_id}", "it is missing")


def _head(connection: Connection) -> Head:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    query = select(_e.position, _e.hash).order_by(_e.position.desc()).limit(1)
    row = connection.execute(query).first()
    return key_chain.NO_HEAD if row is None else Head(row.position, row.hash)


def _plain(row: RowMapping | None) -> dict[str, Any]:
    return {} if row is None else {str(name): value for name, value in row.items()}


def _key(row: RowMapping) -> ApiKeyRow:
    return ApiKeyRow(
        key_id=row["key_id"],
        secret_hash=row["secret_hash"],
        label=row["label"],
        roles=tuple(json.loads(row["roles"])),
        regions=tuple(json.loads(row["regions"])),
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )
