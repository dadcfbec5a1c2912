"""What callers may look at. The region scope is part of every query, never a check after it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, or_, select

from verify.domain.access import Caller
from verify.domain.errors import InputError, NotFound, Problem
from verify.store import blobs, ids
from verify.store.rows import (
    EntryKind,
    ExchangeRow,
    Filters,
    LedgerRow,
    VerdictRow,
    VerificationRow,
)
from verify.store.scope import in_scope, not_found, subtree
from verify.store.tables import exchanges, ledger, subjects, verdicts, verifications

MAX_PAGE = 200

_v = verifications.c
_VERIFICATION = tuple(f.name for f in fields(VerificationRow))
_EXCHANGE = tuple(f.name for f in fields(ExchangeRow))
_VERDICT = tuple(f.name for f in fields(VerdictRow))

# Built once: making a statement costs more than running it.
_EXCHANGES = (
    select(exchanges)
    .where(exchanges.c.verification.in_(bindparam("wanted", expanding=True)))
    .order_by(exchanges.c.verification, exchanges.c.source, exchanges.c.person)
)


def visible_row(connection: Connection, verification: str, caller: Caller) -> dict[str, Any]:
    """The stored row.

    Raises:
        NotFound: no such verification, or not in the caller's regions: the same answer.
    """
    query = select(verifications).where(_v.id == verification, in_scope(caller))
    row = connection.execute(query).mappings().first()
    if row is None:
        raise not_found()
    return {str(name): value for name, value in row.items()}


def overview(
    connection: Connection, verification: str, caller: Caller
) -> tuple[dict[str, Any], list[Mapping[str, Any]], tuple[VerdictRow, ...]]:
    """Rows of a verification, its questions and its verdicts; `NotFound` as in `visible_row`."""
    row = visible_row(connection, verification, caller)
    return row, exchange_rows(connection, verification), verdict_rows(connection, verification)


def page(
    connection: Connection, caller: Caller, cursor: str | None, limit: int, filters: Filters
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows as stored, newest first, and the cursor of the next page (`None` at the end).

    Raises:
        InputError: a cursor that no page gave out.
    """
    limit = max(1, min(limit, MAX_PAGE))
    query = _filtered(select(verifications).where(in_scope(caller)), filters)
    if cursor is not None:
        if not ids.VERIFICATION_ID.fullmatch(cursor):
            raise InputError(
                "the cursor is not one that a page gave out",
                problems=(
                    Problem("cursor", "bad-cursor", "it is not a cursor.", "Start without one."),
                ),
            )
        query = query.where(_v.id < cursor)
    query = query.order_by(_v.id.desc()).limit(limit + 1)
    rows = [{str(k): v for k, v in r.items()} for r in connection.execute(query).mappings()]
    following = rows[limit - 1]["id"] if len(rows) > limit else None
    return rows[:limit], following


def rows_of(
    connection: Connection, verifications_: Sequence[str], caller: Caller
) -> list[dict[str, Any]]:
    """Rows as stored of several verifications, newest first; those that the caller may see."""
    query = select(verifications).where(_v.id.in_(list(verifications_)), in_scope(caller))
    rows = connection.execute(query.order_by(_v.id.desc())).mappings()
    return [{str(k): v for k, v in r.items()} for r in rows]


def judged(connection: Connection, caller: Caller) -> list[str]:
    """Ids of the verifications that have a verdict, or of which anything says so, newest first.

    Where one of them says otherwise somebody changed it: the count, the verdicts, the ledger. Who
    may see every region learns of those, too, whose own row is gone.
    """
    said = exists(
        select(ledger.c.position).where(
            ledger.c.verification == _v.id, ledger.c.kind == EntryKind.VERDICT.value
        )
    )
    stored = exists(select(verdicts.c.sequence).where(verdicts.c.verification == _v.id))
    counted = _v.verdict_count != 0
    query = select(_v.id).where(in_scope(caller), or_(counted, stored, said))
    found = set(connection.execute(query).scalars())
    if "*" in caller.regions:
        for table in (ledger, verdicts):
            of = table.c.verification
            lost = select(of).where(~exists(select(_v.id).where(_v.id == of))).distinct()
            found |= set(connection.execute(lost).scalars())
    return sorted(map(str, found), reverse=True)


def _filtered(query: Select[Any], filters: Filters) -> Select[Any]:
    for name in ("state", "programme"):
        if value := getattr(filters, name):
            query = query.where(_v[name] == value)
    if filters.case_blind:
        query = query.where(_v.case_blind == filters.case_blind)
    elif filters.case_number:
        query = query.where(_v.case_number == filters.case_number)
    return query.where(subtree(filters.region)) if filters.region else query


def exchange_rows(connection: Connection, verification: str) -> list[Mapping[str, Any]]:
    """Rows of all questions of a verification as stored, in the order of source and person."""
    return exchange_rows_of(connection, [verification])[verification]


def exchange_rows_of(
    connection: Connection, verifications: Sequence[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """`exchange_rows` of several verifications in one query."""
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in verifications}
    for row in connection.execute(_EXCHANGES, {"wanted": list(verifications)}):
        values = row._asdict()
        found[values["verification"]].append(values)
    return found


def verdict_rows(connection: Connection, verification: str) -> tuple[VerdictRow, ...]:
    """All verdicts of a verification, oldest first."""
    return verdicts_of(connection, [verification])


def verdicts_of(connection: Connection, verifications: Sequence[str]) -> tuple[VerdictRow, ...]:
    """All verdicts of several verifications, by verification and sequence."""
    query = (
        select(verdicts)
        .where(verdicts.c.verification.in_(list(verifications)))
        .order_by(verdicts.c.verification, verdicts.c.sequence)
    )
    return tuple(
        VerdictRow(**{name: row[name] for name in _VERDICT})
        for row in connection.execute(query).mappings()
    )


def ledger_rows(connection: Connection, verification: str) -> tuple[LedgerRow, ...]:
    """The hash chain of a verification, oldest first."""
    query = select(ledger).where(ledger.c.verification == verification).order_by(ledger.c.position)
    return tuple(
        LedgerRow(**{**row, "payload": json.loads(row["payload"])})
        for row in connection.execute(query).mappings()
    )


def about(connection: Connection, blind: str, caller: Caller) -> tuple[tuple[str, str], ...]:
    """Verifications that name a person, within the caller's regions, oldest first."""
    query = (
        select(subjects.c.verification, subjects.c.person)
        .join(verifications, _v.id == subjects.c.verification)
        .where(subjects.c.blind == blind, in_scope(caller))
        .order_by(subjects.c.verification, subjects.c.person)
    )
    return tuple((row.verification, row.person) for row in connection.execute(query))


def document(
    connection: Connection, verification: str, digest: str, caller: Caller
) -> blobs.Stored | None:
    """A document, as stored, that belongs to a verification the caller may see.

    Raises:
        NotFound: the verification is not visible, or the document is not one of its own.
    """
    row = visible_row(connection, verification, caller)
    if digest not in _documents(connection, row):
        raise NotFound(
            "no such document in this verification",
            where="document",
            remedy="take a digest that this verification's verdict or evidence names",
        )
    return blobs.fetch(connection, digest)


def _documents(connection: Connection, row: Mapping[str, Any]) -> set[str]:
    """Digests of the application, of every raw answer ever received, and of every verdict."""
    known = {row["application_digest"]}
    for entry in ledger_rows(connection, row["id"]):
        known.update(entry.payload.get("bodies", ()))
    for verdict in verdict_rows(connection, row["id"]):
        known.update((verdict.sealed_digest, verdict.verdict_digest, verdict.trace_digest))
    return known


def verification(row: Mapping[str, Any]) -> VerificationRow:
    """A verification of its (opened) row."""
    return VerificationRow(**{name: row[name] for name in _VERIFICATION})


def exchange(row: Mapping[str, Any]) -> ExchangeRow:
    """A question of its (opened) row."""
    values = {name: row[name] for name in _EXCHANGE}
    return ExchangeRow(**{**values, "bodies": tuple(json.loads(row["bodies"]))})
