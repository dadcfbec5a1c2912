"""What the processes that ask sources know together: breakers, quarantines, rates, health.

Small values under a key, changed by compare-and-set on their version. They schedule; they carry
no evidence and no personal data, and are not sealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from verify.store.tables import shared_state

_s = shared_state.c


def get(connection: Connection, key: str) -> tuple[int, dict[str, Any]]:
    """Version and value; version 0 and nothing where there is none."""
    row = connection.execute(select(_s.version, _s.value).where(_s.key == key)).first()
    return (row.version, json.loads(row.value)) if row else (0, {})


def with_prefix(connection: Connection, prefix: str) -> dict[str, dict[str, Any]]:
    """All values whose key begins so, by key."""
    found = select(_s.key, _s.value).where(_s.key >= prefix, _s.key < f"{prefix}\x7f")
    return {r.key: json.loads(r.value) for r in connection.execute(found.order_by(_s.key))}


def put(
    connection: Connection, key: str, version: int, value: Mapping[str, Any], now_ms: int
) -> bool:
    """Write if the version is still `version`; says whether it was."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if version == 0:
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(shared_state).values(key=key, version=1, value=text, updated_at=now_ms)
                )
        except IntegrityError:
            return False
        return True
    changed = connection.execute(
        update(shared_state)
        .where(_s.key == key, _s.version == version)
        .values(version=version + 1, value=text, updated_at=now_ms)
    )
    return changed.rowcount == 1
