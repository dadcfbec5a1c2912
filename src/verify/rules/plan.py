"""The compiled form of a rulebook: measures, limits, typed expressions, tests.

A plan is independent of dates: the values in force on a household's day are columns, so
households of all dates run through the same expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from verify.domain.verdict import Text
from verify.domain.vocabulary import Nature, StatementKind
from verify.rules import expressions as ex
from verify.rules.dated import Limit
from verify.rules.grammar import FactM, RulebookM, TestM, UnknownM
from verify.rules.kinds import Kind
from verify.rules.units import CAPS, Unit

PERSON, HOUSEHOLD = "person", "household"


@dataclass(frozen=True)
class Measure:
    """A measure of facts; `index` numbers it within the plan."""

    name: str
    index: int
    model: FactM
    unit: Unit
    cap: int

    @property
    def level(self) -> str:
        """Things belong to the household, each once, however many members own it."""
        return HOUSEHOLD if self.model.of in ("count", "area") else PERSON

    @property
    def largest(self) -> bool:
        """Combined by the largest (a truth) instead of the sum."""
        return self.model.of == "truth"


@dataclass(frozen=True)
class Quantity:
    """A name of the rulebook: given (no formula), or an expression over others."""

    name: str
    level: str
    kind: Kind
    title: Text
    formula: ex.Expression | None = None
    cite: tuple[str, ...] = ()
    note: Text | None = None

    @cached_property
    def made_of(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names it is made of: used as they are, and added up over the members."""
        direct: list[str] = []
        added: list[str] = []
        if self.formula is not None:
            _sort_names(self.formula, direct, added)
        return tuple(dict.fromkeys(direct)), tuple(dict.fromkeys(added))


def _sort_names(tree: ex.Expression, direct: list[str], added: list[str]) -> None:
    if isinstance(tree, ex.Aggregate):
        added += ex.names(tree.of)
    elif isinstance(tree, ex.Name):
        direct.append(tree.name)
    else:
        for child in ex.children(tree):
            _sort_names(child, direct, added)


@dataclass(frozen=True)
class Test:
    """A compiled test. `<test>#limit`, `#applies_when` and `#refer_when` are quantities."""

    model: TestM
    unit: Unit
    measures: frozenset[str]  # facts it rests on, composition included
    own_measures: frozenset[str]  # without the composition
    limits: frozenset[str]  # limits it rests on, composition included
    limit_sources: tuple[str, ...]  # limits that the limit side is made of

    @property
    def name(self) -> str:
        """Its id, e.g. `income`."""
        return self.model.test

    @property
    def operators(self) -> tuple[str, ...]:
        """The distinct operators it ever had."""
        if isinstance(self.model.operator, str):
            return (self.model.operator,)
        return tuple(sorted({o.operator for o in self.model.operator}))


@dataclass(frozen=True)
class Plan:
    """A compiled rulebook."""

    model: RulebookM
    measures: tuple[Measure, ...]
    limits: Mapping[str, Limit]
    quantities: Mapping[str, Quantity]
    clauses: tuple[ex.Expression, ...]  # conditions of `model.composition`, in its order
    tests: tuple[Test, ...]
    composition_measures: frozenset[str]
    composition_limits: frozenset[str]
    unknowns: Mapping[str, UnknownM]  # law doubts of limits, by doubt name
    early: tuple[ex.Aggregate, ...]  # aggregates that rest on no other aggregate

    @property
    def refer_tests(self) -> tuple[str, ...]:
        """Tests that may refer instead of fail."""
        return tuple(t.name for t in self.tests if t.model.effect == "refer" or t.model.refer_when)


def early_aggregates(quantities: Mapping[str, Quantity]) -> tuple[ex.Aggregate, ...]:
    """Aggregates that can be added up in one go, before any other: the usual case."""

    def aggregates(tree: ex.Expression) -> list[ex.Aggregate]:
        return [n for n in ex.walk(tree) if isinstance(n, ex.Aggregate)]

    def rests_on_aggregate(tree: ex.Expression) -> bool:
        formulas = [quantities[n].formula for n in ex.names(tree)]
        return any(
            f is not None and (bool(aggregates(f)) or rests_on_aggregate(f)) for f in formulas
        )

    formulas = [q.formula for q in quantities.values() if q.formula is not None]
    found = dict.fromkeys(a for f in formulas for a in aggregates(f))
    return tuple(a for a in found if not rests_on_aggregate(a.of))


def measure(name: str, index: int, model: FactM) -> Measure:
    """Check and number one fact measure.

    Raises:
        Fault: flows without a window or without words on yearly amounts, or money asked of
            things, and the like.
    """
    natures = {
        q.nature if isinstance(q, StatementKind) else Nature.SIGNAL for q in model.quantities
    }
    wanted = {
        "amount": ({Nature.FLOW}, {Nature.STOCK}),
        "count": ({Nature.ITEM},),
        "area": ({Nature.ITEM},),
        "truth": ({Nature.SIGNAL},),
    }[model.of]
    if natures not in wanted:
        raise ex.Fault(
            f"{model.of} of these quantities has no meaning",
            "amounts are of flows or of stocks, counts and areas of things, truths of "
            "circumstances and signals; never mixed",
        )
    if natures == {Nature.FLOW} and (model.window is None or model.annual is None):
        raise ex.Fault(
            "income without a `window`, or without words on amounts known per year only",
            "add `window` and `annual: upper_bound_only`: a yearly amount is never spread over "
            "months",
        )
    if natures != {Nature.FLOW} and (model.window is not None or model.annual is not None):
        raise ex.Fault("only income has a window")
    if model.absent is not None and model.of != "truth":
        raise ex.Fault("only a truth can be unknown when nothing is said")
    unit = {"amount": Unit.FEN, "count": Unit.ITEM, "area": Unit.DM2, "truth": Unit.TRUTH}[model.of]
    return Measure(name, index, model, unit, CAPS[unit])
