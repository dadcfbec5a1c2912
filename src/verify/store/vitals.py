"""How the queue stands: counts over what is not done, never about any one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, and_, bindparam, case, func, or_, select

from verify.store.leasing import ACTIVE
from verify.store.tables import verifications

_v = verifications.c


@dataclass(frozen=True, slots=True)
class Queue:
    """Open checks by state, how many are due and carried, and how late the latest are."""

    states: Mapping[str, int]
    due: int
    leases: int
    oldest_due_ms: int
    overdue_ms: int


_OLDEST = (
    select(_v.due_at)
    .where(_v.due_at <= bindparam("now"), _v.state.in_(ACTIVE))
    .where(or_(_v.lease_until.is_(None), _v.lease_until <= bindparam("now")))
    .order_by(_v.due_at)
    .limit(1)
)


def oldest_due(connection: Connection, now_ms: int) -> int | None:
    """Milliseconds that the longest waiting check has been due that nobody carries, or `None`.

    The first row of the index of what is due, past those that are carried.
    """
    found = connection.execute(_OLDEST, {"now": now_ms}).scalar()
    return None if found is None else now_ms - int(found)


def queue(connection: Connection, now_ms: int) -> Queue:
    """Count what is not done. Reads the index of what is due, not the whole table."""
    carried = and_(_v.lease_until.is_not(None), _v.lease_until > now_ms)
    lapsed = and_(_v.lease_until.is_not(None), _v.lease_until <= now_ms)
    free = and_(_v.due_at <= now_ms, or_(_v.lease_until.is_(None), _v.lease_until <= now_ms))
    query = (
        select(
            _v.state,
            func.count().label("open"),
            func.sum(case((carried, 1), else_=0)).label("leases"),
            func.sum(case((free, 1), else_=0)).label("due"),
            func.min(case((free, _v.due_at))).label("oldest"),
            func.min(case((lapsed, _v.lease_until))).label("lapsed"),
        )
        .where(_v.due_at.is_not(None), _v.state.in_(ACTIVE))
        .group_by(_v.state)
    )
    rows = connection.execute(query).all()
    oldest = [row.oldest for row in rows if row.oldest is not None]
    lapsed_ = [row.lapsed for row in rows if row.lapsed is not None]
    return Queue(
        states={**dict.fromkeys(sorted(ACTIVE), 0), **{row.state: row.open for row in rows}},
        due=sum(int(row.due) for row in rows),
        leases=sum(int(row.leases) for row in rows),
        oldest_due_ms=now_ms - min(oldest) if oldest else 0,
        overdue_ms=now_ms - min(lapsed_) if lapsed_ else 0,
    )
