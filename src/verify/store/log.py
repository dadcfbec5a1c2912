"""The log: one Merkle tree over the heads of all hash chains, and its signed checkpoints.

A leaf says "this verification's chain had so many entries, the last one with this hash"; so a
leaf binds every entry before it. Leaves are appended in batches a moment after the commit that
moved a head (`in_tree` of a verification is the number of entries its newest leaf covers), by one
writer at a time, so that no verification waits for another one's place in the tree.

The tables are as little trusted as the rest of the database: `verify.service.audit_check` compares
them with what witnesses keep elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, func, insert, not_, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from verify.domain.errors import IntegrityError, NotFound
from verify.store import accesses, merkle
from verify.store.merkle import TreeHead
from verify.store.suites import SHA256, SIZE, Suite
from verify.store.tables import accesses as access_rows
from verify.store.tables import (
    checkpoints,
    key_events,
    label_events,
    rule_events,
    tree_leaves,
    tree_tiles,
    verifications,
)
from verify.store.tiles import Tiles

T = TypeVar("T")

HEAD, ACCESS, CHAIN = "head", "access", "chain"
CHAINS = {"rule_events": rule_events, "label_events": label_events, "key_events": key_events}
"""Chains of the whole installation: how rules were published, how matches were decided, which API
keys were given out."""
BATCH = 256
"""Leaves in one transaction: on SQLite nobody else writes meanwhile."""

_LOCK = 0x7665_7269_6C6F_67  # PostgreSQL advisory lock of the one that appends
_v, _l, _t, _c = verifications.c, tree_leaves.c, tree_tiles.c, checkpoints.c
_a = access_rows

_OPEN = _v.entries > _v.in_tree
_MOVED = (
    select(_v.id, _v.entries, _v.head, _v.updated_at)
    .where(_OPEN)
    .order_by(_v.id)
    .limit(bindparam("batch"))
    .with_for_update(skip_locked=True, key_share=True)
)
_COVERED = (
    update(verifications).where(_v.id == bindparam("wanted")).values(in_tree=bindparam("covered"))
)
_READS = (
    select(_a)
    .where(_a.c.leaf.is_(None))
    .order_by(_a.c.id)
    .limit(bindparam("batch"))
    .with_for_update(skip_locked=True)
)
_READ = update(_a).where(_a.c.id == bindparam("wanted")).values(leaf=bindparam("number"))
_TILE = select(_t.hashes).where(_t.level == bindparam("level"), _t.number == bindparam("number"))
_SIZE = select(func.max(_l.number))


@dataclass(frozen=True, slots=True)
class LeafRow:
    """A leaf as stored."""

    number: int
    kind: str
    subject: str
    entries: int
    digest: str
    at: int

    @property
    def data(self) -> bytes:
        """The bytes of the leaf."""
        return leaf_data(self.kind, self.subject, self.entries, self.digest)


def leaf_data(kind: str, subject: str, entries: int, digest: str) -> bytes:
    """The bytes of a leaf: ids, a count and a digest, never personal data."""
    return f"verify.{kind}/1\n{subject}\n{entries}\n{digest}\n".encode("utf-8", "surrogatepass")


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A kept checkpoint: the signed note, and whether enough witnesses cosigned it."""

    size: int
    note: str
    witnessed: bool


class Log:
    """The log of a store (`Store.log`)."""

    def __init__(
        self,
        read: Callable[[Callable[[Connection], Any]], Any],
        write: Callable[[Callable[[Connection], Any]], Any],
        suite: Suite = SHA256,
    ) -> None:
        self._read = read
        self._write = write
        self.suite = suite

    # -- growing --------------------------------------------------------------------------

    def append(self) -> int:
        """Give every moved head its leaf; returns how many were added."""
        added = 0
        while True:
            count: int = self._write(lambda c: _append(c, self.suite))
            added += count
            if count < BATCH:
                return added

    def keep(self, row: CheckpointRow) -> None:
        """Keep a checkpoint; a later note for the same size replaces it.

        But for one: what is witnessed is never replaced by what is not (a slower process).
        """
        self._write(lambda c: _keep(c, row))

    # -- reading --------------------------------------------------------------------------

    def head(self) -> TreeHead:
        """Size and root of the whole tree."""
        return self._with_tiles(lambda tiles: TreeHead(tiles.size, self._root(tiles, tiles.size)))

    def root(self, size: int) -> bytes:
        """Root of the first `size` leaves."""
        return self._with_tiles(lambda tiles: self._root(tiles, size))

    def _root(self, tiles: Tiles, size: int) -> bytes:
        return merkle.root(tiles.node, size, self.suite)

    def inclusion(self, index: int, size: int) -> merkle.Hashes:
        """Inclusion proof of a leaf in the tree of the first `size` leaves."""
        return self._with_tiles(
            lambda t: merkle.inclusion(t.node, index, self._within(t, size), self.suite)
        )

    def consistency(self, old: int, new: int) -> merkle.Hashes:
        """Consistency proof between two sizes."""
        return self._with_tiles(
            lambda t: merkle.consistency(t.node, old, self._within(t, new), self.suite)
        )

    @staticmethod
    def _within(tiles: Tiles, size: int) -> int:
        if size > tiles.size:
            raise NotFound(
                f"the log is not that large: it has {tiles.size} leaves",
                where="size",
                remedy="ask for a size that a checkpoint names (`verify audit checkpoint`); if a "
                "checkpoint that you kept is larger, the database is older than it: run `verify "
                "audit check`",
            )
        return size

    def _with_tiles(self, use: Callable[[Tiles], T]) -> T:
        def query(connection: Connection) -> T:
            return use(_tiles(connection, self.suite))

        try:
            found: T = self._read(query)
        except ValueError as error:
            # The rows of the tree contradict each other: somebody changed them.
            raise IntegrityError(
                f"the log's tree cannot be read: {error}",
                where="tree tiles",
                remedy="run `verify audit check`; restore the database from a backup",
            ) from None
        return found

    def leaf_hashes(self, start: int, end: int) -> bytes:
        """Hashes of leaves `[start, end)`, 32 bytes each, recomputed from the leaves' rows."""
        return b"".join(self.suite.leaf(row.data) for row in self.leaves(start, end))

    def leaves(self, start: int = 0, end: int | None = None) -> Iterator[LeafRow]:
        """Leaves in order, read in pages."""
        while end is None or start < end:
            stop = start + 10_000 if end is None else min(end, start + 10_000)
            rows = self._read(partial(_leaves, start=start, end=stop))
            yield from rows
            if len(rows) < stop - start:
                return
            start = stop

    def all_leaves(self) -> tuple[LeafRow, ...]:
        """Every leaf there is, also where numbers are missing."""
        rows = self._read(lambda c: c.execute(select(tree_leaves).order_by(_l.number)).all())
        return tuple(LeafRow(*row) for row in rows)

    def tiles(self) -> dict[tuple[int, int], bytes]:
        """Every tile."""
        rows: Sequence[Any] = self._read(lambda c: c.execute(select(tree_tiles)).all())
        return {(r.level, r.number): r.hashes for r in rows}

    def chain_ends(self, name: str) -> dict[int, tuple[str, int]]:
        """Hash and instant of each entry of an installation-wide chain by position, as stored."""
        table = CHAINS[name]
        query = select(table.c.position, table.c.hash, table.c.at)
        rows: Sequence[Any] = self._read(lambda c: c.execute(query).all())
        return {row.position: (row.hash, row.at) for row in rows}

    def covering(self, subject: str, entries: int, below: int) -> LeafRow | None:
        """The first leaf, numbered under `below`, that binds a case's entry `entries`."""
        query = (
            select(tree_leaves)
            .where(_l.kind == HEAD, _l.subject == subject)
            .where(_l.entries >= entries, _l.number < below)
            .order_by(_l.number)
            .limit(1)
        )
        row = self._read(lambda c: c.execute(query).mappings().first())
        return None if row is None else LeafRow(**row)

    def checkpoint(self, *, witnessed: bool = False, at_least: int = 0) -> CheckpointRow | None:
        """The largest checkpoint kept, or the smallest of at least some size."""
        query = select(checkpoints).limit(1)
        query = query.order_by(_c.size if at_least else _c.size.desc())
        if at_least:
            query = query.where(_c.size >= at_least)
        if witnessed:
            query = query.where(_c.witnessed)
        row = self._read(lambda c: c.execute(query).mappings().first())
        return None if row is None else CheckpointRow(**row)

    def checkpoints(self) -> tuple[CheckpointRow, ...]:
        """Every checkpoint kept, smallest first."""
        rows = self._read(
            lambda c: c.execute(select(checkpoints).order_by(_c.size)).mappings().all()
        )
        return tuple(CheckpointRow(**row) for row in rows)

    def oldest_open(self) -> int | None:
        """Instant, as the rows say, of the oldest entry or read without a leaf; `None`: none.

        Whoever writes the database writes these instants: they may delay, never grant anything.
        """

        def query(connection: Connection) -> int | None:
            moved = connection.execute(select(func.min(_v.updated_at)).where(_OPEN)).scalar()
            read = connection.execute(select(func.min(_a.c.at)).where(_a.c.leaf.is_(None))).scalar()
            known = [instant for instant in (moved, read) if instant is not None]
            return min(known, default=None)

        found: int | None = self._read(query)
        return found


def _append(connection: Connection, suite: Suite) -> int:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    moved = connection.execute(_MOVED, {"batch": BATCH}).all()
    reads = connection.execute(_READS, {"batch": BATCH - len(moved)}).all()
    chains = _chain_leaves(connection)
    if not moved and not reads and not chains:
        return 0
    tiles = _tiles(connection, suite)
    rows = [
        *(_leaf(HEAD, row.id, row.entries, row.head, row.updated_at) for row in moved),
        *(_leaf(ACCESS, r.id, 1, accesses.digest_of(r._asdict()), r.at) for r in reads),
        *chains,
    ]
    for number, row in enumerate(rows, start=tiles.size):
        row["number"] = number
    connection.execute(insert(tree_leaves), rows)
    if moved:
        connection.execute(_COVERED, [{"wanted": r.id, "covered": r.entries} for r in moved])
    if reads:
        found = [
            {"wanted": r["subject"], "number": r["number"]} for r in rows if r["kind"] == ACCESS
        ]
        connection.execute(_READ, found)
    tiles.append(
        suite.leaf(leaf_data(r["kind"], r["subject"], r["entries"], r["digest"])) for r in rows
    )
    changed = [
        {"level": level, "number": number, "hashes": hashes}
        for (level, number), hashes in sorted(tiles.changed.items())
    ]
    connection.execute(_upsert(_insert(connection, tree_tiles), tree_tiles, "hashes"), changed)
    return len(rows)


def _chain_leaves(connection: Connection) -> list[dict[str, Any]]:
    """A leaf for each installation-wide chain that has grown."""
    found = []
    for name, table in CHAINS.items():
        newest = select(table.c.position, table.c.hash, table.c.at)
        end = connection.execute(newest.order_by(table.c.position.desc()).limit(1)).first()
        if end is None:
            continue
        # A leaf of another kind may bear the same name, and covers nothing of this chain.
        covered = select(func.max(_l.entries)).where(_l.subject == name, _l.kind == CHAIN)
        if end.position > (connection.execute(covered).scalar() or 0):
            found.append(_leaf(CHAIN, name, end.position, end.hash, end.at))
    return found


def _leaf(kind: str, subject: str, entries: int, digest: str, at: int) -> dict[str, Any]:
    values = {"kind": kind, "subject": subject, "entries": entries, "digest": digest, "at": at}
    return {"number": 0, **values}


def _tiles(connection: Connection, suite: Suite) -> Tiles:
    last = connection.execute(_SIZE).scalar()

    def fetch(level: int, number: int) -> bytes:
        found = connection.execute(_TILE, {"level": level, "number": number}).scalar()
        return found if isinstance(found, bytes) and len(found) % SIZE == 0 else b""

    return Tiles(fetch, 0 if last is None else last + 1, suite)


def _leaves(connection: Connection, start: int, end: int) -> list[LeafRow]:
    query = select(tree_leaves).where(_l.number >= start, _l.number < end).order_by(_l.number)
    return [LeafRow(**row) for row in connection.execute(query).mappings()]


def _keep(connection: Connection, row: CheckpointRow) -> None:
    values = {"size": row.size, "note": row.note, "witnessed": row.witnessed}
    statement = _insert(connection, checkpoints)
    better = or_(statement.excluded.witnessed, not_(_c.witnessed))
    connection.execute(_upsert(statement, checkpoints, "note", "witnessed", where=better), values)


def _insert(connection: Connection, table: Any) -> Any:
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _upsert(statement: Any, table: Any, *columns: str, where: Any = None) -> Any:
    changed: Mapping[str, Any] = {name: statement.excluded[name] for name in columns}
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key), set_=changed, where=where
    )
