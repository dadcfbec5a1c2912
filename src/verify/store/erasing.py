"""Erase the evidence of a scope for good, and leave the proof that it existed.

The data key goes, and with it everything that was sealed under it, in whatever copy of the rows.
The ledger gets an entry for each verification, holding the scope and the ground, so that an
erased case is told from a tampered one. An old backup still holds the wrapped key: destroy it, or
rotate the master key and destroy the old one.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Connection, delete, select, update

from verify.domain.errors import Conflict, NotFound
from verify.store.leasing import ACTIVE, step, take
from verify.store.rows import EntryKind
from verify.store.tables import blobs, data_keys, subjects, verifications

_v, _k = verifications.c, data_keys.c
_DAY_MS = 86_400_000


def erase(connection: Connection, scope: str, ground: str, now_ms: int) -> int:
    """Erase a scope; returns how many verifications it held. A second time is no error.

    Raises:
        NotFound: no evidence was ever sealed under such a scope.
        Conflict: a verification of the scope is still being worked on.
    """
    key = connection.execute(
        select(_k.erased_at).where(_k.scope == scope).with_for_update()
    ).first()
    if key is None or scope.count("/") != 2:
        raise NotFound(
            "there is no such scope of evidence",
            where=scope,
            remedy="name one that `verify db erase` lists, as REGION/PROGRAMME/MONTH",
        )
    if key.erased_at is not None:
        return 0
    rows = _verifications(connection, scope)
    active = [row["id"] for row in rows if row["state"] in ACTIVE]
    if active:
        raise Conflict(
            f"{len(active)} verifications of this scope are still being worked on",
            where=scope,
            remedy="let them end, or cancel them, then erase again",
        )
    payload = {"scope": scope, "ground": ground}
    take(connection, [step(row, EntryKind.ERASED, payload, now_ms) for row in rows])
    connection.execute(
        update(data_keys).where(_k.scope == scope).values(wrapped=b"", erased_at=now_ms)
    )
    connection.execute(update(blobs).where(blobs.c.scope == scope).values(body=b""))
    for start in range(0, len(rows), 500):
        some = [row["id"] for row in rows[start : start + 500]]
        connection.execute(delete(subjects).where(subjects.c.verification.in_(some)))
        connection.execute(update(verifications).where(_v.id.in_(some)).values(case_blind=""))
    return len(rows)


def _verifications(connection: Connection, scope: str) -> list[dict[str, object]]:
    region, programme, month = scope.split("/")
    first = dt.date.fromisoformat(f"{month}-01")
    after = (first + dt.timedelta(days=31)).replace(day=1)
    start, end = (((day - dt.date(1970, 1, 1)).days * _DAY_MS) for day in (first, after))
    query = (
        select(verifications)
        .where(_v.region == region, _v.programme == programme)
        .where(_v.created_at >= start, _v.created_at < end)
        .order_by(_v.id)
        .with_for_update(key_share=True)
    )
    return [row._asdict() for row in connection.execute(query)]
