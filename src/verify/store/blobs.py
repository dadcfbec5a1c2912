"""Content-addressed bytes: written once under their digest, verified on every read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from verify.domain.canonical import digest_bytes
from verify.domain.errors import IntegrityError, NotFound
from verify.store.tables import blobs, content

_GET = select(blobs.c.body).where(blobs.c.digest == bindparam("wanted"))
_GET_MANY = select(blobs.c.digest, blobs.c.body).where(
    blobs.c.digest.in_(bindparam("wanted", expanding=True))
)


def insert_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is taken; whether it was inserted.

    On PostgreSQL this waits for a concurrent insert of the same key to end, one way or another.
    """
    return bool(connection.execute(_insert_new(connection.dialect.name, table), row).rowcount)


@cache
def _insert_new(dialect: str, table: Table) -> Any:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def put(connection: Connection, bodies: Mapping[str, bytes]) -> None:
    """Store bodies that are not stored yet.

    In the order of their digests: two writers that store the same bodies then wait for each
    other in one order and cannot deadlock.
    """
    if bodies:
        rows = [{"digest": d, "body": bodies[d]} for d in sorted(bodies)]
        connection.execute(_insert_new(connection.dialect.name, blobs), rows)


def get(connection: Connection, digest: str) -> bytes:
    """Bytes of a blob.

    Raises:
        NotFound: no blob of that digest.
        IntegrityError: the stored bytes do not have that digest.
    """
    body = connection.execute(_GET, {"wanted": digest}).scalar()
    return verified(digest, body, "blob")


def get_many(connection: Connection, digests: Sequence[str]) -> dict[str, bytes]:
    """Bytes of several blobs in one query; raises as `get`."""
    if not digests:
        return {}
    wanted = sorted(set(digests))
    found = {row.digest: row.body for row in connection.execute(_GET_MANY, {"wanted": wanted})}
    return {digest: verified(digest, found.get(digest), "blob") for digest in wanted}


def get_content(connection: Connection, digest: str) -> bytes:
    """Text of a content set; raises as `get`."""
    query = select(content.c.blob).where(content.c.digest == digest)
    return verified(digest, connection.execute(query).scalar(), "content set")


def verified(digest: str, body: object, noun: str) -> bytes:
    """`body`, if it is there and has the digest."""
    if body is None:
        raise NotFound(f"no {noun} with this digest is stored", where=digest)
    # Raw SQL can leave text or a number where SQLite's column says bytes.
    if not isinstance(body, bytes) or digest_bytes(body) != digest:
        raise IntegrityError(
            f"the stored bytes of this {noun} do not have its digest; they were changed after "
            "they were sealed",
            where=digest,
            remedy="restore the database from a backup and keep the changed one as evidence",
        )
    return body
