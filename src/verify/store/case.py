"""Everything stored about one verification, read as it is, for checking."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from verify.domain.access import Caller
from verify.domain.canonical import digest_bytes
from verify.domain.errors import Conflict, IntegrityError, NotFound
from verify.store import blobs, columns, forms
from verify.store.keyring import Keyring
from verify.store.reads import visible_row
from verify.store.rows import EntryKind
from verify.store.suites import SIZE
from verify.store.tables import (
    content,
    exchanges,
    idempotency,
    ledger,
    subjects,
    tree_leaves,
    tree_tiles,
    verdicts,
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
        return any(entry["kind"] == EntryKind.ERASED for entry in self.entries)

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
    with _any_text(connection):
        entries = _rows(connection, ledger, verification, "position")
        header: Row | None
        try:
            header = visible_row(connection, verification, caller)
        except NotFound:
            # Only who may see every region may learn that a row has vanished.
            if "*" not in caller.regions or not entries:
                raise
            header = None
        payloads = [_payload(entry["payload"]) for entry in entries]
        return Case(
            header=header,
            entries=entries,
            payloads=payloads,
            exchanges=_rows(connection, exchanges, verification, "source", "person"),
            verdicts=_rows(connection, verdicts, verification, "sequence"),
            idempotency=_rows(connection, idempotency, verification, "subject", "key"),
            blobs=_blob_faults(connection, sorted(named(header, payloads)), keyring),
            content=_content_faults(connection, payloads[:1]),
            subjects=_rows(connection, subjects, verification, "person"),
            leaves=_leaves(connection, verification),
            findable=header is None or _findable(header, entries, keyring),
        )


def _findable(header: Row, entries: list[Row], keyring: Keyring | None) -> bool:
    """Whether `case_blind` is what it must be; without the keys a sealed one cannot be told."""
    blind, number = header["case_blind"], header["case_number"]
    if any(entry["kind"] == EntryKind.ERASED for entry in entries):
        return blind in ("", None)
    if blind is None:
        return not columns.is_sealed(number)  # of a time before such columns were sealed
    if keyring is None:
        return columns.is_sealed(number) or number == ""
    shown = columns.shown("verifications", header, keyring, always=True)
    return bool(blind == keyring.blind(columns.CASE, str(shown["case_number"])))


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
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


def _rows(connection: Connection, table: Table, verification: str, *order: str) -> list[Row]:
    query = select(table).where(table.c.verification == verification)
    query = query.order_by(*(table.c[name] for name in order))
    return [{str(k): v for k, v in row.items()} for row in connection.execute(query).mappings()]


def _leaves(connection: Connection, verification: str) -> list[Row]:
    query = select(tree_leaves).where(tree_leaves.c.subject == verification)
    found: list[Row] = []
    for row in connection.execute(query.order_by(tree_leaves.c.number)).mappings():
        number = row["number"]
        tile = connection.execute(
            select(tree_tiles.c.hashes).where(
                tree_tiles.c.level == 0, tree_tiles.c.number == number // WIDTH
            )
        ).scalar()
        offset = number % WIDTH * SIZE
        known = tile[offset : offset + SIZE] if isinstance(tile, bytes) else b""
        found.append({**{str(k): v for k, v in row.items()}, "tile": known})
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


def _content_faults(connection: Connection, accepted: list[Payload]) -> dict[str, str]:
    found = {}
    for payload in accepted:
        for kind in ("rules", "scoring", "connectors"):
            digest = str(payload.get(kind))
            query = select(content.c.blob, content.c.kind).where(content.c.digest == digest)
            row = connection.execute(query).first()
            reason = _wrong(digest, row.blob if row else None)
            if row is not None and not reason and row.kind != kind:
                reason = "it is stored as another kind of content"
            found[digest] = reason
    return found


def _wrong(digest: str, body: object) -> str:
    if body is None:
        return "its bytes are missing"
    if not isinstance(body, bytes) or digest_bytes(body) != digest:
        return "its bytes do not have its digest"
    return ""
