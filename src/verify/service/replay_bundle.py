"""Replay from an exported archive alone: no database, no service, no content folder.

Rules, scoring and connector declarations come from the archive by the digests that the verdict is
pinned to; the answers are decoded and judged again, and every byte is compared. Before that the
archive is held against itself: its form, rows, ledger chain and digests; what does not fit is a
fault of every verdict, and none of them is identical then. Who signed it is
`verify.service.audit_bundle.check_bundle`'s question.

Of a case whose evidence was erased nothing can be judged again. The result says what is gone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from verify.connectors import Connectors
from verify.content import ContentSet
from verify.domain.errors import InputError, IntegrityError, Problem, VerifyError
from verify.rules import Law
from verify.scoring import Scoring
from verify.service.answers import Content
from verify.service.archive_file import unzip
from verify.service.audit_bundle import unsigned_faults
from verify.service.contents import ENGINE
from verify.service.erased import erasure_of
from verify.service.judging import judge
from verify.service.replay import MAX_DIFFERENCES, ReplayResult, bodies_of, differences_of
from verify.service.sealed import Digests, read_application_bytes, read_bundle
from verify.store import EntryKind, Fault, LedgerRow

Plain = dict[str, Any]


def replay_bundle(data: bytes) -> tuple[ReplayResult, ...]:
    """Judge every verdict of an archive again, oldest first.

    Raises:
        InputError: it is no such archive, or something that a verdict stands on is not in it, or
            is such that it cannot be judged, and no entry of its ledger says that it was erased.
        IntegrityError: it does not fit and holds no verdict.
    """
    faults = tuple(unsigned_faults(data))
    files = unzip(data)
    try:
        rows = json.loads(files["case.json"])
        if any(entry["kind"] == EntryKind.ERASED for entry in rows["entries"]):
            found = tuple(_erased(rows, v, faults) for v in rows["verdicts"])
        else:
            found = tuple(_replayed(files, rows["header"], v, faults) for v in rows["verdicts"])
    except Exception as error:
        # An archive comes from anybody: what it holds may fail anywhere in the judging.
        if isinstance(error, VerifyError) and not faults:
            raise
        raise InputError(
            "the archive does not hold everything that its verdicts stand on",
            where="bundle",
            remedy="export it again with `verify audit export`; `verify audit verify` names what "
            "is missing",
            problems=_problems(faults),
        ) from None
    if faults and not found:
        raise IntegrityError(
            "the archive is not as it was exported",
            where="bundle",
            remedy="keep it, and ask for another export of the case",
            problems=_problems(faults),
        )
    return found


def _problems(faults: tuple[Fault, ...]) -> tuple[Problem, ...]:
    return tuple(Problem(f.thing, "altered", f.reason, "") for f in faults[:MAX_DIFFERENCES])


def _replayed(
    files: Mapping[str, bytes], header: Plain, verdict: Plain, faults: tuple[Fault, ...]
) -> ReplayResult:
    def document(digest: str) -> bytes:
        return files[f"documents/{digest.partition(':')[2]}"]

    bundle = document(verdict["sealed_digest"])
    application = read_application_bytes(document(header["application_digest"]))
    case = read_bundle(bundle, application, {d: document(d) for d in bodies_of(bundle)})
    sealed, trace = document(verdict["verdict_digest"]), document(verdict["trace_digest"])
    (judged,) = judge([case], _content(files, case.digests, case.versions))
    found = [
        *differences_of(json.loads(sealed), json.loads(judged.verdict_bytes)),
        *differences_of(json.loads(trace), json.loads(judged.trace_bytes), "/trace"),
    ]
    same = sealed == judged.verdict_bytes and trace == judged.trace_bytes
    return ReplayResult(
        verification=str(header["id"]),
        sequence=int(verdict["sequence"]),
        identical=same and not faults,
        verdict_digest=verdict["verdict_digest"],
        trace_digest=verdict["trace_digest"],
        engine_sealed=case.digests.engine,
        engine_now=ENGINE,
        faults=faults,
        differences=tuple(found)[:MAX_DIFFERENCES],
    )


def _erased(rows: Plain, verdict: Plain, faults: tuple[Fault, ...]) -> ReplayResult:
    """What is gone of a verdict whose evidence was erased, and what does not fit of the rest."""
    entries = [LedgerRow(**{**e, "payload": json.loads(e["payload"])}) for e in rows["entries"]]
    sequence = int(verdict["sequence"])
    engine = str(rows["header"]["engine"])
    return ReplayResult(
        verification=str(rows["header"]["id"]),
        sequence=sequence,
        identical=False,
        verdict_digest=verdict["verdict_digest"],
        trace_digest=verdict["trace_digest"],
        engine_sealed=engine,
        engine_now=ENGINE,
        faults=faults,
        differences=(),
        erased=erasure_of(entries, sequence, engine),
    )


def _content(
    files: Mapping[str, bytes], digests: Digests, versions: frozenset[str] = frozenset()
) -> Content:
    def content(digest: str) -> ContentSet:
        return ContentSet.from_blob(files[f"content/{digest.partition(':')[2]}"])

    return Content(
        Law.from_content(content(digests.rules), lazily=True),
        Scoring.from_content(content(digests.scoring)),
        Connectors.from_content(content(digests.connectors)),
        {v: Connectors.from_content(content(v)) for v in sorted(versions)},
    )
