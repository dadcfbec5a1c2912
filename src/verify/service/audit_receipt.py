"""Receipts: proof, for whoever keeps one, of what was sealed and when it was witnessed.

A receipt holds the ledger entries from the one it is about to the end of the chain that a leaf of
the log binds, the inclusion proof of that leaf, and the signed checkpoint. It is checked with
nothing but public keys: no database, no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verify.domain.canonical import canonical_bytes
from verify.domain.errors import IntegrityError, VerifyError
from verify.store import LedgerRow, Store
from verify.store.ledger import entry_hash
from verify.store.log import HEAD, leaf_data
from verify.store.merkle import included
from verify.store.note import COSIGNATURE, ED25519, Note, PublicKey, b64, unb64

Plain = dict[str, Any]
SCHEMA = "verify.receipt/1"


def proof_of(
    store: Store, verification: str, entries: Sequence[LedgerRow], position: int
) -> Plain | None:
    """Proof that entry `position` stands in a witnessed checkpoint; `None`: not witnessed yet."""
    newest = store.log.checkpoint(witnessed=True)
    if newest is None:
        return None
    leaf = store.log.covering(verification, position, newest.size)
    if leaf is None:
        return None
    point = store.log.checkpoint(witnessed=True, at_least=leaf.number + 1) or newest
    return {
        "schema": SCHEMA,
        "verification": verification,
        "entries": [_entry(e) for e in entries if position <= e.position <= leaf.entries],
        "leaf": leaf.number,
        "inclusion": [b64(h) for h in store.log.inclusion(leaf.number, point.size)],
        "checkpoint": point.note,
    }


def _entry(row: LedgerRow) -> Plain:
    return {
        "position": row.position,
        "kind": row.kind,
        "at": row.at,
        "payload": row.payload,
        "previous": row.previous,
        "hash": row.hash,
    }


def check_proof(proof: Plain, keys: Sequence[PublicKey]) -> Plain:
    """Check a proof; returns what it proves.

    Raises:
        IntegrityError: it does not hold; says which part.
    """
    try:
        return _check(proof, keys)
    except IntegrityError:
        raise
    except (VerifyError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise _bad("it is not a receipt of this kind") from None


def _check(proof: Plain, keys: Sequence[PublicKey]) -> Plain:
    if proof["schema"] != SCHEMA:
        raise _bad("it is not a receipt of this kind")
    verification, entries = proof["verification"], proof["entries"]
    last = _chain_end(verification, entries)
    note = Note.parse(proof["checkpoint"])
    seen = check_signatures(note, keys)
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
            type(entry["at"]) is not int
            or entry["position"] != position
            or entry["previous"] != previous
            or entry_hash(row) != entry["hash"]
        ):
            raise _bad(f"ledger entry {position} does not have its hash")
        previous, position = entry["hash"], position + 1
    return entries[-1]


def check_signatures(note: Note, keys: Sequence[PublicKey]) -> list[Plain]:
    """Who signed: the log and every given witness must have; returns the witnesses and when.

    Raises:
        IntegrityError: a signature is missing or does not hold.
    """
    logs = [key for key in keys if key.kind == ED25519 and key.name == note.checkpoint.origin]
    if not logs or not any(note.by(key) for key in logs):
        raise _bad("the checkpoint is not signed by a log whose key was given")
    seen: list[Plain] = []
    for key in keys:
        if key.kind != COSIGNATURE:
            continue
        given = note.by(key)
        if given is None:
            raise _bad(f"the witness {key.name} did not sign the checkpoint")
        seen.append({"name": key.name, "seconds": given.seconds})
    if not seen:
        raise _bad("no witness's key was given: the log's word alone proves nothing")
    return seen


def _bad(reason: str) -> IntegrityError:
    return IntegrityError(
        f"the proof does not hold: {reason}",
        where="receipt",
        remedy="keep it, and ask the auditor: either it or the log was changed",
    )
