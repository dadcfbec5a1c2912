"""Proof that the log only grew since a checkpoint that somebody kept, from a receipt of last year.

It holds both signed checkpoints and the RFC 6962 consistency proof between them, and is checked
with nothing but public keys: what the earlier one bound stands unchanged in the later one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verify.domain.errors import InputError, IntegrityError, NotFound, VerifyError
from verify.service.archive_file import unzip
from verify.service.audit_receipt import read_document
from verify.service.audit_trust import Trust
from verify.store import Store
from verify.store.merkle import consistent
from verify.store.note import Note, PublicKey, b64, unb64

Plain = dict[str, Any]
SCHEMA = "verify.growth/1"


def note_in(data: bytes) -> str:
    """The signed checkpoint in what somebody kept: a checkpoint, a receipt, or an archive.

    Raises:
        InputError: it holds none.
    """
    try:
        if data[:2] == b"PK":
            data = unzip(data)["receipt.json"]
        if data.lstrip()[:1] == b"{":
            document = read_document(data)
            found = (document.get("proof") or document)["checkpoint"]
        else:
            found = data.decode()
        return Note.parse(found).text
    except (VerifyError, KeyError, ValueError, TypeError, AttributeError):
        raise InputError(
            "it holds no signed checkpoint",
            where="file",
            remedy="give a receipt, an archive, or what `verify audit checkpoint` printed",
        ) from None


def growth_of(store: Store, earlier: str) -> Plain:
    """Proof that the newest witnessed checkpoint adds to an earlier one.

    Raises:
        IntegrityError: the log is smaller than the earlier checkpoint, or another.
        NotFound: nothing has been witnessed yet.
    """
    old = Note.parse(earlier).checkpoint
    kept = store.log.checkpoint(witnessed=True)
    if kept is None:
        raise NotFound(
            "no checkpoint has been witnessed yet",
            where="checkpoint",
            remedy="start the service (its notary), then ask again",
        )
    new = Note.parse(kept.note).checkpoint
    if new.origin != old.origin:
        raise _bad(f"it is a checkpoint of the log {old.origin}; this log is {new.origin}")
    if new.size < old.size:
        raise _bad(f"it saw {old.size} leaves; the log has only {new.size} that are witnessed")
    proof = store.log.consistency(old.size, new.size)
    return {
        "schema": SCHEMA,
        "earlier": earlier,
        "later": kept.note,
        "proof": [b64(h) for h in proof],
    }


def check_growth(document: Plain, keys: Trust | Sequence[PublicKey]) -> Plain:
    """Check such a proof; returns what it proves: the log, both sizes, and who witnessed both.

    Raises:
        IntegrityError: it does not hold; says which part.
    """
    try:
        members = {"schema", "earlier", "later", "proof"}
        if document.keys() != members or document["schema"] != SCHEMA:
            raise _bad("it is not a proof of this kind")
        earlier, later = Note.parse(document["earlier"]), Note.parse(document["later"])
        proof = [unb64(text) for text in document["proof"]]
    except (VerifyError, KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise _bad("it is not a proof of this kind") from None
    old, new = earlier.checkpoint, later.checkpoint
    trust = Trust.of(keys)
    seen = {"earlier": trust.signers(earlier), "later": trust.signers(later)}
    if (old.origin, old.suite) != (new.origin, new.suite):
        raise _bad("the two checkpoints are not of one log")
    if not consistent(old.head, new.head, proof, new.suite):
        raise _bad(f"the {new.size} leaves do not begin with the {old.size} that were witnessed")
    return {"origin": new.origin, "from": old.size, "to": new.size, "witnesses": seen}


def _bad(reason: str) -> IntegrityError:
    return IntegrityError(
        f"the log did not only grow: {reason}",
        where="earlier checkpoint",
        remedy="keep both, and ask the witnesses: one of them was not what the log once was",
    )
