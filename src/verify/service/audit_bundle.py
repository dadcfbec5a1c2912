"""A verification as one self-describing archive, and the check that needs nothing else.

The archive is a zip file: README, manifest, the rows of the case, every document by digest, the
content sets that judged, and the proof that the chain stands in a witnessed checkpoint. Checking
recomputes all of it with the code that checks the database (`verify.store.integrity`); of the
outside world it needs the public keys, which must come from somewhere else than the archive.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.domain.access import Caller
from verify.domain.canonical import canonical_bytes, digest_bytes
from verify.domain.errors import IntegrityError, VerifyError
from verify.service import archive_form as form
from verify.service.archive_file import pack, packing_faults, unzip
from verify.service.audit_receipt import check_proof, check_unsigned
from verify.service.audit_trust import Trust
from verify.store import EntryKind, Fault, Store
from verify.store.callbacks import ledger_digest
from verify.store.case import Case, named
from verify.store.integrity import faults as case_faults
from verify.store.keyring import ERASED_REASON
from verify.store.note import PublicKey
from verify.store.suites import suite

Plain = dict[str, Any]
_ABSENT = "its bytes are not in the archive"
README = """\
One verification, exported for audit.

  case.json        the stored rows: header, ledger entries, questions, verdicts
  receipt.json     proof that the ledger's last entry stands in a checkpoint that was witnessed
  documents/       application, raw answers, sealed inputs, verdicts and traces, by SHA-256
  content/         the rules, scoring and connector declarations that judged, by SHA-256
  manifest.json    the SHA-256 of every file above

Check it without any service or database, with the public keys from `verify audit keys`, which you
must have got from somebody else than whoever gave you this archive:

  verify audit verify BUNDLE --keys KEYS

By hand: each ledger entry's `hash` is the SHA-256 of the canonical JSON (sorted keys, no spaces,
UTF-8) of {at, hash of payload, kind, position, previous, verification}; the log's leaf is
"verify.head/1\\n<verification>\\n<entries>\\n<hash>\\n"; tree and proofs follow RFC 6962,
checkpoint and signatures c2sp.org/tlog-checkpoint, signed-note and tlog-cosignature.

Case number, letters and tickets stand in case.json as they are stored, sealed; the application and
the sealed inputs among the documents hold them in clear.

It holds personal data. Keep it as you keep the case.
"""


@dataclass(frozen=True)
class Checked:
    """What checking an archive found. `proof` says what the receipt proves, if it holds."""

    verification: str
    entries: int
    proof: Plain | None
    faults: tuple[Fault, ...]

    @property
    def intact(self) -> bool:
        """Whether every byte is as it was sealed and witnessed."""
        return not self.faults and self.proof is not None


def export(store: Store, verification: str, caller: Caller, receipt: Plain) -> bytes:
    """The archive's bytes; the same rows give the same bytes."""
    case = store.case(verification, caller)
    documents = {
        digest: store.sealed_document(verification, digest, caller)
        for digest, reason in sorted(case.blobs.items())
        if reason != ERASED_REASON
    }
    contents = {d: store.content(d) for d in sorted(case.content)}
    files = {
        form.README: README.encode(),
        form.CASE: canonical_bytes(_rows(case, store.log.suite.name)),
        form.RECEIPT: canonical_bytes(receipt),
        **{f"documents/{_hex(d)}": document.body for d, document in documents.items()},
        **{f"content/{_hex(d)}": body for d, body in contents.items()},
    }
    manifest = {
        "schema": form.SCHEMA,
        "verification": verification,
        "files": {name: digest_bytes(body) for name, body in files.items()},
        # What came from outside is digested behind a salt, so that it cannot be guessed.
        "salts": {_hex(d): document.salt.hex() for d, document in documents.items()},
    }
    return pack({**files, form.MANIFEST: canonical_bytes(manifest)})


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _rows(case: Case, hash_: str) -> Plain:
    """The case's rows without the scheduling columns: whatever is exported is bound."""

    def sealed(part: str, row: Mapping[str, Any]) -> Plain:
        return {k: v for k, v in row.items() if k not in form.NOT_SEALED[part]}

    return {
        "hash": hash_,
        "header": sealed("header", case.header or {}),
        "entries": list(case.entries),
        # The token of a callback address opens something; its digest proves as much.
        "exchanges": [
            {**sealed("exchanges", row), "callback": ledger_digest(row["callback_token"])}
            for row in case.exchanges
        ],
        "verdicts": list(case.verdicts),
        "subjects": list(case.subjects),
        "idempotency": list(case.idempotency),
    }


def check_bundle(data: bytes, keys: Trust | Sequence[PublicKey]) -> Checked:
    """Check an archive with nothing but public keys.

    Raises:
        InputError: it is not such an archive at all.
    """
    found = _opened(data)
    proven, faults = None, found.faults
    if not any(fault.thing == form.RECEIPT for fault in faults):
        try:
            proven = check_proof(found.proof, keys)
        except IntegrityError as error:
            faults = [*faults, Fault(form.RECEIPT, f"{error.reason}; {error.remedy}")]
    return Checked(found.verification, found.entries, proven, tuple(faults))


def unsigned_faults(data: bytes) -> list[Fault]:
    """What does not fit of an archive, whoever may have signed: form, rows, chain, digests.

    Raises:
        InputError: it is not such an archive at all.
    """
    return _opened(data).faults


@dataclass(frozen=True)
class _Opened:
    """What an archive says it is about, its receipt, and what does not fit without any key."""

    verification: str
    entries: int
    proof: Plain
    faults: list[Fault]


def _opened(data: bytes) -> _Opened:
    files = unzip(data)
    manifest, rows, proof = (form.read(files, n) for n in (form.MANIFEST, form.CASE, form.RECEIPT))
    found = [
        *packing_faults(data, files),
        *form.file_faults(files, manifest, README.encode()),
    ]
    odd = list(form.row_faults(rows))
    try:
        more = list(_case_faults(files, manifest, rows))
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError, VerifyError):
        # Whatever the hash of an entry binds: no writer of ours stored such a payload.
        more = [] if odd else [Fault(form.CASE, "an entry does not hold what its kind holds")]
    found += [*odd, *more, *_receipt_faults(rows, proof)]
    entries = rows.get("entries")
    count = len(entries) if isinstance(entries, list) else 0
    return _Opened(str(manifest.get("verification")), count, proof, list(dict.fromkeys(found)))


def _case_faults(files: Mapping[str, bytes], manifest: Plain, rows: Plain) -> Iterable[Fault]:
    case = _case(rows, *form.present(files, manifest.get("salts")))
    yield from case_faults(case, suite(rows["hash"]))
    yield from form.document_faults(files, manifest.get("salts"), case)
    if {manifest.get("verification")} != set(_subjects(case)):
        yield Fault(form.CASE, "its rows are not all of the verification it names")


def _subjects(case: Case) -> Iterable[Any]:
    """Whose rows they are: also the columns that no ledger entry repeats."""
    yield case.header["id"] if case.header else None
    for row in (*case.entries, *case.exchanges, *case.verdicts, *case.idempotency, *case.subjects):
        yield row["verification"]


def _receipt_faults(rows: Plain, proof: Plain) -> Iterable[Fault]:
    """The receipt is about the last entry of this ledger, and about nothing else."""
    try:
        proven = check_unsigned(proof)
    except IntegrityError as error:
        return [Fault(form.RECEIPT, error.reason)]
    theirs = [
        (proof["verification"], entry["position"], entry["hash"]) for entry in proof["entries"]
    ]
    try:
        last = rows["entries"][-1]
        ours = [(last["verification"], last["position"], last["hash"])]
        fits = ours == theirs and rows["hash"] == proven["hash"]
    except (LookupError, TypeError):
        fits = False
    reason = "it is not about the last entry of this ledger"
    return [] if fits else [Fault(form.RECEIPT, reason)]


def _case(rows: Plain, documents: set[str], contents: set[str]) -> Case:
    entries = rows["entries"]
    payloads = [json.loads(entry["payload"]) for entry in entries]
    erased = any(entry["kind"] == EntryKind.ERASED for entry in entries)
    absent = ERASED_REASON if erased else _ABSENT
    return Case(
        header=rows["header"],
        entries=entries,
        payloads=payloads,
        exchanges=rows["exchanges"],
        verdicts=rows["verdicts"],
        idempotency=rows["idempotency"],
        blobs={d: "" if d in documents else absent for d in named(rows["header"], payloads)},
        content=_Presence(contents),
        subjects=rows["subjects"],
        leaves=[],  # the receipt proves the one that matters
    )


class _Presence(dict[str, str]):
    """What is wrong with a content set's bytes: nothing, if they lie there under their digest."""

    def __init__(self, there: set[str]) -> None:
        super().__init__()
        self._there = there

    def get(self, digest: str, default: Any = None) -> Any:
        """See `verify.store.case.Case.blobs`."""
        del default
        return "" if digest in self._there else _ABSENT
