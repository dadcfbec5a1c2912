"""Check everything that is stored against everything that is held elsewhere, and name what differs.

The database is not trusted (design invariant 7): each verification is recomputed from its bytes
(`Store.check_integrity`), the log's tree from its leaves, and the outcome is compared with the
checkpoints that witnesses keep outside. A rewritten history that fits itself is found there; a
witness with a copy of the leaf hashes also tells which leaf was rewritten.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from verify.domain.access import LOCAL
from verify.domain.errors import IntegrityError, NotFound, VerifyError
from verify.service.audit_witness import Witness
from verify.store import Fault, Store
from verify.store.accesses import AccessRow
from verify.store.accesses import digest_of as access_digest
from verify.store.ids import ACCESS_ID, VERIFICATION_ID
from verify.store.integrity import NOT_IN_TREE
from verify.store.log import ACCESS, CHAIN, CHAINS, HEAD, CheckpointRow, LeafRow
from verify.store.merkle import Frontier, root
from verify.store.note import Note, PublicKey
from verify.store.suites import SIZE
from verify.store.tiles import WIDTH, Tiles

MAX_NAMED = 50
"""Of a cut-off tail, so many leaves are named one by one."""
PAUSES = (0.0, 0.2, 0.8, 1.0)
"""Seconds to wait for what a running service is about to keep: a checkpoint, a leaf."""
LATE = 60_000
"""So many milliseconds behind an entry of a chain, the log has taken it in."""


@dataclass(frozen=True)
class Found:
    """A fault and the verification (or other part) that it concerns."""

    subject: str
    thing: str
    reason: str


@dataclass(frozen=True)
class Audit:
    """What a full check came to. `witnessed` is the size that every witness vouches for."""

    verifications: int
    leaves: int
    witnessed: int
    unanswered: tuple[str, ...]
    faults: tuple[Found, ...]


def check_everything(
    store: Store,
    log_key: PublicKey,
    witnesses: Sequence[Witness],
    *,
    cases: bool = True,
    retired: Sequence[PublicKey] = (),
) -> Audit:
    """Check the whole store. `cases=False` leaves out the verifications' own rows; what a
    `retired` witness cosigned still counts."""
    copies: dict[str, tuple[Note | None, bytes]] = {}
    faults: list[Found] = []
    unanswered: list[str] = []
    for witness in witnesses:
        try:
            copies[witness.name] = witness.latest(log_key.name), witness.leaves(log_key.name)
        except IntegrityError as error:
            faults.append(Found(witness.name, error.where, error.reason))
        except NotFound:
            copies[witness.name] = None, b""
        except VerifyError:
            unanswered.append(witness.name)
    known = _agreed_copy(copies)
    view = _View.load(store, known)
    faults += _leaf_faults(view, known)
    faults += _tile_faults(view)
    faults += _checkpoint_faults(view, log_key, [w.key for w in witnesses], retired)
    for name, (note, copy) in copies.items():
        faults += _witness_faults(view, name, note, copy)
    faults += _lost_checkpoints(store, view, [note for note, _ in copies.values() if note])
    checked = 0
    if cases:
        checked, found = _case_faults(store, view)
        faults += found
        faults += _chain_faults(store, view)
        faults += _uncovered_ends(store, view)
        faults += _access_faults(store.every_access(), view)
    notes = [note.checkpoint.size if note else 0 for note, _ in copies.values()]
    return Audit(
        checked, view.size, min(notes, default=0), tuple(unanswered), tuple(dict.fromkeys(faults))
    )


@dataclass(frozen=True)
class _View:
    """The log as it is stored, and the tree that it should have.

    `tree` is built from the hashes that a witness vouches for, and beyond those from the tiles:
    so a changed row accuses itself and not the checkpoints above it.
    """

    leaves: Mapping[int, LeafRow]
    size: int
    tiles: Mapping[tuple[int, int], bytes]
    tree: Tiles
    rows: Sequence[CheckpointRow]

    @classmethod
    def load(cls, store: Store, known: bytes) -> _View:
        suite = store.log.suite
        leaves = {row.number: row for row in store.log.all_leaves()}
        tiles = store.log.tiles()
        held = sum(len(hashes) // SIZE for (level, _), hashes in tiles.items() if level == 0)
        size = max(max(leaves, default=-1) + 1, held)
        tree = Tiles(lambda _level, _number: b"", 0, suite)
        tree.append(_hash(known, tiles, number) for number in range(size))
        return cls(leaves, size, tiles, tree, store.log.checkpoints())

    def root(self, size: int) -> bytes:
        return root(self.tree.node, size, self.tree.suite)


def _hash(known: bytes, tiles: Mapping[tuple[int, int], bytes], number: int) -> bytes:
    """The hash that leaf `number` should have."""
    start = number % WIDTH * SIZE
    seen = known[number * SIZE : (number + 1) * SIZE]
    return seen or tiles.get((0, number // WIDTH), b"")[start : start + SIZE].ljust(SIZE, b"\0")


def _agreed_copy(copies: Mapping[str, tuple[Note | None, bytes]]) -> bytes:
    """The leaf hashes that a witness vouches for, if one keeps a copy that has its root."""
    for note, copy in copies.values():
        if note is not None and _vouched(note, copy):
            return copy[: note.checkpoint.size * SIZE]
    return b""


def _vouched(note: Note, copy: bytes) -> bool:
    size = note.checkpoint.size
    if len(copy) < size * SIZE:
        return False
    frontier = Frontier(note.checkpoint.suite)
    frontier.extend(copy[: size * SIZE])
    return frontier.root() == note.checkpoint.root


def _leaf_faults(view: _View, known: bytes) -> Iterator[Found]:
    """Each leaf against the hash that it should have."""
    suite, seen = view.tree.suite, len(known) // SIZE
    for number in range(view.size):
        name = f"tree leaf {number}"
        row = view.leaves.get(number)
        if row is None:
            yield Found("log", name, "it is missing")
        elif suite.leaf(row.data) != view.tree.node(0, number):
            place = "a witness recorded" if number < seen else "stands in the tree"
            about = f"entry {row.entries} of {row.subject}"
            yield Found(row.subject, name, f"it is about {about}; that is not what {place}")
        elif not _is_subject(row):
            yield Found("log", name, f"{row.subject!r} is nothing that a leaf of its kind is about")
    for number in sorted(number for number in view.leaves if number < 0):
        yield Found("log", f"tree leaf {number}", "it stands outside the tree")
    for number in range(view.size, min(seen, view.size + MAX_NAMED)):
        yield Found("log", f"tree leaf {number}", "it is missing; a witness saw it")


def _is_subject(row: LeafRow) -> bool:
    """Whether a leaf's subject and count are such as its kind has."""
    if row.kind == CHAIN:
        return row.subject in CHAINS
    if row.kind == ACCESS:
        return row.entries == 1 and ACCESS_ID.fullmatch(row.subject) is not None
    return row.kind == HEAD and VERIFICATION_ID.fullmatch(row.subject) is not None


def _tile_faults(view: _View) -> Iterator[Found]:
    for level, number in sorted(view.tiles.keys() | view.tree.changed.keys()):
        stored = view.tiles.get((level, number))
        if stored != view.tree.changed.get((level, number)):
            reason = "it is missing" if stored is None else "it is not what its leaves come to"
            yield Found("log", f"tree tile {level}/{number}", reason)


def _checkpoint_faults(
    view: _View, log_key: PublicKey, keys: Sequence[PublicKey], retired: Sequence[PublicKey]
) -> Iterator[Found]:
    for row in view.rows:
        reason = _wrong(view, row, log_key, keys, retired)
        if reason:
            yield Found("log", f"checkpoint {row.size}", reason)


def _wrong(
    view: _View,
    row: CheckpointRow,
    log_key: PublicKey,
    keys: Sequence[PublicKey],
    retired: Sequence[PublicKey] = (),
) -> str:
    """The first thing that is wrong with a kept checkpoint; empty if nothing is."""
    try:
        note = Note.parse(row.note)
    except VerifyError as error:
        return error.reason
    point = note.checkpoint
    ours = [key for key in dict.fromkeys((*keys, *retired)) if note.by(key)]
    signed = note.by(log_key) is not None and point.origin == log_key.name
    faults = {
        "it is not signed by the log's key": not signed,
        "it is kept under another size": point.size != row.size,
        "it covers more leaves than there are": point.size > view.size,
        "the leaves do not have its root": point.size <= view.size
        and view.root(point.size) != point.root,
        "it carries a signature of nobody known here (of a witness that was replaced? Put its key "
        "into VERIFY_WITNESSES_RETIRED)": len(ours) + 1 != len(note.signatures),
        "it is called witnessed and no witness signed it": row.witnessed and not ours,
        "it is called unwitnessed and every witness signed it": not row.witnessed
        and len(keys) > 0
        and all(key in ours for key in keys),
    }
    return next((reason for reason, holds in faults.items() if holds), "")


def _witness_faults(view: _View, name: str, note: Note | None, copy: bytes) -> Iterator[Found]:
    if note is None:
        if view.rows:
            yield Found(name, f"witness checkpoint at {name}", "it is missing")
        return
    size = note.checkpoint.size
    if copy and not _vouched(note, copy):
        yield Found(name, f"witness leaves at {name}", "they do not have the witnessed root")
    if size > view.size:
        yield Found(
            "log",
            "log",
            f"the witness {name} saw {size} leaves, the database has {view.size}: it was cut off "
            "or an older copy was put in its place",
        )
    elif view.root(size) != note.checkpoint.root:
        yield Found("log", "log", f"its first {size} leaves are not those that {name} witnessed")


def _lost_checkpoints(store: Store, view: _View, notes: Sequence[Note]) -> Iterator[Found]:
    """The newest checkpoint that was witnessed must be kept; older ones say nothing besides it."""
    newest = max((note.checkpoint.size for note in notes), default=0)
    if not newest or newest > view.size:
        return
    # It is kept just after it was witnessed: a running service gets that moment.
    for pause in PAUSES:
        time.sleep(pause)
        if any(row.size >= newest for row in store.log.checkpoints()):
            return
    reason = "it is missing; a witness holds it (start the service once: it keeps it again)"
    yield Found("log", f"checkpoint {newest}", reason)


def _case_faults(store: Store, view: _View) -> tuple[int, list[Found]]:
    """Every verification there is, and every one that the log knows of."""
    found: list[Found] = []
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        rows, cursor = store.list(LOCAL, cursor=cursor, limit=200)
        for row in rows:
            seen.add(row.id)
            if not VERIFICATION_ID.fullmatch(row.id):
                found.append(Found(row.id, "verification", "its id is none of a verification"))
            found += _named(row.id, store.check_integrity(row.id, LOCAL))
        if cursor is None:
            break
    known = {row.subject for row in view.leaves.values() if row.kind == HEAD}
    for subject in sorted(known - seen, key=str):
        try:
            found += _named(subject, store.check_integrity(subject, LOCAL))
        except NotFound:
            found.append(Found(subject, "verification", "it is missing; the log knows of it"))
    return len(seen), found


def _chain_faults(store: Store, view: _View) -> Iterator[Found]:
    """What is of no verification; the installation's chains also against their leaves."""
    for fault in store.check_installation():
        yield Found("installation", fault.thing, fault.reason)
    ends = {name: store.log.chain_ends(name) for name in CHAINS}
    for leaf in view.leaves.values():
        if leaf.kind != CHAIN:
            continue
        digest, at = ends.get(leaf.subject, {}).get(leaf.entries, ("", leaf.at))
        if at != leaf.at:
            yield Found("log", f"tree leaf {leaf.number}", "it is dated otherwise than its entry")
        if digest != leaf.digest:
            reason = f"it is not the entry that leaf {leaf.number} of the log recorded"
            yield Found(leaf.subject, f"{leaf.subject} entry {leaf.entries}", reason)


def _uncovered_ends(store: Store, view: _View) -> Iterator[Found]:
    """Each chain's last entry has its leaf, once the log has gone on since it was written."""
    ends = {name: max(store.log.chain_ends(name).items(), default=None) for name in CHAINS}
    newest = max((leaf.at for leaf in view.leaves.values()), default=0)
    late = {
        name: end[0] for name, end in ends.items() if end is not None and end[1][1] + LATE < newest
    }
    covered = _covered(view.leaves.values())
    for pause in PAUSES:
        if all(covered.get(name, 0) >= position for name, position in late.items()):
            return
        time.sleep(pause)
        for name, entries in _covered(store.log.leaves(view.size)).items():
            covered[name] = max(entries, covered.get(name, 0))
    for name, position in late.items():
        if covered.get(name, 0) < position:
            yield Found(name, f"{name} entry {position}", "the log has gone on and not taken it in")


def _covered(leaves: Iterable[LeafRow]) -> dict[str, int]:
    """So many entries of each installation-wide chain have a leaf."""
    found: dict[str, int] = {}
    for leaf in leaves:
        if leaf.kind == CHAIN:
            found[leaf.subject] = max(leaf.entries, found.get(leaf.subject, 0))
    return found


def _access_faults(rows: Sequence[AccessRow], view: _View) -> Iterator[Found]:
    """Every read on record against its leaf, and every leaf against its read.

    A read has one leaf, the first; one that was rewritten would be given another.
    """
    leaves: dict[str, LeafRow] = {}
    for number in sorted(view.leaves):
        leaf = view.leaves[number]
        if leaf.kind != ACCESS:
            continue
        if leaves.setdefault(leaf.subject, leaf) is not leaf:
            reason = f"leaf {number} of the log records it a second time: it was rewritten"
            yield Found(leaf.subject, f"access {leaf.subject}", reason)
    for row in rows:
        first = leaves.pop(row.id, None)
        if not ACCESS_ID.fullmatch(row.id):
            yield Found(row.id, f"access {row.id}", "its id is none of a read")
        elif first is None and row.leaf is None:
            continue  # moments old: not in the log yet
        expected = (first.number, first.digest, first.at) if first else None
        if expected != (row.leaf, access_digest(asdict(row)), row.at):
            yield Found(row.id, f"access {row.id}", "it is not what the log recorded")
    for name in sorted(leaves, key=str):
        yield Found(name, f"access {name}", "it is missing; the log knows of it")


def _named(subject: str, faults: Sequence[Fault]) -> list[Found]:
    """A verification's faults; leaf against tree is judged above, with more to go by."""
    return [Found(subject, f.thing, f.reason) for f in faults if f.reason != NOT_IN_TREE]
