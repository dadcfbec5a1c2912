"""Who read what: one row for each read of personal data, itself a leaf of the log.

A row is durable before the read is answered. It names ids and the kind of document, never what
was in it; a moment later its digest stands in the log's tree, so that no read can be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, insert, select

from verify.domain.access import Caller
from verify.store import forms, ids
from verify.store.scope import in_scope
from verify.store.tables import accesses, verifications

MAX_PAGE = 500
FORM = ("id", "at", "caller", "roles", "verification", "what", "document")

_a = accesses.c


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One read: who (subject and roles of the caller), when, of which case, what."""

    id: str
    at: int
    caller: str
    roles: str
    verification: str
    what: str
    document: str
    leaf: int | None


@dataclass(frozen=True, slots=True)
class AccessFilters:
    """What a listing is narrowed to; an empty field does not narrow."""

    verifications: tuple[str, ...] = ()
    caller: str = ""
    what: str = ""
    since: int = 0
    until: int = 0


def row_of(caller: Caller, verification: str, what: str, document: str, now_ms: int) -> AccessRow:
    """A new row."""
    name = "a_" + ids.verdict_id(now_ms).removeprefix("d_")
    roles = " ".join(sorted(role.value for role in caller.roles))
    return AccessRow(name, now_ms, caller.subject, roles, verification, what, document, None)


def record(connection: Connection, row: AccessRow) -> None:
    """Keep a read."""
    connection.execute(insert(accesses), {f.name: getattr(row, f.name) for f in fields(row)})


def digest_of(row: Mapping[str, Any]) -> str:
    """What the log's leaf of a read holds."""
    return forms.form_digest(FORM, row)


def page(
    connection: Connection, caller: Caller, filters: AccessFilters, before: str, limit: int
) -> tuple[AccessRow, ...]:
    """Reads of cases in the caller's regions, newest first, from before an id."""
    query = (
        select(accesses)
        .join(verifications, verifications.c.id == _a.verification)
        .where(in_scope(caller))
    )
    if filters.verifications:
        query = query.where(_a.verification.in_(filters.verifications))
    if filters.caller:
        query = query.where(_a.caller == filters.caller)
    if filters.what:
        query = query.where(_a.what == filters.what)
    if filters.since:
        query = query.where(_a.at >= filters.since)
    if filters.until:
        query = query.where(_a.at < filters.until)
    if before:
        query = query.where(_a.id < before)
    query = query.order_by(_a.id.desc()).limit(max(1, min(limit, MAX_PAGE)))
    return tuple(AccessRow(*row) for row in connection.execute(query))


def every(connection: Connection) -> Sequence[AccessRow]:
    """All rows, for the full check."""
    return [AccessRow(*row) for row in connection.execute(select(accesses).order_by(_a.id))]
