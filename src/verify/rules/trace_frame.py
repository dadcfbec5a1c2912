"""The trace of a batch as columns, and the tree of one household read back from them.

A frame per level (household, person): one row each, a `.lo` and a `.hi` column per quantity, the
quantities being those of the rulebook in its order. A numerator stands over the denominator that
the compiled rulebook fixes for the quantity and, where it was divided by a number of persons,
over the columns `.over_lo` and `.over_hi`. Limits are not repeated per household: they are what is
in force on its day. `parts` says which fact went into which measure.

One household and a million give the same tree: `Tracer` builds it from either through `Readings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from verify.domain.verdict import FindingState, Interval, TraceNode
from verify.rules import interval as iv
from verify.rules.evaluate import Evaluation
from verify.rules.interval import Column
from verify.rules.plan import HOUSEHOLD, PERSON, Plan, Quantity
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


@dataclass(frozen=True)
class TraceFrames:
    """The trace of households of one rulebook; rows of a household are together, in its order.

    `households`: household, region, as_of, known_at, accepted_on; per test `test/<name>.state`
    (an index into `STATES`), `.lo` and `.hi` (whether value and limit compare); its quantities.
    `persons`: household, person, relation, `clause` (number of the clause of the composition
    that decides, -1: none), the persons' quantities. `parts`: household, person, measure,
    quantity, lo, hi, doubt, evidence. `others`: household, person, relation of those outside.
    """

    book: str
    households: pl.DataFrame
    persons: pl.DataFrame
    parts: pl.DataFrame
    others: pl.DataFrame


def columns(evaluation: Evaluation, level: str) -> dict[str, pl.Series]:
    """The columns of all quantities of one level, one row per world or per member of it."""
    found: dict[str, pl.Series] = {}
    for quantity in kept(evaluation.plan):
        if quantity.level == level:
            found |= _ends(quantity, evaluation.quantity(quantity.name))
    return found


def kept(plan: Plan) -> Iterator[Quantity]:
    """Quantities that have columns: all but limits, constants and texts."""
    for quantity in plan.quantities.values():
        if quantity.name in plan.figures or quantity.kind.constant is not None:
            continue
        if quantity.kind.unit is not Unit.TEXT:
            yield quantity


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
    """How each test came out in every row, see `TraceFrames.households`."""
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


class Stored:
    """`Readings` of one household, from its rows of `TraceFrames`."""

    def __init__(
        self,
        plan: Plan,
        regime: Regime,
        household: Mapping[str, Any],
        persons: list[dict[str, Any]],
    ) -> None:
        self.limits: dict[tuple[int, str], TraceNode] = {}
        self._plan = plan
        self._regime = regime
        self._household = household
        self._persons = persons

    def ends(self, name: str, at: int, level: str = "") -> Ends:
        """Numerators and denominators of both ends of a quantity in one row (of its own level)."""
        quantity = self._plan.quantities[name]
        if name in self._plan.figures:
            entry = self._regime.entries[name]
            return entry.lo, entry.hi, quantity.kind.den, quantity.kind.den
        if quantity.kind.constant is not None:
            return quantity.kind.constant, quantity.kind.constant, 1, 1
        row = self._persons[at] if quantity.level == PERSON else self._household
        den = quantity.kind.den
        low, high = row.get(f"{name}.over_lo", 1), row.get(f"{name}.over_hi", 1)
        return row[f"{name}.lo"], row[f"{name}.hi"], den * low, den * high

    def things(self, _level: str, _row: int) -> list[tuple[str, int]]:
        """Key and position of each thing of a level that belongs to the household."""
        return []

    def state(self, test: str, _row: int) -> FindingState:
        """How a test came out."""
        return STATES[self._household[f"test/{test}.state"]]

    def holds(self, test: str, _row: int) -> Interval:
        """Whether value and limit of a test compare as they should: 0, 1 or undetermined."""
        row = self._household
        return Interval(int(row[f"test/{test}.lo"]), int(row[f"test/{test}.hi"]))

    def clause(self, at: int) -> int | None:
        """Number of the first clause of the composition that may apply to a member."""
        number = int(self._persons[at]["clause"])
        return None if number == NO_CLAUSE else number


def joined(frames: list[TraceFrames]) -> TraceFrames:
    """Chunks of one rulebook, put together."""
    first = frames[0]
    return replace(
        first,
        **{
            name: pl.concat([getattr(f, name) for f in frames])
            for name in ("households", "persons", "parts", "others")
        },
    )


LEVELS = {HOUSEHOLD: "households", PERSON: "persons"}
"""The frame that holds a level's quantities."""
