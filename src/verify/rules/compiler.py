"""Compile a rulebook: resolve names, check units and circles, find what rests on what.

Every fault is a `ContentError` with the file and line of the expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from verify.content import Document, Loc
from verify.domain.errors import ContentError
from verify.domain.verdict import Text
from verify.rules import expressions as ex
from verify.rules import kinds
from verify.rules.dated import Limit
from verify.rules.expressions import Fault
from verify.rules.grammar import ATTRIBUTES, QuantityM, RulebookM, TestM, UnknownM
from verify.rules.kinds import Kind
from verify.rules.plan import HOUSEHOLD, PERSON, Measure, Plan, Quantity, Test, early_aggregates
from verify.rules.units import CAPS, Unit

_ATTRIBUTES = {
    "age": (PERSON, Kind(Unit.YEARS, 1000), Text("周岁", "age in completed years")),
    "relation": (PERSON, Kind(Unit.TEXT), Text("与申请人关系", "relation to the applicant")),
    "residence": (HOUSEHOLD, Kind(Unit.TEXT), Text("城乡", "urban or rural")),
}
_COUNTED = Text("计入家庭人口", "counts as a member")


@contextmanager
def located(document: Document, loc: Loc) -> Iterator[None]:
    """Turn a `Fault` into a `ContentError` at `loc`."""
    try:
        yield
    except Fault as fault:
        raise ContentError(
            f"{'.'.join(map(str, loc))}: {fault.reason}",
            where=document.where(loc),
            remedy=fault.remedy,
        ) from None


class Compiler:
    """Compiles one rulebook; `compile` is the only entry."""

    def __init__(
        self,
        document: Document,
        model: RulebookM,
        measures: tuple[Measure, ...],
        limits: Mapping[str, Limit],
    ) -> None:
        self._document = document
        self._model = model
        self._measures = {m.name: m for m in measures}
        self._limits = limits
        self._quantities: dict[str, Quantity] = {}
        self._under_way: list[str] = []
        self._reads: dict[str, frozenset[str]] = {}
        self._closure: dict[str, frozenset[str]] = {}

    def compile(self) -> Plan:
        """Compile everything; faults are reported at their line."""
        self._given()
        clauses = self._composition()
        for name in (*self._model.persons, *self._model.household):
            self._named(name)
        unknowns = self._unknowns()
        tests = tuple(self._test(i, t) for i, t in enumerate(self._model.tests))
        self._benefit()
        self._check_used()
        leaves = self._leaves("counted")
        return Plan(
            model=self._model,
            measures=tuple(self._measures.values()),
            limits=self._limits,
            quantities=self._quantities,
            clauses=clauses,
            tests=tests,
            composition_measures=leaves & self._measures.keys(),
            composition_limits=leaves & self._limits.keys(),
            unknowns=unknowns,
            early=early_aggregates(self._quantities),
        )

    # -- what is given, and the composition ----------------------------------------------------

    def _given(self) -> None:
        for m in self._measures.values():
            kind = Kind(m.unit, m.cap, nonneg=m.model.of != "amount")
            self._quantities[m.name] = Quantity(m.name, m.level, kind, m.model.title.text)
        for name, (level, kind, title) in _ATTRIBUTES.items():
            self._quantities[name] = Quantity(name, level, kind, title)
        for limit in self._limits.values():
            kind, title = Kind(limit.unit, CAPS[limit.unit]), limit.model.title.text
            self._quantities[limit.name] = Quantity(limit.name, HOUSEHOLD, kind, title)
        for name, window in self._model.windows.items():
            key, n = f"{name}_months", window.months
            kind = Kind(Unit.MONTHS, n, constant=n)
            self._quantities[key] = Quantity(key, HOUSEHOLD, kind, window.title.text)

    def _composition(self) -> tuple[ex.Expression, ...]:
        trees = []
        for i, clause in enumerate(self._model.composition):
            with located(self._document, ("composition", i, "when")):
                tree = ex.parse(clause.when)
                kinds.logic(self._kind(tree, PERSON))
                trees.append(tree)
        self._reads["counted"] = frozenset(n for t in trees for n in ex.names(t))
        self._quantities["counted"] = Quantity("counted", PERSON, kinds.TRUTH, _COUNTED)
        return tuple(trees)

    # -- named quantities ----------------------------------------------------------------------

    def _named(self, name: str) -> Quantity:
        if name in self._quantities:
            return self._quantities[name]
        if name == "counted":
            raise Fault("`counted` is what the composition decides; it cannot be used in it")
        level, model = self._find(name)
        if name in self._under_way:
            circle = " -> ".join([*self._under_way[self._under_way.index(name) :], name])
            raise Fault(f"it is defined by itself: {circle}", "break the circle")
        self._under_way.append(name)
        group = "persons" if level == PERSON else "household"
        with located(self._document, (group, name, "is")):
            kind, tree = self._typed(name, level, model.formula)
            kind = kinds.declared(Unit(model.unit), kind)
        self._under_way.pop()
        note = model.note.text if model.note else None
        quantity = Quantity(name, level, kind, model.title.text, tree, tuple(model.cite), note)
        self._quantities[name] = quantity
        return quantity

    def _find(self, name: str) -> tuple[str, QuantityM]:
        if name in self._model.persons:
            return PERSON, self._model.persons[name]
        if name in self._model.household:
            return HOUSEHOLD, self._model.household[name]
        known = {*self._model.facts, *self._limits, *self._model.persons, *self._model.household}
        raise Fault(
            f"`{name}` is not known", "names are: " + ", ".join(sorted({*known, *ATTRIBUTES}))
        )

    def _typed(self, name: str, level: str, formula: str) -> tuple[Kind, ex.Expression]:
        tree = ex.parse(formula)
        kind = self._kind(tree, level)
        self._reads[name] = frozenset(ex.names(tree))
        return kind, tree

    # -- expressions ---------------------------------------------------------------------------

    def _kind(  # noqa: PLR0911, PLR0912 - one case per operator reads best in one place
        self, tree: ex.Expression, level: str
    ) -> Kind:
        """Static facts about an expression, or a fault."""
        kind = partial(self._kind, level=level)
        match tree:
            case ex.Number(n):
                return kinds.number(n)
            case ex.Truth():
                return kinds.TRUTH
            case ex.Word():
                raise Fault("a text stands alone", "write relation = 'self'")
            case ex.Name(name):
                return self._reference(name, level)
            case ex.Arithmetic("+" | "-" as sign, left, right):
                return kinds.add(kind(left), kind(right), 1 if sign == "+" else -1)
            case ex.Arithmetic("*", left, right):
                return kinds.multiply(kind(left), kind(right))
            case ex.Arithmetic(_, left, right):
                return kinds.divide(kind(left), kind(right))
            case ex.Compare("=" | "<>", item, ex.Word()):
                return kinds.one_of(kind(item))
            case ex.Compare(_, left, right):
                return kinds.compare(kind(left), kind(right))
            case ex.Logic(_, left, right):
                return kinds.logic(kind(left), kind(right))
            case ex.Not(of):
                return kinds.logic(kind(of))
            case ex.OneOf(item, _):
                return kinds.one_of(kind(item))
            case ex.Choice(function, items):
                return kinds.choose([kind(i) for i in items], function)
            case ex.Case(branches, otherwise):
                values = [*(kind(v) for _, v in branches), kind(otherwise)]
                return kinds.case([kind(c) for c, _ in branches], values)
            case ex.Aggregate(function, of):
                return self._aggregate(function, of, level)

    def _reference(self, name: str, level: str) -> Kind:
        quantity = self._named(name)
        thing = name in self._measures and quantity.level == HOUSEHOLD
        if thing and "counted" not in self._quantities:
            raise Fault("what the members own cannot decide who counts")
        if quantity.level == PERSON and level == HOUSEHOLD:
            raise Fault(
                f"`{name}` is a quantity of each person", f"add the members up: SUM({name})"
            )
        return quantity.kind

    def _aggregate(self, function: str, of: ex.Expression, level: str) -> Kind:
        if level == PERSON:
            raise Fault("a person's quantity cannot add up the household", "name it in `household`")
        if "counted" not in self._quantities:
            raise Fault("the composition cannot add up the members it is to decide on")
        return kinds.aggregate(function, self._kind(of, PERSON))

    # -- tests, benefit, unknowns --------------------------------------------------------------

    def _test(self, i: int, model: TestM) -> Test:
        at: Loc = ("tests", i)
        name = model.test
        if any(t.test == name for t in self._model.tests[:i]):
            raise ContentError(f"two tests are named {name}", where=self._document.where(at))
        with located(self._document, (*at, "value")):
            value = self._named(model.value)
            if value.level != HOUSEHOLD or value.kind.unit in (Unit.TRUTH, Unit.TEXT):
                raise Fault("a test compares a household quantity", "name it under `household`")
        with located(self._document, (*at, "limit")):
            limit = self._helper(f"{name}#limit", model.limit)
            kinds.compare(value.kind, limit.kind)
        refers = "TRUE" if model.effect == "refer" else model.refer_when or "FALSE"
        for part, formula in (
            ("applies_when", model.applies_when or "TRUE"),
            ("refer_when", refers),
        ):
            with located(self._document, (*at, part)):
                kinds.logic(self._helper(f"{name}#{part}", formula).kind)
        parts = [f"{name}#{p}" for p in ("limit", "applies_when", "refer_when")]
        own = frozenset[str]().union(*(self._leaves(p) for p in (model.value, *parts)))
        everything = own | self._leaves("counted")
        return Test(
            model=model,
            unit=value.kind.unit,
            measures=everything & self._measures.keys(),
            own_measures=own & self._measures.keys(),
            limits=everything & self._limits.keys(),
            limit_sources=tuple(sorted(self._leaves(f"{name}#limit") & self._limits.keys())),
        )

    def _helper(self, name: str, formula: str) -> Quantity:
        kind, tree = self._typed(name, HOUSEHOLD, formula)
        quantity = Quantity(name, HOUSEHOLD, kind, Text(name, name), tree)
        self._quantities[name] = quantity
        return quantity

    def _benefit(self) -> None:
        if self._model.benefit is None:
            return
        with located(self._document, ("benefit", "monthly")):
            quantity = self._named(self._model.benefit.monthly)
            if quantity.level != HOUSEHOLD or quantity.kind.unit is not Unit.FEN_PER_MONTH:
                raise Fault("the benefit is a household amount per month")
            if quantity.kind.quotient:
                raise Fault("the benefit is of the whole household, not a quotient per member")

    def _unknowns(self) -> dict[str, UnknownM]:
        found: dict[str, UnknownM] = {}
        for name, limit in self._limits.items():
            for i, entry in enumerate(limit.model.entries):
                if entry.unknown is None:
                    continue
                with located(self._document, ("limits", name, "entries", i, "unknown")):
                    known = found.setdefault(entry.unknown.doubt, entry.unknown)
                    if known != entry.unknown:
                        raise Fault(
                            f"the doubt {known.doubt} is worded in two ways",
                            "use the same words, or another name",
                        )
                    formula = known.arises_when or "TRUE"
                    kinds.logic(self._helper(f"arises#{known.doubt}", formula).kind)
        return dict(sorted(found.items()))

    # -- what rests on what --------------------------------------------------------------------

    def _leaves(self, name: str) -> frozenset[str]:
        """What a quantity rests on, however deep; who counts is followed separately."""
        if name not in self._closure:
            found = {name}
            for part in self._reads.get(name, frozenset()) - {"counted"}:
                found |= self._leaves(part)
            self._closure[name] = frozenset(found)
        return self._closure[name]

    def _check_used(self) -> None:
        """A quantity that no test can reach is a condition somebody believes to be applied."""
        roots = ["counted", *(n for n in self._quantities if "#" in n)]
        roots += [t.value for t in self._model.tests]
        roots += [self._model.benefit.monthly] if self._model.benefit else []
        reached = {self._model.in_force_with}.union(*(self._leaves(r) for r in roots))
        for group in ("facts", "limits", "persons", "household"):
            for name in getattr(self._model, group):
                if name not in reached:
                    raise ContentError(
                        f"{group}.{name} is never used",
                        where=self._document.where((group, name)),
                        remedy="remove it, or use it in a quantity that a test compares",
                    )
