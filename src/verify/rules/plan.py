"""The compiled form of a rulebook: measures, limits, staged Polars expressions, tests.

A plan is independent of dates: the values in force on a household's day are columns
(`<limit>.lo`, `<limit>.hi`), so households of all dates run through the same expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from verify.domain.verdict import Text
from verify.domain.vocabulary import Nature, StatementKind
from verify.rules import expressions as ex
from verify.rules.dated import Limit
from verify.rules.grammar import FactM, RulebookM, TestM, UnknownM, WindowM
from verify.rules.interval import Value
from verify.rules.units import CAPS, Unit

PERSON, HOUSEHOLD = "person", "household"


@dataclass(frozen=True)
class Measure:
    """A measure of facts, per person; `index` numbers it within the plan."""

    name: str
    index: int
    model: FactM
    unit: Unit
    cap: int

    @property
    def largest(self) -> bool:
        """Combined by the largest (a truth) instead of the sum."""
        return self.model.of == "truth"


@dataclass(frozen=True)
class Stage:
    """Expressions that depend on earlier stages only, run in one go.

    `kind`: `person` and `household` add columns to their frame, `aggregate` sums persons into
    households, `spread` copies household columns to each person.
    """

    kind: str
    exprs: tuple[pl.Expr, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Quantity:
    """What is known about a name at run time: where its columns are and what it is made of."""

    name: str
    level: str
    value: Value
    title: Text
    formula: ex.Expression | None
    cite: tuple[str, ...] = ()
    note: Text | None = None


@dataclass(frozen=True)
class Test:
    """A compiled test; columns are `<test>#holds`, `#applies`, `#refers` and `#limit`."""

    model: TestM
    unit: Unit
    value: Value
    limit: Value
    measures: frozenset[str]  # facts it depends on, composition included
    own_measures: frozenset[str]  # without the composition
    limits: frozenset[str]
    limit_sources: tuple[str, ...]  # limits that the limit side is made of
    operators: tuple[str, ...]  # distinct operators; `<test>#operator` says which

    @property
    def name(self) -> str:
        """Its id, e.g. `income`."""
        return self.model.test


@dataclass(frozen=True)
class Plan:
    """A compiled rulebook."""

    model: RulebookM
    measures: tuple[Measure, ...]
    limits: Mapping[str, Limit]
    windows: Mapping[str, WindowM]
    quantities: Mapping[str, Quantity]
    stages: tuple[Stage, ...]
    tests: tuple[Test, ...]
    composition_measures: frozenset[str]
    composition_limits: frozenset[str]
    unknowns: Mapping[str, UnknownM]  # law doubts of limits, by doubt name
    benefit: Value | None

    @property
    def refer_tests(self) -> tuple[str, ...]:
        """Tests that may refer instead of fail."""
        return tuple(
            t.name for t in self.tests if t.model.effect == "refer" or t.model.refer_when
        )


def measure_unit(model: FactM) -> Unit:
    """Unit of a fact measure."""
    return {"amount": Unit.FEN, "count": Unit.ITEM, "area": Unit.DM2, "truth": Unit.TRUTH}[model.of]


def measure(name: str, index: int, model: FactM) -> Measure:
    """Check and number one fact measure.

    Raises:
        Fault: flows without a window or without words on yearly amounts, or money asked of
            things, and the like.
    """
    natures = {
        q.nature if isinstance(q, StatementKind) else Nature.SIGNAL for q in model.quantities
    }
    if model.of == "amount":
        if natures not in ({Nature.FLOW}, {Nature.STOCK}):
            raise ex.Fault("an amount is of flows or of stocks, not of both or of things")
        if natures == {Nature.FLOW} and (model.window is None or model.annual is None):
            raise ex.Fault(
                "income is asked for without a `window` or without saying in `annual` what an "
                "amount known per year only may do",
                "add window: and annual: upper_bound_only (a yearly amount is never spread "
                "over months)",
            )
        if natures == {Nature.STOCK} and model.window is not None:
            raise ex.Fault("a balance on a day has no window")
    elif model.of in ("count", "area") and natures != {Nature.ITEM}:
        raise ex.Fault(f"a {model.of} is of things (vehicle, dwelling ...)")
    elif model.of == "truth" and natures != {Nature.SIGNAL}:
        raise ex.Fault("a truth is of circumstances and signals")
    if model.absent is not None and model.of != "truth":
        raise ex.Fault("only a truth can be unknown when nothing is said")
    unit = measure_unit(model)
    return Measure(name, index, model, unit, CAPS[unit])
