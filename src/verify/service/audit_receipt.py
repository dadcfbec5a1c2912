"""Receipts: proof, for whoever keeps one, of what was sealed and when it was witnessed.

A receipt holds the ledger entries from the one it is about to the end of the chain that a leaf of
the log binds, the inclusion proof of that leaf, and the signed checkpoint. It is checked with
nothing but public keys: no database, no network.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from verify.domain.canonical import canonical_bytes
from verify.domain.errors import InputError, IntegrityError, VerifyError
from verify.service.audit_trust import Trust
from verify.service.clock import iso
from verify.store import LedgerRow, Store
from verify.store.ledger import entry_hash
from verify.store.log import HEAD, CheckpointRow, leaf_data
from verify.store.merkle import included
from verify.store.note import Note, PublicKey, b64, unb64

Plain = dict[str, Any]
SCHEMA = "verify.receipt/1"
TRIES = 64
"""Checkpoints looked at for one that every witness signed, before the newest is taken."""

_PROOF: Mapping[str, type] = {
    "schema": str,
    "verification": str,
    "entries": list,
    "leaf": int,
    "inclusion": list,
    "checkpoint": str,
}
_ENTRY: Mapping[str, type] = {
    "position": int,
    "kind": str,
    "at": int,
    "payload": dict,
    "previous": str,
    "hash": str,
}
_RECEIPT: Mapping[str, type] = {
    "verification": str,
    "verdict": str,
    "sequence": int,
    "leaf": dict,
    "proof": dict,
}


def proof_of(
    store: Store,
    verification: str,
    entries: Sequence[LedgerRow],
    position: int,
    witnesses: Sequence[PublicKey] = (),
) -> Plain | None:
    """Proof that entry `position` stands in a witnessed checkpoint; `None`: not witnessed yet.

    It is the first that all of `witnesses` signed, or else the newest.
    """
    newest = store.log.checkpoint(witnessed=True)
    if newest is None:
        return None
    leaf = store.log.covering(verification, position, newest.size)
    if leaf is None:
        return None
    point = _signed_by_all(store, leaf.number + 1, witnesses) or newest
    return {
        "schema": SCHEMA,
        "verification": verification,
        "entries": [_entry(e) for e in entries if position <= e.position <= leaf.entries],
        "leaf": leaf.number,
        "inclusion": [b64(h) for h in store.log.inclusion(leaf.number, point.size)],
        "checkpoint": point.note,
    }


def _signed_by_all(
    store: Store, at_least: int, witnesses: Sequence[PublicKey]
) -> CheckpointRow | None:
    """The first witnessed checkpoint of a size on that all of them signed, within some tries."""
    for _ in range(TRIES):
        row = store.log.checkpoint(witnessed=True, at_least=at_least)
        if row is None:
            return None
        try:
            note = Note.parse(row.note)
        except VerifyError:
            return None  # `verify audit check` names it
        if all(note.by(key) for key in witnesses):
            return row
        at_least = row.size + 1
    return None


def _entry(row: LedgerRow) -> Plain:
    return {
        "position": row.position,
        "kind": row.kind,
        "at": row.at,
        "payload": row.payload,
        "previous": row.previous,
        "hash": row.hash,
    }


def read_document(data: bytes) -> Plain:
    """A receipt or proof as a file holds it.

    Raises:
        InputError: it is no JSON object, or names a member of one twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> Plain:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a member stands there twice")
        return dict(pairs)

    try:
        document = json.loads(data, object_pairs_hook=once)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InputError(
            "it is neither an archive nor a receipt",
            where="file",
            remedy="give an archive of `verify audit export`, a receipt as the API hands it out, "
            "or a proof of `verify audit since`",
        )
    return document


def check_receipt(document: Plain, keys: Trust | Sequence[PublicKey]) -> Plain:
    """Check a receipt as the API hands it out, or the proof in it alone; what it proves.

    Raises:
        InputError: it holds no proof yet.
        IntegrityError: the proof does not hold, or what stands beside it is something else.
    """
    if "proof" not in document:
        return check_proof(document, keys)
    if document["proof"] is None:
        raise InputError(
            "this receipt holds no proof yet",
            where="proof",
            remedy="fetch it again: it is witnessed moments after the verdict",
        )
    if not _is(document, _RECEIPT):
        raise _bad("it is not a receipt of this kind")
    proven = check_proof(document["proof"], keys)
    first = proven["first"]
    said = {
        "verification": proven["verification"],
        "verdict": first["payload"].get("verdict_digest"),
        "sequence": first["payload"].get("sequence"),
        "leaf": {**first, "at": iso(first["at"])},
        "proof": document["proof"],
    }
    if said != document:
        raise _bad("it says something else than the ledger entry that it proves")
    return proven


def check_proof(proof: Plain, keys: Trust | Sequence[PublicKey]) -> Plain:
    """Check a proof; returns what it proves.

    Raises:
        IntegrityError: it does not hold; says which part.
    """
    return _checked(proof, Trust.of(keys))


def check_unsigned(proof: Plain) -> Plain:
    """The same of a proof, whoever may have signed it: it proves nothing yet."""
    return _checked(proof, None)


def _checked(proof: Plain, trust: Trust | None) -> Plain:
    try:
        return _check(proof, trust)
    except IntegrityError:
        raise
    except (
        VerifyError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        RecursionError,
    ):
        raise _bad("it is not a receipt of this kind") from None


def _is(document: object, members: Mapping[str, type]) -> bool:
    """Whether it has precisely these members, each of precisely its type."""
    return (
        isinstance(document, dict)
        and document.keys() == members.keys()
        and all(type(document[name]) is kind for name, kind in members.items())
    )


def _check(proof: Plain, trust: Trust | None) -> Plain:
    if not _is(proof, _PROOF) or proof["schema"] != SCHEMA:
        raise _bad("it is not a receipt of this kind")
    verification, entries = proof["verification"], proof["entries"]
    if not entries or not all(_is(entry, _ENTRY) for entry in entries):
        raise _bad("it is not a receipt of this kind")
    last = _chain_end(verification, entries)
    note = Note.parse(proof["checkpoint"])
    seen = trust.signers(note) if trust is not None else []
    point = note.checkpoint
    leaf = point.suite.leaf(leaf_data(HEAD, verification, last["position"], last["hash"]))
    path = [unb64(text) for text in proof["inclusion"]]
    if not included(leaf, proof["leaf"], point.head, path, point.suite):
        raise _bad("the entry is not in the log of the checkpoint")
    return {
        "verification": verification,
        "first": entries[0],
        "covered": last["position"],
        "origin": point.origin,
        "size": point.size,
        "hash": point.suite.name,
        "witnesses": seen,
    }


def _chain_end(verification: str, entries: Sequence[Plain]) -> Plain:
    previous = entries[0]["previous"]
    position = entries[0]["position"]
    for entry in entries:
        row = {
            **entry,
            "verification": verification,
            "payload": canonical_bytes(entry["payload"]).decode(),
        }
        if (
            entry["position"] != position
            or entry["previous"] != previous
            or entry_hash(row) != entry["hash"]
        ):
            raise _bad(f"ledger entry {position} does not have its hash")
        previous, position = entry["hash"], position + 1
    return entries[-1]


def _bad(reason: str) -> IntegrityError:
    return IntegrityError(
        f"the proof does not hold: {reason}",
        where="receipt",
        remedy="keep it, and ask the auditor: either it or the log was changed",
    )
