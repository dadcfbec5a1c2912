"""Assess any number of households into frames: the same rules as `assess`, without objects.

Households are taken in chunks, so that memory stays flat however many there are. What a household
gets depends on its own rows alone: neither the chunk nor the number of threads can be seen in the
result. The tree of a household is read back from the frames with `tree`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import polars as pl

from verify import frames
from verify.domain.errors import NotFound
from verify.domain.verdict import Outcome, TraceNode
from verify.rules.assess import by_book
from verify.rules.decided import decided
from verify.rules.evaluate import (
    ELIGIBLE,
    INELIGIBLE,
    UNDETERMINED,
    Evaluation,
)
from verify.rules.findings_frame import benefit_columns, findings_frame
from verify.rules.interval import POSITION
from verify.rules.law import Law
from verify.rules.plan import HOUSEHOLD, PERSON, SUPPORTER
from verify.rules.prepare import Prepared, prepare
from verify.rules.rulebook import Rulebook
from verify.rules.trace import Tracer
from verify.rules.trace_frame import (
    Rows,
    Stored,
    TraceFrames,
    joined,
    state_columns,
    trace_frames,
)
from verify.rules.view import Member, View

CHUNK = 50_000
"""Households evaluated in one go."""
THREADS = 2
"""Chunks evaluated at a time: what Polars does not spread over the processors, they do."""

_NAMES = {INELIGIBLE: Outcome.INELIGIBLE, UNDETERMINED: Outcome.UNDETERMINED}
_NAMES |= {ELIGIBLE: Outcome.ELIGIBLE}
_TEXTS = pl.Series([_NAMES[i].value for i in sorted(_NAMES)], dtype=pl.String)


@dataclass(frozen=True)
class Columnar:
    """Assessments as frames.

    `outcomes`: household, rulebook, outcome, benefit_lo, benefit_hi (fen a month; null: none
    said), sorted by household. `findings`: see `findings_frame.FINDINGS`. `traces`: by rulebook.
    """

    rules: str  # digest of the law
    outcomes: pl.DataFrame
    findings: pl.DataFrame
    traces: Mapping[str, TraceFrames]


def assess_frames(
    law: Law,
    households: pl.DataFrame,
    persons: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
    *,
    chunk: int = CHUNK,
    threads: int = THREADS,
) -> Columnar:
    """Assess a batch into frames; arguments and errors are those of `assess`."""
    batch = (households, persons, facts, doubts)
    found = list(assess_chunks(law, *batch, chunk=chunk, threads=threads))
    books = sorted({b for c in found for b in c.traces})
    return Columnar(
        law.digest,
        pl.concat([c.outcomes for c in found]),
        pl.concat([c.findings for c in found]),
        {b: joined([c.traces[b] for c in found if b in c.traces]) for b in books},
    )


def assess_chunks(
    law: Law,
    households: pl.DataFrame,
    persons: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
    *,
    chunk: int = CHUNK,
    threads: int = THREADS,
    trace: bool = True,
) -> Iterator[Columnar]:
    """The same, one piece per `chunk` households in the order of their keys.

    No more than `threads` pieces are in work at a time, so that memory stays flat. `trace=False`
    leaves the traces out.
    """
    households = frames.HOUSEHOLDS.check(households).sort("household")
    shapes = (frames.PERSONS, frames.FACTS, frames.DOUBTS)
    rest = [
        _by_household(shape.check(frame))
        for shape, frame in zip(shapes, (persons, facts, doubts), strict=True)
    ]
    starts = range(0, households.height, chunk)

    def piece(start: int) -> Columnar:
        mine = households[start : start + chunk]
        first, last = mine["household"][0], mine["household"][-1]
        parts = [
            _in_order(_between(frame, first, last), shape.key)
            for frame, shape in zip(rest, shapes, strict=True)
        ]
        return _assessed(law, mine, *parts, trace=trace)

    if len(starts) < 2 or threads < 2:
        yield from map(piece, starts)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Columnar]] = deque()
        for start in starts:
            waiting.append(pool.submit(piece, start))
            if len(waiting) == threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _by_household(frame: pl.DataFrame) -> pl.DataFrame:
    """Households one after the other: what a piece needs is then a slice."""
    return frame if frame["household"].is_sorted() else frame.sort("household")


def _in_order(frame: pl.DataFrame, key: tuple[str, ...]) -> pl.DataFrame:
    """The frame in the order of its key; one that is in order already is only looked at."""
    first, second = (frame[k] for k in key)
    falls = second < second.shift(1)
    return frame.sort(key) if (falls & (first == first.shift(1))).any() else frame


def _between(frame: pl.DataFrame, first: str, last: str) -> pl.DataFrame:
    key = frame["household"]
    start, end = key.search_sorted(first, "left"), key.search_sorted(last, "right")
    return frame[start:end]


def _assessed(
    law: Law,
    households: pl.DataFrame,
    persons: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
    *,
    trace: bool,
) -> Columnar:
    outcomes, found, traces = [], [], {}
    for book, mine in by_book(law, households, persons, facts, doubts):
        prepared = prepare(book, *mine)
        one, findings, told = _of_book(prepared, mine[1], trace=trace)
        outcomes.append(one)
        found.append(findings)
        if told is not None:
            traces[book.id] = told
    ordered = pl.concat(outcomes)
    if len(outcomes) > 1:
        ordered = ordered.sort("household")
    return Columnar(law.digest, ordered, pl.concat(found), traces)


def _of_book(
    prepared: Prepared, persons: pl.DataFrame, *, trace: bool
) -> tuple[pl.DataFrame, pl.DataFrame, TraceFrames | None]:
    households = prepared.households
    evaluation = Evaluation(prepared.open_batch())
    outcomes = _TEXTS[decided(prepared, evaluation).cast(POSITION)].alias("outcome")
    states = state_columns(evaluation)
    key = households["household"]
    rulebook = pl.Series([prepared.book.id]).new_from_index(0, len(key))
    outcome_frame = pl.DataFrame(
        {
            "household": key,
            "rulebook": rulebook,
            "outcome": outcomes,
            **benefit_columns(evaluation, prepared.book.plan, outcomes),
        }
    )
    told = trace_frames(prepared, evaluation, states, persons) if trace else None
    return outcome_frame, findings_frame(evaluation, key, states), told


def tree(law: Law, found: Columnar, household: str) -> tuple[TraceNode, ...]:
    """The trace tree of one household, the same as `assess` gives for it.

    Raises:
        NotFound: no such household, or the frames were made with another version of the law.
    """
    if found.rules != law.digest:
        raise NotFound(
            "these frames were made with another version of the rules", where=found.rules
        )
    for book in sorted(found.traces):
        trace = found.traces[book]
        rows = {level: _of(frame, household) for level, frame in trace.levels.items()}
        if rows[HOUSEHOLD]:
            parts, facts = _of(trace.parts, household), _of(trace.facts, household)
            return Tracer(_view(law, law.books[book], rows, _told(parts, facts))).tree()
    raise NotFound("no such household in these frames", where=household)


def _told(parts: list[dict[str, Any]], facts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The contributions with what their facts say."""
    said = {f["fact"]: f for f in facts}
    nothing = {"quantity": "", "evidence": []}
    return [{**c, **(nothing if c["fact"] is None else said[c["fact"]])} for c in parts]


def _view(law: Law, book: Rulebook, rows: Rows, parts: list[dict[str, Any]]) -> View:
    (row,) = rows[HOUSEHOLD]
    regime = book.regime(row["as_of"], row["known_at"], row["accepted_on"] or row["as_of"])
    members = [Member(p["person"], p["relation"], at, at) for at, p in enumerate(rows[PERSON])]
    others = [
        Member(p["person"], p["relation"], len(members) + at, at, SUPPORTER)
        for at, p in enumerate(rows[SUPPORTER])
    ]
    number = {m.person: m.p for m in (*members, *others)}
    measure = {m.name: m.index for m in book.plan.measures}
    return View(
        book=book,
        regime=regime,
        readings=Stored(book.plan, regime, rows),
        row=0,
        household=row["household"],
        region=row["region"],
        persons=members,
        supporters=others,
        contributions=[
            {
                **c,
                "p": number[c["person"]],
                "m": measure[c["measure"]],
                "object": c["object"] or "",
            }
            for c in parts
        ],
        doubts={},
        wording=law.words(book),
    )


def _of(frame: pl.DataFrame, household: str) -> list[dict[str, Any]]:
    return frame.filter(pl.col("household") == household).to_dicts()
