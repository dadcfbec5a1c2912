"""What is stored and is of no verification: found altered, missing or added, and named.

The counterpart of `verify.store.integrity`: API keys, data keys, content sets, the chains of the
whole installation, and rows that belong to nothing. Not sealed are the shared scheduling values
(`verify.store.shared`) and the instant at which a data key was made; nothing rests on them.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from verify.content import ContentSet
from verify.domain.canonical import digest_bytes
from verify.domain.errors import IntegrityError, VerifyError
from verify.store import belonging, case, keyring, keys, labels, rule_events
from verify.store.keyring import DataKeyRow, Keyring
from verify.store.rows import EntryKind, Fault
from verify.store.tables import blobs, content, ledger, verifications

_SCOPE = re.compile(r"[0-9]{6}/[^/]+/([1-9][0-9]{3})-(0[1-9]|1[0-2])", re.ASCII)
_UNRECORDED = "it was erased in another way, or not at all"
_v = verifications.c


def check(connection: Connection, ring: Keyring | None) -> tuple[Fault, ...]:
    """All faults, in a fixed order. Without master keys, wrapped data keys cannot be told."""
    with case.any_text(connection):
        return (
            *keys.check(connection),
            *(Fault("clerical decisions", reason) for reason in labels.check(connection)),
            *_rule_faults(connection),
            *_content_faults(connection),
            *_data_key_faults(connection, ring),
            *belonging.check(connection),
        )


def _rule_faults(connection: Connection) -> Iterator[Fault]:
    """The chain of publishing, and what was proposed in it."""
    try:
        events = rule_events.every(connection)
    except IntegrityError as error:
        yield Fault(error.where, error.reason)
        return
    for event in events:
        digest = event.payload.get("digest")
        found = select(content.c.digest).where(content.c.digest == digest)
        if event.kind != "proposed" or not isinstance(digest, str):
            continue
        if connection.execute(found).first() is None:
            yield Fault(f"content {digest}", f"it is missing; rule event {event.position} names it")


def _content_faults(connection: Connection) -> Iterator[Fault]:
    digests = connection.execute(select(content.c.digest).order_by(content.c.digest)).scalars()
    for digest in list(digests):
        query = select(content.c.blob, content.c.kind).where(content.c.digest == digest)
        row = connection.execute(query).first()
        if row is None or not isinstance(row.blob, bytes) or digest_bytes(row.blob) != digest:
            yield Fault(f"content {digest}", "its bytes do not have its digest")
        elif row.kind != _kind(row.blob):
            yield Fault(f"content {digest}", "it is stored as another kind of content")


def _kind(blob: bytes) -> str | None:
    try:
        return ContentSet.from_blob(blob).kind
    except (VerifyError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _data_key_faults(connection: Connection, ring: Keyring | None) -> Iterator[Fault]:
    """Each data key: it opens, or it was erased and the ledger says so."""
    erased = _erasures(connection)
    used = _scopes_in_use(connection)
    missing = used | erased.keys()
    for row in keyring.every(connection):
        missing.discard(row.scope)
        instants = erased.get(row.scope, set())
        reason = _wrong(row, instants, ring)
        if not reason and row.erased_at is not None and not instants:
            # A scope in which no verification was ever accepted leaves no entry behind.
            in_use = row.scope in used or _accepted_in(connection, row.scope)
            reason = _UNRECORDED if in_use else ""
        if reason:
            yield Fault(f"data key {row.scope}", reason)
    for scope in sorted(missing):
        yield Fault(f"data key {scope}", "it is missing")


def _scopes_in_use(connection: Connection) -> set[str]:
    """Scopes under whose key something is sealed or indexed."""
    sealed = select(blobs.c.scope).where(blobs.c.scope.is_not(None)).distinct()
    indexed = select(verifications.c.case_blind).where(verifications.c.case_blind > "").limit(1)
    found = set(connection.execute(sealed).scalars())
    return found | ({keyring.INDEX} if connection.execute(indexed).first() else set())


def _wrong(row: DataKeyRow, erasures: set[int], ring: Keyring | None) -> str:
    if row.erased_at is not None:
        span = _month(row.scope)
        if span is None:
            return "it is the key of no month of evidence; such a key is never erased"
        if row.wrapped or (erasures and row.erased_at not in erasures):
            return _UNRECORDED
        return "" if row.erased_at >= span[0] else "it was erased before its month began"
    if erasures:
        return "the ledger says that it was erased"
    return "" if ring is None else ring.fault(row)


def _accepted_in(connection: Connection, scope: str) -> bool:
    """Whether some verification was accepted in a scope, so that its erasure would be recorded."""
    start, end = _month(scope) or (0, 0)
    region, programme, _ = scope.split("/")
    query = select(_v.id).where(_v.region == region, _v.programme == programme)
    query = query.where(_v.created_at >= start, _v.created_at < end).limit(1)
    return connection.execute(query).first() is not None


def _month(scope: str) -> tuple[int, int] | None:
    """First instant of a scope's month, and of the month after; `None`: it is no such scope."""
    match = _SCOPE.fullmatch(scope)
    if match is None:
        return None
    first = dt.date(int(match[1]), int(match[2]), 1)
    after = (first + dt.timedelta(days=31)).replace(day=1)
    start, end = ((day - dt.date(1970, 1, 1)).days * 86_400_000 for day in (first, after))
    return start, end


def _erasures(connection: Connection) -> dict[str, set[int]]:
    """When the ledger says that a scope was erased."""
    query = select(ledger.c.at, ledger.c.payload).where(ledger.c.kind == EntryKind.ERASED.value)
    found: dict[str, set[int]] = defaultdict(set)
    for row in connection.execute(query):
        found[_scope(row.payload)].add(row.at)
    return dict(found)


def _scope(payload: Any) -> str:
    try:
        return str(json.loads(payload)["scope"])
    except (TypeError, ValueError, KeyError):
        return ""
