"""Replay: judge the sealed evidence again and compare every byte.

Runs in a fresh process with nothing but the store. The rules, scoring and connector
declarations are rebuilt from the stored text by digest, the answers are decoded again from their
raw bytes, and the whole judging path runs again. Either the bytes are identical, or the report
says what changed: first which stored thing no longer fits its seal, then the first quantity
that comes out differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verify.domain.access import Caller, RoleName
from verify.domain.errors import NotFound, NotPermitted, VerifyError
from verify.service.contents import ENGINE, Contents
from verify.service.judging import judge
from verify.service.sealed import SealedCase, read_application_bytes, read_bundle
from verify.store import Fault, Store, VerdictRow, VerificationRow

REPLAYERS = (RoleName.AUDITOR, RoleName.CASEWORKER, RoleName.CALLER)
MAX_DIFFERENCES = 20


@dataclass(frozen=True)
class Difference:
    """One place where the replayed verdict differs: JSON pointer, sealed value, replayed value."""

    pointer: str
    sealed: str
    replayed: str


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found. `identical` needs both: no fault in the store, the same bytes."""

    verification: str
    sequence: int
    identical: bool
    verdict_digest: str
    trace_digest: str
    engine_sealed: str
    engine_now: str
    faults: tuple[Fault, ...]
    differences: tuple[Difference, ...]


class Replays:
    """Replays sealed verdicts; writes nothing."""

    def __init__(self, store: Store, contents: Contents) -> None:
        self._store = store
        self._contents = contents

    def replay(
        self, verification: str, caller: Caller, sequence: int | None = None
    ) -> ReplayResult:
        """Replay one verdict (the latest, or the one with `sequence`).

        Raises:
            NotFound: no such verification in the caller's regions, or nothing judged yet.
        """
        if not caller.may(*REPLAYERS):
            raise NotPermitted("your role may not replay", remedy="use an auditor's key")
        row = self._store.verification(verification, caller)
        verdicts = self._store.verdicts(verification, caller)
        chosen = [v for v in verdicts if sequence is None or v.sequence == sequence]
        if not chosen:
            raise NotFound("there is no verdict to replay yet", where=verification)
        verdict = chosen[-1]
        faults = tuple(self._store.check_integrity(verification, caller))
        try:
            case = sealed_case(self._store, row, verdict, caller)
            sealed = self._store.document(verification, verdict.verdict_digest, caller)
            trace = self._store.document(verification, verdict.trace_digest, caller)
            result = judge([case], self._contents.pinned(case.digests))[0]
        except (VerifyError, ValueError, KeyError) as error:
            # What is sealed can no longer be read: the faults say which thing it is.
            return self._unreadable(verification, verdict, faults, error)
        differences = tuple(
            _differences(json.loads(sealed), json.loads(result.verdict_bytes))
            if sealed != result.verdict_bytes
            else _differences(json.loads(trace), json.loads(result.trace_bytes), "/trace")
        )[:MAX_DIFFERENCES]
        same = sealed == result.verdict_bytes and trace == result.trace_bytes
        return ReplayResult(
            verification=verification,
            sequence=verdict.sequence,
            identical=same and not faults,
            verdict_digest=verdict.verdict_digest,
            trace_digest=verdict.trace_digest,
            engine_sealed=case.digests.engine,
            engine_now=ENGINE,
            faults=faults,
            differences=differences,
        )

    @staticmethod
    def _unreadable(
        verification: str, verdict: VerdictRow, faults: tuple[Fault, ...], error: Exception
    ) -> ReplayResult:
        where = error.where if isinstance(error, VerifyError) else type(error).__name__
        return ReplayResult(
            verification=verification,
            sequence=verdict.sequence,
            identical=False,
            verdict_digest=verdict.verdict_digest,
            trace_digest=verdict.trace_digest,
            engine_sealed="",
            engine_now=ENGINE,
            faults=faults,
            differences=(Difference("", "a sealed input", f"cannot be read: {where}"),),
        )


def sealed_case(
    store: Store, row: VerificationRow, verdict: VerdictRow, caller: Caller
) -> SealedCase:
    """What a verdict was judged from, rebuilt from the store.

    Raises:
        NotFound, IntegrityError: a part of it is not there, or not what was sealed.
    """
    bundle = store.document(row.id, verdict.sealed_digest, caller)
    names = {d for e in json.loads(bundle)["exchanges"] for d in e["bodies"]}
    return read_bundle(
        bundle,
        read_application_bytes(store.document(row.id, row.application_digest, caller)),
        {d: store.document(row.id, d, caller) for d in names},
    )


def _differences(sealed: Any, replayed: Any, at: str = "") -> Iterator[Difference]:
    """The places where two JSON values differ, in document order."""
    if isinstance(sealed, dict) and isinstance(replayed, dict):
        for key in sorted(sealed.keys() | replayed.keys()):
            yield from _differences(sealed.get(key), replayed.get(key), f"{at}/{key}")
    elif isinstance(sealed, list) and isinstance(replayed, list):
        for i in range(max(len(sealed), len(replayed))):
            yield from _differences(
                sealed[i] if i < len(sealed) else None,
                replayed[i] if i < len(replayed) else None,
                f"{at}/{i}",
            )
    elif sealed != replayed:
        yield Difference(at, _short(sealed), _short(replayed))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 120 else text[:117] + "..."
