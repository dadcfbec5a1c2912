"""Content-addressed bytes: written once under their digest, sealed, verified on every read."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, and_, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from verify.domain.canonical import digest_bytes
from verify.domain.errors import Conflict, IntegrityError, NotFound
from verify.store.tables import blobs, content
from verify.store.vault import Opened, Sealed

if TYPE_CHECKING:
    from verify.store.keyring import Keyring

_GET = select(blobs).where(blobs.c.digest == bindparam("wanted"))
_GET_MANY = select(blobs).where(blobs.c.digest.in_(bindparam("wanted", expanding=True)))


@dataclass(frozen=True, slots=True)
class Stored:
    """A blob's row. `scope` names the data key it is sealed under; `None`: not sealed."""

    digest: str
    body: object = field(repr=False)
    scope: str | None


class Plain:
    """Stores bodies as they are: for a store that was opened without a vault."""

    @staticmethod
    def seal(body: bytes, *, salted: bool) -> Sealed:
        """See `DataKey.seal`."""
        del salted
        return Sealed(digest_bytes(body), None, body)

    @staticmethod
    def seal_text(text: str, place: str) -> str:
        """See `DataKey.seal_text`."""
        del place
        return text


def insert_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is taken; whether it was inserted.

    On PostgreSQL this waits for a concurrent insert of the same key to end, one way or another.
    """
    return bool(connection.execute(_insert_new(connection.dialect.name, table), row).rowcount)


@cache
def _insert_new(dialect: str, table: Table) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def put(connection: Connection, bodies: Iterable[Sealed]) -> None:
    """Store bodies that are not stored yet.

    In the order of their digests: two writers that store the same bodies then wait for each
    other in one order and cannot deadlock. A body that is stored under another scope's key moves
    to the latest one's, so that erasing the older scope does not take it away from the newer.
    """
    rows = {s.digest: {"digest": s.digest, "body": s.body, "scope": s.scope} for s in bodies}
    if rows:
        ordered = [rows[digest] for digest in sorted(rows)]
        connection.execute(_upsert(connection.dialect.name), ordered)


@cache
def _upsert(dialect: str) -> Any:
    insert: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(blobs)
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=[blobs.c.digest],
        set_={"body": new.body, "scope": new.scope},
        where=and_(new.scope.is_not(None), blobs.c.scope.is_distinct_from(new.scope)),
    )


def fetch(connection: Connection, digest: str) -> Stored | None:
    """The row of a blob, as it is."""
    row = connection.execute(_GET, {"wanted": digest}).first()
    return None if row is None else Stored(row.digest, row.body, row.scope)


def fetch_many(connection: Connection, digests: Sequence[str]) -> dict[str, Stored]:
    """The rows of several blobs in one query."""
    if not digests:
        return {}
    rows = connection.execute(_GET_MANY, {"wanted": sorted(set(digests))})
    return {row.digest: Stored(row.digest, row.body, row.scope) for row in rows}


def opened(digest: str, stored: Stored | None, keyring: Keyring | None) -> Opened:
    """A blob's body, checked against its digest.

    Raises:
        NotFound: no blob of that digest.
        Conflict: it is sealed, and its key is not here (`Erased`: erased on purpose).
        IntegrityError: the stored bytes do not have that digest.
    """
    if stored is None or stored.scope is None:
        return Opened(verified(digest, stored.body if stored else None, "blob"))
    if keyring is None:
        raise Conflict(
            "this evidence is sealed and the store was opened without its master key",
            where=digest,
            remedy="set VERIFY_MASTER_KEY_FILE",
        )
    key = keyring.opening(stored.scope)
    try:
        return key.open(digest, stored.body if isinstance(stored.body, bytes) else b"")
    except (ValueError, IndexError, zlib.error):
        keyring.require_there(stored.scope)
        raise _changed(digest, "blob") from None


def intact(stored: Stored) -> bool:
    """Whether an unsealed blob's bytes have its digest."""
    return isinstance(stored.body, bytes) and digest_bytes(stored.body) == stored.digest


def get_content(connection: Connection, digest: str) -> bytes:
    """Text of a content set; raises as `get`."""
    query = select(content.c.blob).where(content.c.digest == digest)
    return verified(digest, connection.execute(query).scalar(), "content set")


def verified(digest: str, body: object, noun: str) -> bytes:
    """`body`, if it is there and has the digest."""
    if body is None:
        raise NotFound(
            f"no {noun} with this digest is stored",
            where=digest,
            remedy="check the digest; where a verdict names it, run `verify audit check`: it is "
            "missing",
        )
    # Raw SQL can leave text or a number where SQLite's column says bytes.
    if not isinstance(body, bytes) or digest_bytes(body) != digest:
        raise _changed(digest, noun)
    return body


def _changed(digest: str, noun: str) -> IntegrityError:
    return IntegrityError(
        f"the stored bytes of this {noun} do not have its digest; they were changed after "
        "they were sealed",
        where=digest,
        remedy="restore the database from a backup and keep the changed one as evidence",
    )
