"""Replay: judge the sealed evidence again and compare every byte.

Runs in a fresh process with nothing but the store. The rules, scoring and connector
declarations are rebuilt from the stored text by digest, the answers are decoded again from their
raw bytes, and the whole judging path runs again. Either the bytes are identical, or the report
says what changed: first which stored thing no longer fits its seal, then the first quantity
that comes out differently. Evidence that was erased when its retention ended, as the ledger says,
is no change: the report says what is gone (`verify.service.erased`).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify import telemetry
from verify.domain.access import Caller, RoleName
from verify.domain.errors import NotFound, NotPermitted, VerifyError
from verify.service.contents import ENGINE, Contents
from verify.service.erased import Erasure, erasure_of
from verify.service.judging import Judged, judge
from verify.service.sealed import (
    Digests,
    SealedCase,
    read_application_bytes,
    read_bundle,
    versions_of,
)
from verify.store import Fault, Store, VerdictRow, VerificationRow

REPLAYERS = (RoleName.AUDITOR, RoleName.CASEWORKER, RoleName.CALLER)
MAX_DIFFERENCES = 20
BATCH = 50

Note = Callable[[Caller, str, str, str], None]
NoteList = Callable[[Caller, str, Sequence[str]], None]


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
    erased: Erasure | None = None

    @property
    def divergent(self) -> bool:
        """Whether something is other than it was sealed; evidence erased on purpose is not."""
        return not self.identical and (self.erased is None or bool(self.faults))


@dataclass(frozen=True)
class _Prepared:
    """A verdict with what it was judged from, or the result that says why that cannot be read."""

    verification: str
    verdict: VerdictRow
    faults: tuple[Fault, ...]
    case: SealedCase | None = None
    sealed: bytes = b""
    trace: bytes = b""
    unreadable: ReplayResult | None = None


class Replays:
    """Replays sealed verdicts; writes nothing."""

    def __init__(
        self,
        store: Store,
        contents: Contents,
        note: Note = lambda *_: None,
        note_list: NoteList = lambda *_: None,
    ) -> None:
        self._store = store
        self._contents = contents
        self._note = note
        self._note_list = note_list

    def replay(
        self, verification: str, caller: Caller, sequence: int | None = None
    ) -> ReplayResult:
        """Replay one verdict (the latest, or the one with `sequence`).

        Raises:
            NotFound: no such verification in the caller's regions, or nothing judged yet.
        """
        permit(caller)
        row = self._store.verification(verification, caller)
        verdicts = self._store.verdicts(verification, caller)
        chosen = [v for v in verdicts if sequence is None or v.sequence == sequence]
        if not chosen:
            raise NotFound(
                "there is no verdict to replay yet"
                if not verdicts
                else f"there is no verdict {sequence}; the latest is {verdicts[-1].sequence}",
                where=verification,
                remedy="wait for the verdict, or leave the sequence number out",
            )
        self._note(caller, verification, "replay", chosen[-1].verdict_digest)
        (result,) = self._judged([self._prepared(row, chosen[-1], caller)])
        return result

    def replay_many(
        self, caller: Caller, sample: int | None = None, seed: int = 0
    ) -> Iterator[ReplayResult]:
        """Replay every verdict of every verification the caller may see, or of a sample of them.

        The sample is drawn by `seed` from the ids in order, so that it can be drawn again.
        """
        for batch in batches(self.sealed(caller, sample, seed)):
            yield from self.replay_batch(batch, caller)

    def sealed(self, caller: Caller, sample: int | None = None, seed: int = 0) -> Sequence[str]:
        """Ids of the verifications that `replay_many` replays, in its order.

        Those are all of which anything stored says that there is a verdict.
        """
        permit(caller)
        names = self._store.judged(caller)
        if sample is not None and sample < len(names):
            chosen = random.Random(seed).sample(range(len(names)), sample)  # noqa: S311 - no secret
            names = tuple(names[i] for i in sorted(chosen))
        return names

    def replay_batch(self, names: Sequence[str], caller: Caller) -> list[ReplayResult]:
        """Replay every verdict of some verifications; each has its result, whatever goes wrong.

        One whose verdicts are gone has a result, too, which says so (its `sequence` is 0).
        """
        permit(caller)
        self._note_list(caller, "replay", names)
        items = self._batch(self._store.rows_of(names, caller), caller)
        lost = set(names) - {item.verification for item in items}
        return [*self._judged(items), *(self._lost(name, caller) for name in sorted(lost))]

    def _lost(self, verification: str, caller: Caller) -> ReplayResult:
        faults = (
            Fault("verdict", "there is none to replay, though something stored says there is one"),
            *self._store.check_integrity(verification, caller),
        )
        telemetry.REPLAYS.labels("divergent").inc()
        return ReplayResult(verification, 0, False, "", "", "", ENGINE, faults, ())

    def _batch(self, rows: Sequence[VerificationRow], caller: Caller) -> list[_Prepared]:
        """Every verdict of some verifications, read together: a few queries for all of them."""
        by_id = {row.id: row for row in rows}
        try:
            checked = self._store.check_many(list(by_id), caller)
            faults = dict(zip(by_id, checked, strict=True))
            verdicts = self._store.verdicts_of(list(by_id))
            bundles = self._store.blobs([v.sealed_digest for v in verdicts])
            named = {d for body in bundles.values() for d in bodies_of(body)}
            named |= {d for v in verdicts for d in (v.verdict_digest, v.trace_digest)}
            known = bundles | self._store.blobs([*named, *(row.application_digest for row in rows)])
        except (VerifyError, ValueError, KeyError):
            # One that cannot be read must not hide the others: each by itself.
            return [
                self._prepared(row, verdict, caller)
                for row in rows
                for verdict in self._store.verdicts(row.id, caller)
            ]
        return [
            _Prepared(
                v.verification,
                v,
                faults[v.verification],
                _case(by_id[v.verification], v, known),
                known[v.verdict_digest],
                known[v.trace_digest],
            )
            for v in verdicts
        ]

    def _prepared(self, row: VerificationRow, verdict: VerdictRow, caller: Caller) -> _Prepared:
        faults = tuple(self._store.check_integrity(row.id, caller))
        try:
            case = sealed_case(self._store, row, verdict, caller)
            found = self._store.blobs([verdict.verdict_digest, verdict.trace_digest])
        except (VerifyError, ValueError, KeyError) as error:
            # What is sealed can no longer be read: the faults say which thing it is.
            lost = _unreadable(row.id, verdict, faults, error, self._erasure(row, verdict, caller))
            return _Prepared(row.id, verdict, faults, unreadable=lost)
        sealed, trace = found[verdict.verdict_digest], found[verdict.trace_digest]
        return _Prepared(row.id, verdict, faults, case, sealed, trace)

    def _erasure(self, row: VerificationRow, verdict: VerdictRow, caller: Caller) -> Erasure | None:
        try:
            return erasure_of(self._store.ledger(row.id, caller), verdict.sequence, row.engine)
        except (VerifyError, ValueError, KeyError, TypeError):
            return None  # a ledger that cannot be read excuses nothing

    def _judged(self, items: Sequence[_Prepared]) -> list[ReplayResult]:
        """Judge together what is pinned to the same content; results in the order of `items`."""
        groups: dict[Digests, list[int]] = {}
        for number, item in enumerate(items):
            if item.case is not None:
                groups.setdefault(item.case.digests, []).append(number)
        results = {n: i.unreadable for n, i in enumerate(items) if i.unreadable is not None}
        for digests, numbers in groups.items():
            results |= self._group(digests, [(n, items[n]) for n in numbers])
        return [results[number] for number in range(len(items))]

    def _group(
        self, digests: Digests, items: Sequence[tuple[int, _Prepared]]
    ) -> dict[int, ReplayResult]:
        cases = [item.case for _, item in items if item.case is not None]
        try:
            judged = judge(cases, self._contents.pinned(digests, versions_of(cases)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is found about one verdict
            if len(items) == 1:
                ((number, item),) = items
                lost = _unreadable(item.verification, item.verdict, item.faults, error)
                return {number: lost}
            # One that cannot be judged must not hide the others.
            return {n: r for one in items for n, r in self._group(digests, [one]).items()}
        pairs = zip(items, judged, strict=True)
        return {number: _compared(item, digests, result) for (number, item), result in pairs}


def _compared(item: _Prepared, digests: Digests, result: Judged) -> ReplayResult:
    sealed, trace = item.sealed, item.trace
    differences = tuple(
        differences_of(json.loads(sealed), json.loads(result.verdict_bytes))
        if sealed != result.verdict_bytes
        else differences_of(json.loads(trace), json.loads(result.trace_bytes), "/trace")
        if trace != result.trace_bytes
        else ()
    )[:MAX_DIFFERENCES]
    same = sealed == result.verdict_bytes and trace == result.trace_bytes
    telemetry.REPLAYS.labels("identical" if same and not item.faults else "divergent").inc()
    return ReplayResult(
        verification=item.verification,
        sequence=item.verdict.sequence,
        identical=same and not item.faults,
        verdict_digest=item.verdict.verdict_digest,
        trace_digest=item.verdict.trace_digest,
        engine_sealed=digests.engine,
        engine_now=ENGINE,
        faults=item.faults,
        differences=differences,
    )


def _unreadable(
    verification: str,
    verdict: VerdictRow,
    faults: tuple[Fault, ...],
    error: Exception,
    erased: Erasure | None = None,
) -> ReplayResult:
    where = error.where if isinstance(error, VerifyError) else type(error).__name__
    lost = Difference("", "a sealed input", f"cannot be read: {where}")
    telemetry.REPLAYS.labels("divergent" if erased is None or faults else "erased").inc()
    return ReplayResult(
        verification=verification,
        sequence=verdict.sequence,
        identical=False,
        verdict_digest=verdict.verdict_digest,
        trace_digest=verdict.trace_digest,
        engine_sealed="" if erased is None else erased.engine,
        engine_now=ENGINE,
        faults=faults,
        differences=(lost,) if erased is None else (),
        erased=erased,
    )


def batches(names: Sequence[str]) -> list[Sequence[str]]:
    """Verifications in groups that are read and judged together."""
    return [names[start : start + BATCH] for start in range(0, len(names), BATCH)]


def permit(caller: Caller) -> None:
    """Raise `NotPermitted` unless the caller may replay."""
    if not caller.may(*REPLAYERS):
        raise NotPermitted("your role may not replay", remedy="use an auditor's key")


def sealed_case(
    store: Store, row: VerificationRow, verdict: VerdictRow, caller: Caller
) -> SealedCase:
    """What a verdict was judged from, rebuilt from the store.

    Raises:
        NotFound, IntegrityError: a part of it is not there, or not what was sealed.
    """
    # The first read is the caller's; what the sealed input names belongs to it.
    bundle = store.document(row.id, verdict.sealed_digest, caller)
    found = store.blobs([row.application_digest, *bodies_of(bundle)])
    return _case(row, verdict, {verdict.sealed_digest: bundle, **found})


def bodies_of(bundle: bytes) -> set[str]:
    """Digests of the raw answers that a sealed input names."""
    return {d for e in json.loads(bundle)["exchanges"] for d in e["bodies"]}


def _case(row: VerificationRow, verdict: VerdictRow, found: Mapping[str, bytes]) -> SealedCase:
    """A sealed case of the documents it stands on."""
    bundle = found[verdict.sealed_digest]
    application = read_application_bytes(found[row.application_digest])
    return read_bundle(bundle, application, {d: found[d] for d in bodies_of(bundle)})


def differences_of(sealed: Any, replayed: Any, at: str = "") -> Iterator[Difference]:
    """The places where two JSON values differ, in document order."""
    if isinstance(sealed, dict) and isinstance(replayed, dict):
        for key in sorted(sealed.keys() | replayed.keys()):
            yield from differences_of(sealed.get(key), replayed.get(key), f"{at}/{key}")
    elif isinstance(sealed, list) and isinstance(replayed, list):
        for i in range(max(len(sealed), len(replayed))):
            yield from differences_of(
                sealed[i] if i < len(sealed) else None,
                replayed[i] if i < len(replayed) else None,
                f"{at}/{i}",
            )
    elif sealed != replayed:
        yield Difference(at, _short(sealed), _short(replayed))


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= 120 else text[:117] + "..."
