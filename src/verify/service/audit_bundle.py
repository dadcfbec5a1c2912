"""A verification as one self-describing archive, and the check that needs nothing else.

The archive is a zip file: README, manifest, the rows of the case, every document by digest, the
content sets that judged, and the proof that the chain stands in a witnessed checkpoint. Checking
recomputes all of it with the code that checks the database (`verify.store.integrity`); of the
outside world it needs the public keys, which must come from somewhere else than the archive.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.domain.access import Caller
from verify.domain.canonical import canonical_bytes, digest_bytes
from verify.domain.errors import InputError, IntegrityError, VerifyError
from verify.service.audit_receipt import check_proof
from verify.store import EntryKind, Fault, Store
from verify.store.callbacks import ledger_digest
from verify.store.case import Case, named
from verify.store.integrity import faults as case_faults
from verify.store.keyring import ERASED_REASON
from verify.store.note import PublicKey
from verify.store.suites import suite

Plain = dict[str, Any]
SCHEMA = "verify.bundle/1"
MAX_TOTAL = 512 * 1024 * 1024
_UNREADABLE = (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError)
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
        "README.txt": README.encode(),
        "case.json": canonical_bytes(_rows(case, store.log.suite.name)),
        "receipt.json": canonical_bytes(receipt),
        **{f"documents/{_hex(d)}": document.body for d, document in documents.items()},
        **{f"content/{_hex(d)}": body for d, body in contents.items()},
    }
    manifest = {
        "schema": SCHEMA,
        "verification": verification,
        "files": {name: digest_bytes(body) for name, body in files.items()},
        # What came from outside is digested behind a salt, so that it cannot be guessed.
        "salts": {_hex(d): document.salt.hex() for d, document in documents.items()},
    }
    files["manifest.json"] = canonical_bytes(manifest)
    return _zip(files)


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            # A fixed date: the same rows give the same archive.
            archive.writestr(zipfile.ZipInfo(name), files[name], compress_type=zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


_NOT_SEALED = {
    "header": {
        "due_at",
        "lease_until",
        "lease_token",
        "attempts",
        "woken",
        "in_tree",
        "case_blind",
    },
    "exchange": {"due_at", "worth_asking", "woken", "callback_token"},
}


def _rows(case: Case, hash_: str) -> Plain:
    """The case's rows without the scheduling columns: whatever is exported is bound."""

    def sealed(kind: str, row: Mapping[str, Any]) -> Plain:
        return {k: v for k, v in row.items() if k not in _NOT_SEALED[kind]}

    return {
        "hash": hash_,
        "header": sealed("header", case.header or {}),
        "entries": list(case.entries),
        # The token of a callback address opens something; its digest proves as much.
        "exchanges": [
            {**sealed("exchange", row), "callback": ledger_digest(row["callback_token"])}
            for row in case.exchanges
        ],
        "verdicts": list(case.verdicts),
        "subjects": list(case.subjects),
        "idempotency": list(case.idempotency),
    }


def check_bundle(data: bytes, keys: Sequence[PublicKey]) -> Checked:
    """Check an archive with nothing but public keys.

    Raises:
        InputError: it is not such an archive at all.
    """
    manifest, case, proof, faults = _opened(unzip(data))
    proven, more = _proven(case, proof, keys)
    verification = str(manifest.get("verification"))
    return Checked(verification, len(case.entries), proven, (*faults, *more))


def unsigned_faults(files: Mapping[str, bytes]) -> list[Fault]:
    """What does not fit of an archive's files, whoever may have signed: rows, chain, digests.

    Raises:
        InputError: it is not such an archive at all.
    """
    return _opened(files)[-1]


def _opened(files: Mapping[str, bytes]) -> tuple[Plain, Case, Plain, list[Fault]]:
    """Manifest, case and receipt of an archive, and what does not fit without any key."""
    try:
        manifest = json.loads(files["manifest.json"])
        rows = json.loads(files["case.json"])
        proof = json.loads(files["receipt.json"])
        case = _case(rows, _digests(files, manifest["salts"]))
        chosen = suite(rows["hash"])
    except (KeyError, ValueError, TypeError, AttributeError, VerifyError):
        raise _not_one() from None
    found = [*_manifest_faults(manifest, files), *case_faults(case, chosen)]
    if {str(manifest.get("verification"))} != set(_subjects(case)):
        found.append(Fault("case.json", "its rows are not all of the verification it names"))
    return manifest, case, proof, found


def _subjects(case: Case) -> Iterable[Any]:
    """Whose rows they are: also the columns that no ledger entry repeats."""
    yield case.header["id"] if case.header else None
    for row in (*case.entries, *case.exchanges, *case.verdicts, *case.idempotency, *case.subjects):
        yield row["verification"]


def _proven(
    case: Case, proof: Plain, keys: Sequence[PublicKey]
) -> tuple[Plain | None, Iterable[Fault]]:
    try:
        proven = check_proof(proof, keys)
    except IntegrityError as error:
        return None, [Fault("receipt.json", error.reason)]
    last = case.entries[-1] if case.entries else {}
    end = proof["entries"][-1]
    ours = {name: last.get(name) for name in ("verification", "position", "hash")}
    theirs = {"verification": proof["verification"], "position": end["position"]}
    if ours != {**theirs, "hash": end["hash"]}:
        return None, [Fault("receipt.json", "it is not about the last entry of this ledger")]
    return proven, []


def _digests(files: Mapping[str, bytes], salts: Mapping[str, str]) -> set[str]:
    """The digests that the archive's files really have."""
    return {
        digest_bytes(bytes.fromhex(salts.get(name.partition("/")[2], "")) + body)
        for name, body in files.items()
    }


def _case(rows: Plain, by_digest: set[str]) -> Case:
    entries = rows["entries"]
    payloads = [json.loads(entry["payload"]) for entry in entries]
    erased = any(entry["kind"] == EntryKind.ERASED for entry in entries)
    absent = ERASED_REASON if erased else "its bytes are not in the archive"
    return Case(
        header=rows["header"],
        entries=entries,
        payloads=payloads,
        exchanges=rows["exchanges"],
        verdicts=rows["verdicts"],
        idempotency=rows["idempotency"],
        blobs={d: "" if d in by_digest else absent for d in named(rows["header"], payloads)},
        content=_Presence(by_digest),
        subjects=rows["subjects"],
        leaves=[],  # the receipt proves the one that matters
    )


class _Presence(dict[str, str]):
    """What is wrong with a digest's bytes: nothing, if some file of the archive has that digest."""

    def __init__(self, there: set[str]) -> None:
        super().__init__()
        self._there = there

    def get(self, digest: str, default: Any = None) -> Any:
        """See `verify.store.case.Case.blobs`."""
        del default
        return "" if digest in self._there else "its bytes are not in the archive"


def _manifest_faults(manifest: Plain, files: Mapping[str, bytes]) -> Iterable[Fault]:
    if manifest.get("schema") != SCHEMA:
        yield Fault("manifest.json", "it is of another kind")
    listed = manifest.get("files", {})
    for name in sorted({*listed, *files} - {"manifest.json"}):
        if name not in files:
            yield Fault(name, "it is missing")
        elif listed.get(name) != digest_bytes(files[name]):
            yield Fault(name, "it is not what the manifest lists")


def unzip(data: bytes) -> dict[str, bytes]:
    """The files of an archive; raises `InputError` if it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            names = [info.filename for info in infos]
            if len(set(names)) != len(names) or sum(i.file_size for i in infos) > MAX_TOTAL:
                raise _not_one()
            return {info.filename: archive.read(info) for info in infos}
    except _UNREADABLE:
        raise _not_one() from None


def _not_one() -> InputError:
    return InputError(
        "this is not an audit archive, or it is damaged",
        where="bundle",
        remedy="export it again with `verify audit export`",
    )
