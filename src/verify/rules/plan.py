"""The compiled form of a rulebook: measures, limits, typed expressions, tests.

A plan is independent of dates: the values in force on a household's day are columns, so
households of all dates run through the same expressions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from verify.domain.verdict import Text
from verify.domain.vocabulary import Nature
from verify.rules import expressions as ex
from verify.rules.dated import Limit
from verify.rules.grammar import THING_ATTRIBUTES, FactM, RulebookM, TestM, UnknownM
from verify.rules.kinds import MAX_MEMBERS, Kind
from verify.rules.units import CAPS, Unit, unit_name

PERSON, HOUSEHOLD, SUPPORTER, THING = "person", "household", "supporter", "thing"
"""Levels: what a quantity has one value for. A level of things is `thing:<counted facts>`."""


def things_of(measure: str) -> str:
    """The level of the things that a counting measure counts."""
    return f"{THING}:{measure}"


DETAIL_COLUMN = {"area": "area_dm2"}
"""Column of an attribute of a thing, where it is called otherwise."""

DECLARED = "declared:"
"""Prefix of quantities that the family stated, in the facts frame."""


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
    def of_things(self) -> bool:
        """Whether it counts or measures things, each once, however many own it."""
        return self.level == HOUSEHOLD

    @property
    def largest(self) -> bool:
        """Combined by the largest (a truth, a stated number) instead of the sum."""
        return self.model.of in ("truth", "number")

    @property
    def quantities(self) -> tuple[str, ...]:
        """The quantities of the facts frame it reads."""
        prefix = DECLARED if self.model.declared else ""
        return tuple(prefix + q for q in self.model.quantities)

    @property
    def yearly_in_full(self) -> bool:
        """Whether an amount known per year counts as it is, where its year lies in the window."""
        return self.model.annual not in (None, "upper_bound_only")


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
    each: str = ""  # of things: the measure that counts them

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
    figures: Mapping[str, Limit]  # limits, and the bands of those that have bands
    quantities: Mapping[str, Quantity]
    populations: Mapping[ex.Aggregate, str]  # the level that each aggregate adds up
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

    def unit_name(self, unit: Unit) -> str:
        """What a unit is called in the currency of the rulebook."""
        return unit_name(unit, self.model.currency)

    @cached_property
    def details(self) -> tuple[str, ...]:
        """Details of things that some quantity looks at, by the columns they are read from."""
        return tuple(sorted({d for m in self.measures for d in self.details_of(m.name)}))

    def details_of(self, measure: str) -> tuple[str, ...]:
        """Details that quantities of the things counted by a measure look at."""
        return self._details.get(measure, ())

    @cached_property
    def _details(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, set[str]] = {}
        for quantity in self.quantities.values():
            if quantity.each and quantity.formula is not None:
                used = set(ex.names(quantity.formula)) & set(THING_ATTRIBUTES)
                found.setdefault(quantity.each, set()).update(DETAIL_COLUMN.get(n, n) for n in used)
        return {m: tuple(sorted(columns)) for m, columns in found.items()}

    @cached_property
    def detailed(self) -> frozenset[int]:
        """Numbers of the measures whose things have quantities of their own."""
        return frozenset(m.index for m in self.measures if m.name in self._details)

    @cached_property
    def compares_declared(self) -> bool:
        """Whether anything rests on what the family declared."""
        return any(m.model.declared for m in self.measures)

    @cached_property
    def looks_at_supporters(self) -> bool:
        """Whether anything rests on what statutory supporters earn or own."""
        return SUPPORTER in self.populations.values()


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


_WANTED: dict[str, tuple[Nature, ...]] = {
    "amount": (Nature.FLOW, Nature.SPENDING, Nature.STOCK),
    "count": (Nature.ITEM,),
    "area": (Nature.ITEM,),
    "worth": (Nature.ITEM,),
    "number": (Nature.NUMBER,),
    "truth": (Nature.SIGNAL,),
}
_UNITS = {
    "amount": Unit.FEN,
    "count": Unit.ITEM,
    "area": Unit.DM2,
    "worth": Unit.FEN,
    "number": Unit.PERSON,
    "truth": Unit.TRUTH,
}


def measure(name: str, index: int, model: FactM, natures: Mapping[str, Nature]) -> Measure:
    """Check and number one fact measure; `natures` is the vocabulary.

    Raises:
        Fault: an unknown kind, kinds that are not added up together, flows without a window or
            without words on yearly amounts, and the like.
    """
    unknown = [q for q in model.quantities if q not in natures]
    if unknown:
        raise ex.Fault(
            f"the kind {unknown[0]} is not in the vocabulary",
            "use a kind of the vocabulary, or add it to the country's vocabulary.yaml",
        )
    found = {natures[q] for q in model.quantities}
    if len(found) != 1 or not found <= set(_WANTED[model.of]):
        raise ex.Fault(
            f"{model.of} of these quantities has no meaning",
            "amounts are of income, of spending or of stocks, counts and areas of things, numbers "
            "of persons, truths of circumstances and signals; never mixed",
        )
    flows = found <= {Nature.FLOW, Nature.SPENDING}
    if flows and (model.window is None or (model.annual is None and not model.declared)):
        raise ex.Fault(
            "an amount over time without a `window`, or without words on amounts known per year "
            "only",
            "add `window` and `annual: upper_bound_only`: a yearly amount is never spread over "
            "months",
        )
    if not flows and (model.window is not None or model.annual is not None):
        raise ex.Fault("only income and spending have a window")
    if model.absent is not None and model.of != "truth":
        raise ex.Fault("only a truth can be unknown when nothing is said")
    if (model.unstated is None) != (model.of != "number"):
        raise ex.Fault(
            "a number of persons has `unstated`, and nothing else has",
            "say what is asked where nobody stated the number",
        )
    unit = Unit.FEN_PER_YEAR if model.annual == "per_year" else _UNITS[model.of]
    cap = MAX_MEMBERS if model.of == "number" else CAPS[unit]
    return Measure(name, index, model, unit, cap)
