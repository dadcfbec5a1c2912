"""Who read what, and what for: one row for each read of personal data, itself a leaf of the log.

A row is durable before the read is answered. It names ids and the kind of document, never what
was in it; a moment later its digest stands in the log's tree, so that no read can be taken back.

A list and a search are one row each, however much they showed: `verification` is empty, `shown`
holds the verifications and `regions` those of the reader, so that it is on record where it could
have looked, also when there was nothing to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, false, not_, or_, select, true

from verify.domain.access import Caller, Purpose
from verify.store import blobs, forms, ids
from verify.store.rows import EntryKind
from verify.store.scope import in_scope, named_regions
from verify.store.tables import accesses, ledger, verifications

MAX_PAGE = 500
BLIND = "hs256:"
"""How a blind index begins: a read of that document was a search for a person."""
FORM = ("id", "at", "caller", "roles", "verification", "what", "document")
ADDED: Mapping[str, Any] = {"purpose": "", "stated": False, "regions": "", "shown": ""}
"""Columns that came later, with what they hold in rows of before."""

_a = accesses.c


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One read: who (subject and roles of the caller), when, of which case, what, what for."""

    id: str
    at: int
    caller: str
    roles: str
    verification: str
    what: str
    document: str
    purpose: str
    stated: bool
    regions: str
    shown: str
    leaf: int | None


@dataclass(frozen=True, slots=True)
class Read:
    """What is read: one thing of one verification, or a list of some (`shown`)."""

    what: str
    purpose: Purpose
    stated: bool  # the reader said the purpose; otherwise their role says it
    verification: str = ""
    document: str = ""
    shown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessFilters:
    """What a listing is narrowed to; an empty field does not narrow.

    `verifications` finds lists that showed one, too; `search` adds the searches with this blind
    index, whatever they found.
    """

    verifications: tuple[str, ...] = ()
    caller: str = ""
    what: str = ""
    since: int = 0
    until: int = 0
    purpose: str = ""
    search: str = ""


def row_of(caller: Caller, read: Read, now_ms: int) -> AccessRow:
    """A new row."""
    return AccessRow(
        id=ids.access_id(now_ms),
        at=now_ms,
        caller=caller.subject,
        roles=" ".join(sorted(role.value for role in caller.roles)),
        verification=read.verification,
        what=read.what,
        document=read.document,
        purpose=read.purpose.value,
        stated=read.stated,
        regions="" if read.verification else " ".join(sorted(caller.regions)),
        shown=" ".join(read.shown),
        leaf=None,
    )


def record(connection: Connection, row: AccessRow) -> None:
    """Keep a read; one that is kept already stays as it is."""
    blobs.insert_new(connection, accesses, {f.name: getattr(row, f.name) for f in fields(row)})


def digest_of(row: Mapping[str, Any]) -> str:
    """What the log's leaf of a read holds; a row of before binds what it had then."""
    later = {name: row[name] for name in ADDED}
    return forms.form_digest(FORM if later == ADDED else (*FORM, *ADDED), row)


def page(
    connection: Connection, caller: Caller, filters: AccessFilters, before: str, limit: int
) -> tuple[AccessRow, ...]:
    """Reads that concern the caller's regions, newest first, from before an id.

    Of a list, the caller sees those of their own regions only. No answer leads from a person to a
    case whose evidence was erased: a search shows none, and none finds a search.
    """
    gone = _erased(connection, set(filters.verifications))
    listed = _listed(connection, caller, filters.verifications)
    query = (
        select(*(_a[f.name] for f in fields(AccessRow)))
        .outerjoin(verifications, verifications.c.id == _a.verification)
        .where(_visible(caller), *_narrowed(filters, listed, gone))
    )
    if before:
        query = query.where(_a.id < before)
    query = query.order_by(_a.id.desc()).limit(max(1, min(limit, MAX_PAGE)))
    rows = [AccessRow(*row) for row in connection.execute(query)]
    return tuple(_without_erased(connection, _within(connection, rows, caller), filters))


def _visible(caller: Caller) -> ColumnElement[bool]:
    if "*" in caller.regions:
        return true()
    return or_(
        and_(_a.verification != "", in_scope(caller)),
        and_(_a.verification == "", named_regions(_a.regions, caller)),
    )


def _listed(connection: Connection, caller: Caller, wanted: Sequence[str]) -> list[str]:
    """Of the verifications asked for, those whose lists the caller may learn of.

    Whole ids of their own regions: that a list showed something of another region, or something
    that begins so, would tell its id piece by piece.
    """
    whole = [v for v in wanted if ids.VERIFICATION_ID.fullmatch(v)]
    if not whole or "*" in caller.regions:
        return whole
    query = select(verifications.c.id).where(verifications.c.id.in_(whole), in_scope(caller))
    return sorted(connection.execute(query).scalars())


def _narrowed(
    filters: AccessFilters, listed: Sequence[str], gone: set[str]
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.verifications or filters.search:
        about = [_a.verification.in_(filters.verifications)] if filters.verifications else []
        lists = [_shows(v, gone) for v in listed]
        if filters.search:
            lists.append(_a.document == filters.search)
        found.append(or_(*about, and_(_a.verification == "", or_(false(), *lists))))
    for column, wanted in (
        (_a.caller, filters.caller),
        (_a.what, filters.what),
        (_a.purpose, filters.purpose),
    ):
        if wanted:
            found.append(column == wanted)
    if filters.since:
        found.append(_a.at >= filters.since)
    if filters.until:
        found.append(_a.at < filters.until)
    return found


def _shows(verification: str, gone: set[str]) -> ColumnElement[bool]:
    shows = _a.shown.contains(verification, autoescape=True)
    return and_(shows, not_(_a.document.startswith(BLIND))) if verification in gone else shows


def _without_erased(
    connection: Connection, rows: Sequence[AccessRow], filters: AccessFilters
) -> Sequence[AccessRow]:
    """The rows; where they answer about a person, without cases whose evidence was erased."""

    def about_a_person(row: AccessRow) -> bool:
        return bool(filters.search) or row.document.startswith(BLIND)

    named = {name for row in rows if about_a_person(row) for name in row.shown.split()}
    gone = _erased(connection, named)
    if not gone:
        return rows
    return [
        _showing(row, [v for v in row.shown.split() if v not in gone])
        if about_a_person(row)
        else row
        for row in rows
    ]


def _erased(connection: Connection, named: set[str]) -> set[str]:
    """Of some verifications, those whose evidence was erased."""
    found: set[str] = set()
    wanted = sorted(named)
    for start in range(0, len(wanted), MAX_PAGE):
        query = select(ledger.c.verification).where(
            ledger.c.verification.in_(wanted[start : start + MAX_PAGE]),
            ledger.c.kind == EntryKind.ERASED.value,
        )
        found.update(connection.execute(query).scalars())
    return found


def _within(
    connection: Connection, rows: Sequence[AccessRow], caller: Caller
) -> Sequence[AccessRow]:
    """The rows, with only what the caller may see of what lists showed."""
    named = {name for row in rows for name in row.shown.split()}
    if not named or "*" in caller.regions:
        return rows
    _v = verifications.c
    query = select(_v.id).where(_v.id.in_(sorted(named)), in_scope(caller))
    mine = set(connection.execute(query).scalars())
    return [_showing(row, [v for v in row.shown.split() if v in mine]) for row in rows]


def _showing(row: AccessRow, shown: Sequence[str]) -> AccessRow:
    values = {f.name: getattr(row, f.name) for f in fields(row)}
    return AccessRow(**{**values, "shown": " ".join(shown)})


def every(connection: Connection) -> Sequence[AccessRow]:
    """All rows, for the full check."""
    query = select(*(_a[f.name] for f in fields(AccessRow))).order_by(_a.id)
    return [AccessRow(*row) for row in connection.execute(query)]
