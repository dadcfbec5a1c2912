"""An auditor's questions over the access trail that are more than a filter."""

from __future__ import annotations

from sqlalchemy import Connection, Select, and_, exists, not_, select

from verify.domain.access import Caller
from verify.store.scope import in_scope
from verify.store.tables import accesses, verifications

_v, _a = verifications.c, accesses.c
_SHOWN = (_v.id, _v.caller, _v.region, _v.programme, _v.state, _v.created_at, _v.updated_at)

_NO_VERDICT = ("asked", "events", "evidence", "proof", "raw answer", "search")
"""Reads that show no verdict."""

CheckRow = tuple[str, str, str, str, str, int, int]
"""Id, caller, region, programme, state, accepted at, changed at (epoch milliseconds)."""


def without_follow_up(
    connection: Connection, caller: Caller, before: int, after: str, limit: int
) -> list[CheckRow]:
    """Checks with a verdict, untouched since `before`, that nobody ever read: asked for nothing.

    Whoever looked how far it is before there was a verdict, at what sources answered, or proved
    what was done, has not seen the verdict and has not followed it up.
    """
    pending = and_(_a.what == "state", _a.document == "")
    nothing = _a.what.in_(_NO_VERDICT) | pending
    read = exists(select(_a.id).where(_a.verification == _v.id, not_(nothing)))
    query = select(*_SHOWN).where(_v.verdict_count > 0, _v.updated_at < before, ~read)
    return _page(connection, query, caller, after, limit)


def without_case(connection: Connection, caller: Caller, after: str, limit: int) -> list[CheckRow]:
    """Checks that name no case: somebody's registers were looked at for no case on file."""
    return _page(connection, select(*_SHOWN).where(_v.case_number == ""), caller, after, limit)


def _page(
    connection: Connection, query: Select[CheckRow], caller: Caller, after: str, limit: int
) -> list[CheckRow]:
    query = query.where(in_scope(caller), _v.id > after).order_by(_v.id).limit(limit)
    return [
        (r.id, r.caller, r.region, r.programme, r.state, r.created_at, r.updated_at)
        for r in connection.execute(query)
    ]
