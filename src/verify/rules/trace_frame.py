"""The trace of a batch as columns, and the tree of one household read back from them.

A frame per level (household, person, supporter, things of a kind): one row each, a `.lo` and a
`.hi` column per quantity, in the order of the rulebook. A numerator stands over the denominator
that the compiled rulebook fixes for the quantity and, where it was divided by a number of persons,
over the columns `.over_lo` and `.over_hi`. Published figures are not repeated per household: they
are what is in force on its day. `parts` says which fact went into which measure.

One household and a million give the same tree: `Tracer` builds it from either through `Readings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from verify.domain.household import Role
from verify.domain.verdict import FindingState, Interval, TraceNode
from verify.rules import expressions as ex
from verify.rules import interval as iv
from verify.rules.contributions import Contributions
from verify.rules.evaluate import Evaluation
from verify.rules.interval import Column
from verify.rules.plan import HOUSEHOLD, PERSON, SUPPORTER, THING, Plan, Quantity
from verify.rules.prepare import Prepared
from verify.rules.rulebook import Regime
from verify.rules.units import Unit
from verify.rules.view import Ends

STATES = (
    FindingState.NOT_APPLICABLE,
    FindingState.SATISFIED,
    FindingState.NOT_SATISFIED,
    FindingState.UNDETERMINED,
)
"""Findings by the number that stands for them in a column."""
NO_CLAUSE = -1
DAYS = ("as_of", "known_at", "accepted_on")


@dataclass(frozen=True)
class TraceFrames:
    """The trace of households of one rulebook, in the order of their keys.

    `levels`, by level, each with the key `household`: `household` (region and days; per test
    `test/<name>.state`, an index into `STATES`, and `.lo`, `.hi`: whether value and limit
    compare), `person` (person, relation, `clause`: number of the clause of the composition that
    decides, -1: none), `supporter` (person, relation) and `thing:<measure>` (key); with the
    quantities of the level. `parts`: household, measure, fact, person (where the rulebook itself
    asks, and there is no fact), object, lo, hi, doubt; measure after measure. `facts`: household,
    fact, person, quantity, evidence.
    """

    book: str
    levels: Mapping[str, pl.DataFrame]
    parts: pl.DataFrame
    facts: pl.DataFrame


def trace_frames(
    prepared: Prepared, evaluation: Evaluation, states: dict[str, pl.Series], persons: pl.DataFrame
) -> TraceFrames:
    """The trace of an evaluated batch; `persons` names those outside the household."""
    households, members, plan = prepared.households, prepared.members, prepared.book.plan
    key = households["household"]
    levels = {
        HOUSEHOLD: pl.DataFrame(
            {
                **{c: households[c] for c in ("household", "region", *DAYS)},
                **states,
                **columns(evaluation, HOUSEHOLD),
            }
        ),
        PERSON: pl.DataFrame(
            {
                **{c: members[c] for c in ("household", "person", "relation")},
                "clause": clause_column(evaluation),
                **columns(evaluation, PERSON),
            }
        ),
        SUPPORTER: _supporters(prepared, evaluation, persons),
    }
    for level in sorted(set(plan.populations.values())):
        if level.startswith(THING):
            things = evaluation.things(level)
            ends = columns(evaluation, level)
            levels[level] = pl.DataFrame({"household": key[things.row], "key": things.key, **ends})
    facts = prepared.contributions.facts.select(FACT)
    return TraceFrames(prepared.book.id, levels, _parts(prepared.contributions), facts)


FACT = ["household", "fact", "person", "quantity", "evidence"]


def _supporters(prepared: Prepared, evaluation: Evaluation, persons: pl.DataFrame) -> pl.DataFrame:
    """Those outside the household; with quantities where the rules look at them."""
    names = ["household", "person", "relation"]
    if not prepared.book.plan.looks_at_supporters:
        outside = persons["role"] != Role.MEMBER.value
        others = persons[names]
        return others.filter(outside).sort(names) if outside.any() else others.clear()
    people = prepared.people.filter("supporter")
    ends = columns(evaluation, SUPPORTER)
    return pl.DataFrame({**{c: people[c] for c in names}, **ends})


def _parts(contributions: Contributions) -> pl.DataFrame:
    """Which fact went into which measure; contributions of nothing are left out."""
    people, fact = contributions.people, contributions.facts["fact"]
    found = []
    for portion in contributions.portions.values():
        told = portion.lo != 0
        if portion.hi is not portion.lo:
            told = told | (portion.hi != 0).fill_null(True)
        mine = portion.filter(told)
        rows = len(mine.p)
        none = pl.Series([None], dtype=pl.String).new_from_index(0, rows)
        raised = mine.fact.null_count() > 0
        person = people["person"][mine.p].zip_with(mine.fact.is_null(), none) if raised else none
        found.append(
            pl.DataFrame(
                {
                    "household": people["household"][mine.p],
                    "measure": pl.Series([mine.measure.name]).new_from_index(0, rows),
                    "fact": fact[mine.fact],
                    "person": person,
                    "object": contributions.objects(mine) if mine.measure.of_things else none,
                    "lo": mine.lo,
                    "hi": mine.hi,
                    "doubt": none if mine.doubt is None else mine.doubt,
                }
            )
        )
    return pl.concat(found) if found else pl.DataFrame(schema=_PARTS)


_PARTS = {
    **dict.fromkeys(("household", "measure", "fact", "person", "object"), pl.String()),
    **dict.fromkeys(("lo", "hi"), pl.Int64()),
    "doubt": pl.String(),
}


def columns(evaluation: Evaluation, level: str) -> dict[str, pl.Series]:
    """The columns of all quantities of one level, one row per household, member ... of it."""
    found: dict[str, pl.Series] = {}
    for quantity in kept(evaluation.plan, level):
        found |= _ends(quantity, evaluation.quantity(quantity.name, level))
    return found


def kept(plan: Plan, level: str) -> Iterator[Quantity]:
    """Quantities that have columns at a level: all but published figures, constants and texts."""
    names = plan.quantities if level in (HOUSEHOLD, PERSON) else _reached(plan, level)
    for name in names:
        quantity = plan.quantities[name]
        if name in plan.figures or quantity.kind.constant is not None:
            continue
        if quantity.kind.unit is not Unit.TEXT and _is_of(plan, quantity, level):
            yield quantity


def _is_of(plan: Plan, quantity: Quantity, level: str) -> bool:
    if level in (HOUSEHOLD, PERSON):
        return quantity.level == level
    if level == SUPPORTER:
        return quantity.level in (SUPPORTER, PERSON) or quantity.name in plan.model.facts
    return quantity.level != HOUSEHOLD


def _reached(plan: Plan, level: str) -> list[str]:
    """Names that are added up at a level, and what they are made of."""
    found: dict[str, None] = {}
    waiting = [n for t, of in plan.populations.items() if of == level for n in ex.names(t.of)]
    while waiting:
        name = waiting.pop(0)
        if name in found or name == "counted":
            continue
        found[name] = None
        if _is_of(plan, plan.quantities[name], level):
            waiting += plan.quantities[name].made_of[0]
    return [n for n in plan.quantities if n in found]


def _ends(quantity: Quantity, column: Column) -> dict[str, pl.Series]:
    """Both ends over the quantity's fixed denominator: a batch may have needed a smaller one."""
    name, factor = quantity.name, quantity.kind.den // column.den
    lo = column.lo * factor if factor > 1 else column.lo
    hi = lo
    if column.hi is not column.lo:
        hi = column.hi * factor if factor > 1 else column.hi
    found = {f"{name}.lo": lo, f"{name}.hi": hi}
    if column.over is not None:
        found |= {f"{name}.over_lo": column.over[0], f"{name}.over_hi": column.over[1]}
    return found


def state_columns(evaluation: Evaluation) -> dict[str, pl.Series]:
    """How each test came out in every row, see `TraceFrames`."""
    found = {}
    for name, judged in evaluation.tests.items():
        code = _number(FindingState.UNDETERMINED, len(judged.good))
        for state, mask in (
            (FindingState.NOT_SATISFIED, judged.bad),
            (FindingState.SATISFIED, judged.good),
            (FindingState.NOT_APPLICABLE, ~judged.applies.hi),
        ):
            code = _number(state, len(code)).zip_with(mask, code)
        found[f"test/{name}.state"] = code.cast(pl.Int8)
        found[f"test/{name}.lo"], found[f"test/{name}.hi"] = judged.holds.lo, judged.holds.hi
    return found


def _number(state: FindingState, rows: int) -> pl.Series:
    return iv.constant(STATES.index(state), rows).lo


def clause_column(evaluation: Evaluation) -> pl.Series:
    """Per member, the number of the first clause of the composition that may apply."""
    rows = evaluation.persons.height
    number = iv.constant(NO_CLAUSE, rows).lo
    for i, clause in reversed(list(enumerate(evaluation.clauses))):
        number = iv.constant(i, rows).lo.zip_with(clause.hi, number)
    return number.cast(pl.Int16)


Rows = Mapping[str, list[dict[str, Any]]]


class Stored:
    """`Readings` of one household, from its rows of each level."""

    def __init__(self, plan: Plan, regime: Regime, rows: Rows) -> None:
        self.limits: dict[tuple[int, str], TraceNode] = {}
        self._plan, self._regime, self._rows = plan, regime, rows

    def ends(self, name: str, at: int, level: str = "") -> Ends:
        """Numerators and denominators of both ends of a quantity in one row (of its own level)."""
        quantity = self._plan.quantities[name]
        den = quantity.kind.den
        if name in self._plan.figures:
            entry = self._regime.entries[name]
            return entry.lo, entry.hi, den, den
        if quantity.kind.constant is not None:
            return quantity.kind.constant, quantity.kind.constant, 1, 1
        row = self._rows[level or quantity.level][at]
        low, high = row.get(f"{name}.over_lo", 1), row.get(f"{name}.over_hi", 1)
        return row[f"{name}.lo"], row[f"{name}.hi"], den * low, den * high

    def things(self, level: str, _row: int) -> list[tuple[str, int]]:
        """Key and position of each thing of a level that belongs to the household."""
        return [(row["key"], at) for at, row in enumerate(self._rows[level])]

    def state(self, test: str, _row: int) -> FindingState:
        """How a test came out."""
        return STATES[self._rows[HOUSEHOLD][0][f"test/{test}.state"]]

    def holds(self, test: str, _row: int) -> Interval:
        """Whether value and limit of a test compare as they should: 0, 1 or undetermined."""
        row = self._rows[HOUSEHOLD][0]
        return Interval(int(row[f"test/{test}.lo"]), int(row[f"test/{test}.hi"]))

    def clause(self, at: int) -> int | None:
        """Number of the first clause of the composition that may apply to a member."""
        number = int(self._rows[PERSON][at]["clause"])
        return None if number == NO_CLAUSE else number


def joined(frames: list[TraceFrames]) -> TraceFrames:
    """Chunks of one rulebook, put together."""
    first = frames[0]
    return TraceFrames(
        first.book,
        {level: pl.concat([f.levels[level] for f in frames]) for level in first.levels},
        pl.concat([f.parts for f in frames]),
        pl.concat([f.facts for f in frames]),
    )
