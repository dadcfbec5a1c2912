"""Everything stored about one verification, read as it is, for checking."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Table, select

from verify.domain.access import Caller
from verify.domain.canonical import digest_bytes
from verify.domain.errors import Conflict, IntegrityError, NotFound, VerifyError
from verify.store import amending, blobs, columns, forms
from verify.store.keyring import INDEX, Keyring
from verify.store.rows import EntryKind
from verify.store.scope import in_scope, not_found
from verify.store.suites import SIZE
from verify.store.tables import (
    content,
    data_keys,
    exchanges,
    idempotency,
    ledger,
    subjects,
    tree_leaves,
    tree_tiles,
    verdicts,
    verifications,
)
from verify.store.tiles import WIDTH

Row = Mapping[str, Any]
Payload = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Rows as stored. `blobs` and `content` say what is wrong with a digest's bytes ("" if not)."""

    header: Row | None
    entries: list[Row]
    payloads: list[Payload]
    exchanges: list[Row]
    verdicts: list[Row]
    idempotency: list[Row]
    blobs: Mapping[str, str]
    content: Mapping[str, str]
    subjects: list[Row]
    leaves: list[Row]
    """Leaves of the log about this verification, each with the hash in the tree's `tile`."""
    findable: bool = True
    """Whether the blind index of the case number is the one of its case number."""
    key_erased_at: int | None = amending.NOT_KNOWN
    """When the key of its scope was erased, if it was; an exported case does not say."""
    unproven: frozenset[str] = frozenset()
    """What was replaced by `resealed` entries that do not prove it (`verify.store.resealed`)."""

    @property
    def accepted(self) -> Payload:
        """What the first entry committed to."""
        return self.payloads[0] if self.payloads else {}

    @property
    def recorded(self) -> forms.Recorded:
        """What the ledger last committed to."""
        kinds = (entry["kind"] for entry in self.entries)
        return forms.recorded(zip(kinds, self.payloads, strict=True))

    @property
    def erased(self) -> bool:
        """Whether its evidence was erased, and the ledger says so."""
        return self.erasure is not None

    @property
    def erasure(self) -> int | None:
        """Place of the entry that says so (`amending.erasure`)."""
        return amending.erasure(self.header, self.entries, self.payloads, self.key_erased_at)

    @property
    def state(self) -> object:
        """The state that the ledger last put it in."""
        pairs = zip(reversed(self.entries), reversed(self.payloads), strict=True)
        stated = (p for e, p in pairs if e["kind"] in forms.STATED and "state" in p)
        return next((payload["state"] for payload in stated), None)

    @property
    def planned(self) -> dict[str, Payload]:
        """The questions that acceptance promised to ask, by evidence id."""
        return {f"{p['source']}/{p['person']}": p for p in self.accepted.get("planned", ())}

    def of_kind(self, kind: EntryKind) -> list[tuple[Row, Payload]]:
        """Entries of a kind with their payloads."""
        pairs = zip(self.entries, self.payloads, strict=True)
        return [(entry, payload) for entry, payload in pairs if entry["kind"] == kind]

    @property
    def answers(self) -> list[tuple[int, Payload]]:
        """Position and payload of every entry that changed an exchange."""
        kinds = (EntryKind.ASKED, EntryKind.ANSWERED)
        pairs = zip(self.entries, self.payloads, strict=True)
        return [(entry["position"], payload) for entry, payload in pairs if entry["kind"] in kinds]


def other_sets(payloads: Sequence[Payload]) -> list[str]:
    """Digests of the sets of connectors, other than the accepted one, that questions were put
    with."""
    return sorted({str(p["version_set"]) for p in payloads if "version_set" in p})


def digest_of(names: tuple[str, ...], row: Row) -> str:
    """Digest of a row's form; a value that no writer could have stored has none."""
    try:
        return forms.form_digest(names, row)
    except (TypeError, ValueError):
        return "unreadable"


def load(
    connection: Connection, verification: str, caller: Caller, keyring: Keyring | None = None
) -> Case:
    """Read a verification whole.

    Raises:
        NotFound: no such verification for this caller.
    """
    (case,) = load_many(connection, [verification], caller, keyring)
    return case


def load_many(
    connection: Connection,
    verifications_: Sequence[str],
    caller: Caller,
    keyring: Keyring | None = None,
) -> list[Case]:
    """Read several verifications whole, in their order, with as many queries as for one.

    Raises:
        NotFound: one of them is none of this caller's.
    """
    wanted = list(dict.fromkeys(verifications_))
    with any_text(connection):
        entries = _rows(connection, ledger, wanted, "position")
        headers = _headers(connection, wanted, caller)
        for name in wanted:
            # Only who may see every region may learn that a row has vanished.
            if name not in headers and ("*" not in caller.regions or not entries[name]):
                raise not_found()
        payloads = {n: [_payload(entry["payload"]) for entry in entries[n]] for n in wanted}
        digests = {n: named(headers.get(n), payloads[n]) for n in wanted}
        wrong = _blob_faults(connection, sorted(set().union(*digests.values())), keyring)
        asked = _rows(connection, exchanges, wanted, "source", "person")
        judged = _rows(connection, verdicts, wanted, "sequence")
        keys = _rows(connection, idempotency, wanted, "subject", "key")
        people = _rows(connection, subjects, wanted, "person")
        leaves = _leaves(connection, wanted)
        content_ = _Contents(connection)
        erased_at = _erasures(connection, headers, entries)
        found = [
            Case(
                header=headers.get(name),
                entries=entries[name],
                payloads=payloads[name],
                blobs={digest: wrong[digest] for digest in sorted(digests[name])},
                content=content_.faults(payloads[name]),
                key_erased_at=erased_at.get(name),
                exchanges=asked[name],
                verdicts=judged[name],
                idempotency=keys[name],
                subjects=people[name],
                leaves=leaves[name],
            )
            for name in verifications_
        ]
        return [replace(case, findable=_findable(case, keyring)) for case in found]


def _erasures(
    connection: Connection, headers: Mapping[str, Row], entries: Mapping[str, list[Row]]
) -> dict[str, int]:
    """When the keys of those verifications were erased whose ledger says that they were."""
    said = {
        name: amending.scope_of_case(headers[name])
        for name, mine in entries.items()
        if name in headers and any(entry["kind"] == EntryKind.ERASED for entry in mine)
    }
    if not said:
        return {}
    query = select(data_keys.c.scope, data_keys.c.erased_at)
    rows = connection.execute(query.where(data_keys.c.scope.in_(set(said.values()))))
    instants = {row.scope: row.erased_at for row in rows if row.erased_at is not None}
    return {name: instants[scope] for name, scope in said.items() if scope in instants}


def _headers(connection: Connection, wanted: list[str], caller: Caller) -> dict[str, Row]:
    query = select(verifications).where(verifications.c.id.in_(wanted), in_scope(caller))
    rows = connection.execute(query).mappings()
    return {str(row["id"]): {str(k): v for k, v in row.items()} for row in rows}


def _findable(case: Case, keyring: Keyring | None) -> bool:
    """Whether `case_blind` is what it must be; without the keys a sealed one cannot be told."""
    header = case.header
    if header is None:
        return True
    blind, number = header["case_blind"], header["case_number"]
    if case.erased:
        return blind in ("", None)
    if blind is None:
        return not columns.is_sealed(number)  # of a time before such columns were sealed
    if keyring is None:
        return columns.is_sealed(number) or number == ""
    shown = columns.shown("verifications", header, keyring, always=True)
    try:
        # Opened, never made anew: a check changes nothing.
        index = keyring.opening(INDEX)
        return bool(blind == index.blind(columns.CASE, str(shown["case_number"])))
    except VerifyError:
        return True  # the index's own key is wrong: `verify.store.installation` names it


@contextmanager
def any_text(connection: Connection) -> Iterator[None]:
    """SQLite stores any bytes as text: read them without failing, so that they can be reported."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    driver.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = str


def _rows(
    connection: Connection, table: Table, wanted: list[str], *order: str
) -> dict[str, list[Row]]:
    query = select(table).where(table.c.verification.in_(wanted))
    query = query.order_by(*(table.c[name] for name in order))
    found: dict[str, list[Row]] = {name: [] for name in wanted}
    for row in connection.execute(query).mappings():
        found[row["verification"]].append({str(k): v for k, v in row.items()})
    return found


def _leaves(connection: Connection, wanted: list[str]) -> dict[str, list[Row]]:
    query = select(tree_leaves).where(tree_leaves.c.subject.in_(wanted))
    rows = connection.execute(query.order_by(tree_leaves.c.number)).mappings().all()
    numbers = sorted({row["number"] // WIDTH for row in rows})
    tiles = select(tree_tiles.c.number, tree_tiles.c.hashes).where(
        tree_tiles.c.level == 0, tree_tiles.c.number.in_(numbers)
    )
    hashes = {tile.number: tile.hashes for tile in connection.execute(tiles)} if rows else {}
    found: dict[str, list[Row]] = {name: [] for name in wanted}
    for row in rows:
        tile = hashes.get(row["number"] // WIDTH)
        offset = row["number"] % WIDTH * SIZE
        known = tile[offset : offset + SIZE] if isinstance(tile, bytes) else b""
        found[row["subject"]].append({**{str(k): v for k, v in row.items()}, "tile": known})
    return found


def _payload(text: object) -> Payload:
    """A payload as far as it can be read; its entry's hash tells whether it is genuine."""
    try:
        payload = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    return payload if isinstance(payload, dict) else {}


def named(header: Row | None, payloads: list[Payload]) -> set[str]:
    """Digests of every blob that a verification stands on."""
    named = {str(header["application_digest"])} if header is not None else set()
    for payload in payloads:
        named.update(str(d) for d in payload.get("bodies", ()))
        named.update(
            str(payload[name])
            for name in ("sealed_digest", "verdict_digest", "trace_digest")
            if name in payload
        )
    return named


def _blob_faults(
    connection: Connection, digests: list[str], keyring: Keyring | None
) -> dict[str, str]:
    """What is wrong with each blob. A few at a time: raw answers may be large."""
    found = {}
    for start in range(0, len(digests), 32):
        some = digests[start : start + 32]
        stored = blobs.fetch_many(connection, some)
        found.update({digest: _blob_fault(digest, stored.get(digest), keyring) for digest in some})
    return found


def _blob_fault(digest: str, stored: blobs.Stored | None, keyring: Keyring | None) -> str:
    try:
        blobs.opened(digest, stored, keyring)
    except NotFound:
        return "its bytes are missing"
    except IntegrityError:
        return "its bytes do not have its digest"
    except Conflict as error:
        return error.reason
    return ""


class _Contents:
    """Looks at content sets; at each once, however many cases it judged."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen: dict[str, tuple[str, str | None]] = {}

    def faults(self, payloads: list[Payload]) -> dict[str, str]:
        """What is wrong with the content sets that an acceptance and later entries name."""
        kinds = ("rules", "scoring", "connectors")
        named_ = [(kind, str(p.get(kind))) for p in payloads[:1] for kind in kinds]
        named_ += [("connectors", digest) for digest in other_sets(payloads)]
        found = {}
        for kind, digest in named_:
            reason, stored = self._look(digest)
            other = stored is not None and not reason and stored != kind
            found[digest] = "it is stored as another kind of content" if other else reason
        return found

    def _look(self, digest: str) -> tuple[str, str | None]:
        if digest not in self._seen:
            query = select(content.c.blob, content.c.kind).where(content.c.digest == digest)
            row = self._connection.execute(query).first()
            self._seen[digest] = (_wrong(digest, row.blob if row else None), row and row.kind)
        return self._seen[digest]


def _wrong(digest: str, body: object) -> str:
    if body is None:
        return "its bytes are missing"
    if not isinstance(body, bytes) or digest_bytes(body) != digest:
        return "its bytes do not have its digest"
    return ""
