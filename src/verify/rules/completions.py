"""What could still change the outcome: all ways in which a household's doubts can be settled.

Intervals are sound but forget that several tests may hang on one doubt. Where they leave a
household undetermined, its doubts are settled in every combination (a *completion* each) and the
same compiled expressions judge every completion:

- all eligible: eligible; all ineligible: ineligible. For this claim a question that nobody
  answered stays the whole interval from nothing to unbounded, so nothing between is overlooked;
- else the *essential* doubts are asked: those for which some completion exists in which changing
  only this answer changes the outcome. An outcome is a function of its essential doubts alone,
  so they are the unique smallest set that settles the case whatever the answers are. Here an
  unanswered question is examined at both extremes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from verify.domain.verdict import FindingState
from verify.rules.evaluate import (
    ELIGIBLE,
    INELIGIBLE,
    UNDETERMINED,
    Evaluation,
    World,
    worlds_frame,
)
from verify.rules.parts import part_columns
from verify.rules.plan import Test
from verify.rules.portions import BINARY
from verify.rules.prepare import Prepared
from verify.rules.units import Unit
from verify.rules.view import View

MAX_DOUBTS = 12
CHUNK = 400_000
"""Largest number of (world, member or part) rows evaluated in one go."""


@dataclass(frozen=True)
class Item:
    """One doubt to be examined. `setting` is empty for a doubt that facts hang on."""

    doubt: str
    exact: bool  # two possible answers; otherwise anything between two extremes
    setting: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Settled:
    """What examining the completions showed. `turns` holds the essential doubts only."""

    outcome: int
    items: tuple[Item, ...]
    turns: Mapping[str, int] = field(default_factory=dict)
    of: int = 0
    complete: bool = True


@dataclass(frozen=True)
class _Job:
    h: int
    items: tuple[Item, ...]  # exact ones first
    exact: int
    ranged: bool  # ranged doubts are examined at their extremes as well

    @property
    def verdict_worlds(self) -> int:
        return 1 << self.exact

    @property
    def extreme_worlds(self) -> int:
        """Worlds with every doubt settled; none extra where all doubts are exact."""
        return 1 << len(self.items) if self.ranged else 0


def settle(prepared: Prepared, relevant: Mapping[int, Sequence[Item]]) -> dict[int, Settled]:
    """Examine the completions of undetermined households, given their doubts."""
    jobs, results = [], {}
    for h in sorted(relevant):
        items = sorted(relevant[h], key=lambda i: (not i.exact, i.doubt))
        exact = sum(i.exact for i in items)
        if not items or exact > MAX_DOUBTS:
            results[h] = Settled(UNDETERMINED, tuple(items), complete=False)
            continue
        within = len(items) <= MAX_DOUBTS
        kept = tuple(items) if within else tuple(i for i in items if i.exact)
        jobs.append(_Job(h, kept, exact, within and exact < len(items)))
    for chunk in _chunks(prepared, jobs):
        outcomes = _evaluate(prepared, chunk)
        for job in chunk:
            results[job.h] = _read(job, outcomes[job.h], tuple(relevant[job.h]))
    return results


def _chunks(prepared: Prepared, jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
    chosen = pl.Series([j.h for j in jobs], dtype=pl.Int64)
    people = prepared.members.filter(prepared.members["h"].is_in(chosen.implode()))
    members = dict(people.group_by("h").len().iter_rows())
    parts = dict(prepared.contributions.of(chosen).group_by("h").len().iter_rows())
    chunk: list[_Job] = []
    weight = 0
    for job in jobs:
        rows = (job.verdict_worlds + job.extreme_worlds) * (members[job.h] + parts.get(job.h, 0))
        if chunk and weight + rows > CHUNK:
            yield chunk
            chunk, weight = [], 0
        chunk.append(job)
        weight += rows
    if chunk:
        yield chunk


def _evaluate(prepared: Prepared, jobs: Sequence[_Job]) -> dict[int, list[int]]:
    """Outcomes per household: verdict worlds first, then the extreme worlds."""
    plan = prepared.book.plan
    places = [
        (job.h, item.doubt, 1 << j)
        for job in jobs
        for j, item in enumerate(job.items)
        if not item.setting
    ]
    schema = {"h": pl.Int64, "doubt": pl.String, "place": pl.Int64}
    table = pl.DataFrame(places, schema=schema, orient="row")
    mine = pl.Series([j.h for j in jobs], dtype=pl.Int64)
    parts = (
        prepared.contributions.of(mine)
        .join(table, on=["h", "doubt"], how="left")
        .with_columns(pl.col("place").fill_null(0))
        .select(part_columns(plan))
    )
    worlds = [w for job in jobs for w in _worlds(job)]
    evaluation = Evaluation(prepared.batch(parts), worlds_frame(plan, worlds))
    outcomes: dict[int, list[int]] = {job.h: [] for job in jobs}
    for (h, *_), outcome in zip(worlds, evaluation.outcomes.to_list(), strict=True):
        outcomes[h].append(outcome)
    return outcomes


def _worlds(job: _Job) -> Iterator[World]:
    ranged = sum(1 << j for j in range(job.exact, len(job.items)))
    for bits in range(job.verdict_worlds):
        yield job.h, bits, ranged, _settings(job, bits, job.exact)
    for bits in range(job.extreme_worlds):
        yield job.h, bits, 0, _settings(job, bits, len(job.items))


def _settings(job: _Job, bits: int, settled: int) -> dict[str, int]:
    items = enumerate(job.items[:settled])
    return {item.setting: bits >> j & 1 for j, item in items if item.setting}


def _read(job: _Job, outcomes: Sequence[int], relevant: tuple[Item, ...]) -> Settled:
    verdicts = set(outcomes[: job.verdict_worlds])
    if verdicts in ({ELIGIBLE}, {INELIGIBLE}):
        return Settled(verdicts.pop(), relevant)
    examined = outcomes[job.verdict_worlds :] if job.ranged else outcomes
    if len(job.items) < len(relevant):
        return Settled(UNDETERMINED, relevant, complete=False)
    turns = {i.doubt: n for i, n in zip(job.items, turning(examined), strict=True) if n}
    if not turns:
        # Only a value strictly between the extremes can matter: ask everything that is open.
        return Settled(UNDETERMINED, relevant, complete=False)
    return Settled(UNDETERMINED, relevant, turns, len(examined))


def turning(outcomes: Sequence[int]) -> list[int]:
    """Per bit of the index: in how many of the outcomes flipping it alone changes the outcome.

    Worked out on whole bit sets: one large integer per outcome.
    """
    size = len(outcomes)
    sets = [
        sum(1 << i for i, o in enumerate(outcomes) if o == kind) for kind in (INELIGIBLE, ELIGIBLE)
    ]
    turns = []
    for j in range(size.bit_length() - 1):
        step = 1 << j
        low = sum(1 << i for i in range(size) if not i & step)
        differs = 0
        for members in sets:
            differs |= (members ^ (members >> step)) & low
        turns.append(2 * differs.bit_count())
    return turns


def relevant_items(views: Sequence[View]) -> dict[int, list[Item]]:
    """Doubts that can touch an open test, per undetermined household.

    A test that holds (or fails) over its whole interval does so in every completion, so only
    doubts behind open tests can matter; likewise only members who may count, except where the
    doubt is about who counts.
    """
    return {v.row: _items(v) for v in views}


def _items(view: View) -> list[Item]:
    plan = view.plan
    open_tests = [t for t in plan.tests if view.state(t) is FindingState.UNDETERMINED]
    touched: dict[str, set[str]] = {}
    exact: dict[str, bool] = {}
    may_count = {m.p for m in (*view.may_count, *view.supporters)}
    for (p, name), rows in view.by_measure.items():
        about_counting = name in plan.composition_measures
        tests = {
            t.name
            for t in open_tests
            if about_counting or (p in may_count and name in t.own_measures)
        }
        for row in rows if tests else ():
            if row["doubt"] is not None:
                touched.setdefault(row["doubt"], set()).update(tests)
                exact[row["doubt"]] = row["cls"] == BINARY
    items = [Item(d, exact[d], "", tuple(sorted(tests))) for d, tests in sorted(touched.items())]
    items += _law_items(view, open_tests)
    items += [
        Item(f"refer:{t.name}", True, f"proof#{t.name}", (t.name,))
        for t in open_tests
        if view.possible(f"{t.name}#refer_when")
    ]
    return items


def _law_items(view: View, tests: Sequence[Test]) -> list[Item]:
    found: dict[str, tuple[bool, set[str]]] = {}
    for test in tests:
        for name in sorted(test.limits):
            doubt = view.law_doubt(name)
            if doubt is None:
                continue
            exact, names = found.get(doubt, (True, set()))
            is_truth = view.plan.limits[name].unit is Unit.TRUTH
            found[doubt] = (exact and is_truth, names | {test.name})
    return [
        Item(f"law:{d}", exact, f"law#{d}", tuple(sorted(names)))
        for d, (exact, names) in sorted(found.items())
    ]
