"""API keys as stored: an id, the hash of the secret, and what the key may do."""

from __future__ import annotations

import json

from sqlalchemy import Connection, RowMapping, insert, select, update

from verify.domain.canonical import canonical_bytes
from verify.domain.errors import NotFound
from verify.store.rows import ApiKeyRow
from verify.store.tables import api_keys

_k = api_keys.c


def add(connection: Connection, key: ApiKeyRow) -> None:
    """Store a new key."""
    connection.execute(
        insert(api_keys),
        {
            "key_id": key.key_id,
            "secret_hash": key.secret_hash,
            "label": key.label,
            "roles": canonical_bytes(list(key.roles)).decode(),
            "regions": canonical_bytes(list(key.regions)).decode(),
            "created_at": key.created_at,
            "revoked_at": key.revoked_at,
        },
    )


def find(connection: Connection, key_id: str) -> ApiKeyRow | None:
    """The key of that id, revoked or not."""
    row = connection.execute(select(api_keys).where(_k.key_id == key_id)).mappings().first()
    return None if row is None else _key(row)


def every(connection: Connection) -> tuple[ApiKeyRow, ...]:
    """All keys, oldest first."""
    rows = connection.execute(select(api_keys).order_by(_k.created_at, _k.key_id)).mappings()
    return tuple(_key(row) for row in rows)


def revoke(connection: Connection, key_id: str, now_ms: int) -> None:
    """End a key; a second time is no error and keeps the first instant.

    Raises:
        NotFound: no key of that id.
    """
    if find(connection, key_id) is None:
        raise NotFound("there is no key of this id", where="key", remedy="list the keys first")
    connection.execute(
        update(api_keys)
        .where(_k.key_id == key_id, _k.revoked_at.is_(None))
        .values(revoked_at=now_ms)
    )


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
