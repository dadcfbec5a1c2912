"""The one form of an exported archive: its files, their members, types and order.

An archive is as it was exported only if writing it again from what was read gives the same bytes.
So nothing may be in it that no check looks at: no other file, no other member, no second row of
one thing, no number where a truth value stands, no document under another one's name. Whether the
values are the sealed ones is asked afterwards (`verify.store.integrity`), and of the signatures
(`verify.service.audit_receipt`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from verify.domain.canonical import canonical_bytes, digest_bytes
from verify.service.archive_file import not_one
from verify.store import EntryKind, Fault, forms, tables
from verify.store.case import Case, named, other_sets
from verify.store.columns import PERSONAL, is_sealed
from verify.store.vault import SALT

Plain = dict[str, Any]
SCHEMA = "verify.bundle/1"
MANIFEST, CASE, RECEIPT, README = "manifest.json", "case.json", "receipt.json", "README.txt"
FIXED = (MANIFEST, CASE, RECEIPT, README)
NOT_SEALED: Mapping[str, frozenset[str]] = {
    "header": frozenset(
        ("due_at", "lease_until", "lease_token", "attempts", "woken", "in_tree", "case_blind")
    ),
    "exchanges": frozenset(("due_at", "worth_asking", "woken", "callback_token")),
}
"""Columns that are not exported: no ledger entry binds them, or they open something."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SALT = re.compile(r"[0-9a-f]*")


@dataclass(frozen=True)
class _Form:
    """The members of a row with their types, those that came later, and what tells rows apart."""

    types: Mapping[str, tuple[type, ...]]
    later: frozenset[str] = frozenset()
    key: tuple[str, ...] = ()

    @classmethod
    def of(cls, part: str, table: Table, *key: str, callback: bool = False) -> _Form:
        hidden = NOT_SEALED.get(part, frozenset())
        types: dict[str, tuple[type, ...]] = {
            column.name: (column.type.python_type, *((type(None),) if column.nullable else ()))
            for column in table.columns
            if column.name not in hidden
        }
        later = forms.LATER & types.keys()
        return cls(types | ({"callback": (str,)} if callback else {}), later, key)

    def wrong(self, row: object) -> str:
        """What is wrong with a row's members; empty if nothing is."""
        if not isinstance(row, dict):
            return "it is no row"
        # Rows that were exported before a column came lack it, all of those together.
        if row.keys() not in (self.types.keys(), self.types.keys() - self.later):
            odd = sorted((row.keys() ^ self.types.keys()) - (self.later - row.keys()))
            return f"its members are not those of such a row: {', '.join(odd) or 'version'}"
        odd = [name for name, value in row.items() if type(value) not in self.types[name]]
        return f"not a value of its kind: {', '.join(sorted(odd))}" if odd else ""


_HEADER = _Form.of("header", tables.verifications)
_ROWS: Mapping[str, _Form] = {
    "entries": _Form.of("entries", tables.ledger, "position"),
    "exchanges": _Form.of("exchanges", tables.exchanges, "source", "person", callback=True),
    "verdicts": _Form.of("verdicts", tables.verdicts, "sequence"),
    "subjects": _Form.of("subjects", tables.subjects, "person"),
    "idempotency": _Form.of("idempotency", tables.idempotency, "subject", "key"),
}


def read(files: Mapping[str, bytes], name: str) -> Plain:
    """A JSON file of an archive.

    Raises:
        InputError: it is not there, or holds no JSON object.
    """
    try:
        document = json.loads(files[name])
    except (KeyError, ValueError, RecursionError):
        raise not_one() from None
    if not isinstance(document, dict):
        raise not_one()
    return document


def file_faults(files: Mapping[str, bytes], manifest: Plain, readme: bytes) -> Iterator[Fault]:
    """README, manifest, and the one byte form of every JSON file."""
    if files.get(README) != readme:
        yield Fault(README, "it is not the text that every archive has")
    for name in (MANIFEST, CASE, RECEIPT):
        if not _canonical(files[name]):
            yield Fault(name, "it is not in the one form that such a file is written in")
    if manifest.keys() != {"schema", "verification", "files", "salts"}:
        yield Fault(MANIFEST, "its members are not those of a manifest")
    if manifest.get("schema") != SCHEMA:
        yield Fault(MANIFEST, "it is of another kind")
    listed = manifest.get("files")
    if not isinstance(listed, dict):
        yield Fault(MANIFEST, "it lists no files")
        return
    for name in sorted({*listed, *files} - {MANIFEST}):
        if name not in files:
            yield Fault(name, "it is missing")
        elif listed.get(name) != digest_bytes(files[name]):
            yield Fault(name, "it is not what the manifest lists")
    if MANIFEST in listed:
        yield Fault(MANIFEST, "it lists itself")


def _canonical(body: bytes) -> bool:
    try:
        return canonical_bytes(json.loads(body)) == body
    except (ValueError, TypeError, RecursionError):
        return False


def row_faults(rows: Plain) -> Iterator[Fault]:
    """Members, types, order and uniqueness of the rows in `case.json`.

    Without a fault here, every row can be read as the row it says it is.
    """
    if rows.keys() != {"hash", "header", *_ROWS}:
        yield Fault(CASE, "its members are not those of a case")
        return
    if reason := _HEADER.wrong(rows["header"]):
        yield Fault("verification", reason)
    for part, form in _ROWS.items():
        yield from _part_faults(part, form, rows[part])


def _part_faults(part: str, form: _Form, rows: object) -> Iterator[Fault]:
    if not isinstance(rows, list):
        yield Fault(CASE, f"its {part} are no list of rows")
        return
    wrong = {number: form.wrong(row) for number, row in enumerate(rows, 1)}
    for number, reason in wrong.items():
        if reason:
            yield Fault(f"{part} row {number}", reason)
    if any(wrong.values()):
        return
    keys = [tuple(row[name] for name in form.key) for row in rows]
    seen: set[tuple[Any, ...]] = set()
    for number, key in enumerate(keys, 1):
        if key in seen:
            yield Fault(f"{part} row {number}", "it is a second row of the same thing")
        elif number > 1 and key < keys[number - 2]:
            yield Fault(f"{part} row {number}", "it is not in its place")
        seen.add(key)
    if len({frozenset(row) for row in rows}) > 1:
        yield Fault(CASE, f"its {part} were not exported together")


def present(files: Mapping[str, bytes], salts: object) -> tuple[set[str], set[str]]:
    """Digests whose bytes lie under their own name: of documents, and of content sets."""
    given = salts if isinstance(salts, dict) else {}
    documents, contents = set(), set()
    for name, body in files.items():
        folder, _, digest = name.partition("/")
        salt = _bytes(given.get(digest))
        if folder == "documents" and salt is not None:
            documents |= {f"sha256:{digest}"} & {digest_bytes(salt + body)}
        elif folder == "content":
            contents |= {f"sha256:{digest}"} & {digest_bytes(body)}
    return documents, contents


def _bytes(salt: object) -> bytes | None:
    if not isinstance(salt, str) or len(salt) not in (0, 2 * SALT) or not _SALT.fullmatch(salt):
        return None
    return bytes.fromhex(salt)


def document_faults(files: Mapping[str, bytes], salts: object, case: Case) -> Iterator[Fault]:
    """The documents and content sets: precisely those that the rows name, each under its name.

    Of a case whose evidence was erased any document may be gone, none may have come.
    """
    digests = named(case.header, case.payloads)
    sets = {str(case.accepted.get(kind)) for kind in ("rules", "scoring", "connectors")}
    sets |= set(other_sets(case.payloads))
    for digest in sorted(digests | sets):
        if not _DIGEST.fullmatch(digest):
            yield Fault(CASE, "it names something that has no digest")
            return
    documents, contents = present(files, salts)
    wanted = {f"documents/{_hex(d)}": d in documents for d in digests}
    wanted |= {f"content/{_hex(d)}": d in contents for d in sets}
    for name in sorted({*wanted, *files} - {*FIXED}):
        if name not in wanted:
            yield Fault(name, "nothing in the case names it")
        elif name not in files:
            if not case.erased or name.startswith("content/"):
                yield Fault(name, "it is missing")
        elif not wanted[name]:
            yield Fault(name, "its bytes do not have the digest that is its name")
    yield from _salt_faults(files, salts, case)


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _salt_faults(files: Mapping[str, bytes], salts: object, case: Case) -> Iterator[Fault]:
    """A salt belongs to each document from outside, and to no other.

    Salt and body are digested as one: moved from one to the other, bytes would change a document
    and not its digest. So the length of the salt is no choice of whoever packs.
    """
    documents = {name.partition("/")[2] for name in files if name.startswith("documents/")}
    if not isinstance(salts, dict) or salts.keys() != documents:
        yield Fault(MANIFEST, "it does not list the salts of precisely its documents")
        return
    ours = {
        _hex(str(payload[name]))
        for payload in case.payloads
        for name in ("sealed_digest", "verdict_digest", "trace_digest")
        if name in payload
    }
    allowed = _salted(case)
    for digest in sorted(documents):
        lengths = (0,) if digest in ours else allowed
        if len(salts[digest]) // 2 not in lengths:
            yield Fault(f"documents/{digest}", "its salt is not of the length that it must have")


def _salted(case: Case) -> tuple[int, ...]:
    """Lengths that the salt of an answer or application may have.

    In a case of before there was a vault, sealed since, both stand side by side.
    """
    header = case.header or {}
    if "subjects" in case.accepted:  # only a vault knows the blind index
        return (SALT,)
    if any(entry["kind"] == EntryKind.RESEALED for entry in case.entries):
        return (0, SALT)
    personal = [header.get(name) for name in PERSONAL["verifications"]]
    personal += [row.get(name) for row in case.exchanges for name in PERSONAL["exchanges"]]
    sealed = {is_sealed(value) for value in personal if value}
    return {frozenset((True,)): (SALT,), frozenset((False,)): (0,)}.get(
        frozenset(sealed), (0, SALT)
    )
