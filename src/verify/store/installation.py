"""What is stored and is of no verification: found altered, missing or added, and named.

The counterpart of `verify.store.integrity`: API keys, data keys, content sets, and the chains of
the whole installation. Not sealed are the shared scheduling values (`verify.store.shared`) and the
instant at which a data key was made; nothing rests on them.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from verify.content import ContentSet
from verify.domain.canonical import digest_bytes
from verify.domain.errors import IntegrityError, VerifyError
from verify.store import case, keyring, keys, labels, rule_events
from verify.store.keyring import DataKeyRow, Keyring
from verify.store.rows import EntryKind, Fault
from verify.store.tables import blobs, content, ledger, verifications


def check(connection: Connection, ring: Keyring | None) -> tuple[Fault, ...]:
    """All faults, in a fixed order. Without master keys, wrapped data keys cannot be told."""
    with case.any_text(connection):
        return (
            *keys.check(connection),
            *(Fault("clerical decisions", reason) for reason in labels.check(connection)),
            *_rule_faults(connection),
            *_content_faults(connection),
            *_data_key_faults(connection, ring),
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
        row = connection.execute(query).one()
        if not isinstance(row.blob, bytes) or digest_bytes(row.blob) != digest:
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
    missing = _scopes_in_use(connection) | erased.keys()
    for row in keyring.every(connection):
        missing.discard(row.scope)
        reason = _wrong(row, erased.get(row.scope, set()), ring)
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
        # A scope in which no verification was ever accepted leaves no entry behind.
        recorded = not erasures or row.erased_at in erasures
        return "" if recorded and not row.wrapped else "it was erased in another way, or not at all"
    if erasures:
        return "the ledger says that it was erased"
    return "" if ring is None else ring.fault(row)


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
