"""Compile a rulebook: resolve names, check units and circles, find what rests on what.

Every fault is a `ContentError` with the file and line of the expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from verify.content import Document, Loc
from verify.domain.verdict import Text
from verify.rules import bands, kinds
from verify.rules import expressions as ex
from verify.rules.attributes import ALWAYS, COUNTED, DETAILS, words_of
from verify.rules.dated import Limit
from verify.rules.expressions import Fault, Known
from verify.rules.faults import located, unused
from verify.rules.grammar import (
    ATTRIBUTES,
    THING_ATTRIBUTES,
    QuantityM,
    RulebookM,
    TestM,
    UnknownM,
)
from verify.rules.kinds import Kind
from verify.rules.paid import paid
from verify.rules.plan import (
    HOUSEHOLD,
    PERSON,
    SUPPORTER,
    THING,
    Measure,
    Plan,
    Quantity,
    Test,
    early_aggregates,
    things_of,
)
from verify.rules.reads import Reads
from verify.rules.units import CAPS, Unit, named

_GROUPS = {PERSON: "persons", HOUSEHOLD: "household", SUPPORTER: "supporters", THING: "things"}


class Compiler:
    """Compiles one rulebook; `compile` is the only entry."""

    def __init__(
        self,
        document: Document,
        model: RulebookM,
        measures: tuple[Measure, ...],
        limits: Mapping[str, Limit],
        broken: Iterable[str] = (),
    ) -> None:
        self._document = document
        # Names that stand for something at fault: whatever rests on them is passed over.
        self._broken = set(broken)
        self._faulty = bool(self._broken)
        self._model = model
        self._measures = {m.name: m for m in measures}
        self._limits = limits
        self._figures: dict[str, Limit] = {n: m for n, m in limits.items() if not m.banded}
        self._populations: dict[ex.Aggregate, str] = {}
        self._quantities: dict[str, Quantity] = {}
        self._under_way: list[str] = []
        self._reads = Reads()

    def compile(self) -> Plan | None:
        """Compile everything; faults are reported at their line. None: some were, and noted."""
        self._given()
        clauses = self._composition()
        for group in ("things", "supporters", "persons", "household", "limits"):
            for name in getattr(self._model, group):
                with self._at((group, name)):
                    self._named(name)
        unknowns = self._unknowns()
        found = [self._test(i, t) for i, t in enumerate(self._model.tests)]
        tests = tuple(t for t in found if t is not None)
        for loc, name, fits in paid(self._model):
            with self._at(loc):
                fits(self._named(name))
        for group, name in () if self._faulty else unused(self._model, self._reads):
            with self._at((group, name)):
                raise Fault("it is never used", "remove it, or use it where a test compares")
        if self._faulty:
            return None
        leaves = self._reads.leaves("counted")
        return Plan(
            model=self._model,
            measures=tuple(self._measures.values()),
            limits=self._limits,
            figures=self._figures,
            quantities=self._quantities,
            populations=self._populations,
            clauses=clauses,
            tests=tests,
            composition_measures=leaves & self._measures.keys(),
            composition_limits=leaves & self._limits.keys(),
            unknowns=unknowns,
            early=early_aggregates(self._quantities),
        )

    @contextmanager
    def _at(self, loc: Loc) -> Iterator[None]:
        with located(self._document, loc):
            try:
                yield
            except Fault:
                self._faulty = True
                raise

    # -- what is given, and the composition ----------------------------------------------------

    def _given(self) -> None:
        for m in self._measures.values():
            kind = Kind(m.unit, m.cap, nonneg=m.model.of != "amount")
            self._quantities[m.name] = Quantity(m.name, m.level, kind, m.model.title.text)
        for name, (level, kind, title) in ALWAYS.items():
            self._quantities[name] = Quantity(name, level, kind, title)
        for limit in self._figures.values():
            self._figure(limit)
        for name, window in self._model.windows.items():
            key, n = f"{name}_months", window.months
            kind = Kind(Unit.MONTHS, n, constant=n)
            self._quantities[key] = Quantity(key, HOUSEHOLD, kind, window.title.text)

    def _figure(self, limit: Limit) -> None:
        mag = max([1, *(abs(e.lo) for e in limit.entries)])
        if any(e.unknown is not None for e in limit.entries):
            mag = CAPS[limit.unit] * limit.den
        kind = Kind(limit.unit, mag, den=limit.den)
        title = limit.model.title.text
        self._quantities[limit.name] = Quantity(limit.name, HOUSEHOLD, kind, title)

    def _banded(self, limit: Limit) -> Quantity:
        """A limit that goes by bands or words: its figures, and the choice between them."""
        by = [self._named(name) for name in limit.model.by]
        texts = [q.kind.unit is Unit.TEXT for q in by]
        if all(texts):
            found = bands.by_words(limit, [words_of(q.name, self._model.areas) for q in by])
        elif any(texts) or len(by) > 1:
            raise Fault("a limit goes by one number, or by one or two words")
        else:
            found = bands.by_number(limit, by[0].kind.unit)
        for figure in found.figures.values():
            self._figures[figure.name] = figure
            self._figure(figure)
        for edge, value in found.edges.items():
            kind = Kind(by[0].kind.unit, max(value, 1), constant=value)
            self._quantities[edge] = Quantity(edge, HOUSEHOLD, kind, limit.model.title.text)
        levels = {q.level for q in by} - {HOUSEHOLD}
        if len(levels) > 1:
            raise Fault("a limit goes by quantities of one kind of thing")
        level = levels.pop() if levels else HOUSEHOLD
        kind = self._kind(found.formula, level)
        self._reads.add(limit.name, found.formula)
        quantity = Quantity(limit.name, level, kind, limit.model.title.text, found.formula)
        self._quantities[limit.name] = quantity
        return quantity

    def _composition(self) -> tuple[ex.Expression, ...]:
        trees = []
        for i, clause in enumerate(self._model.composition):
            with self._at(("composition", i, "when")):
                tree = ex.parse(clause.when)
                trees.append(tree)
                kinds.logic(self._kind(tree, PERSON))
        self._reads.add("counted", *trees)
        self._quantities["counted"] = Quantity("counted", PERSON, kinds.TRUTH, COUNTED)
        return tuple(trees)

    # -- named quantities ----------------------------------------------------------------------

    def _named(self, name: str) -> Quantity:
        if name in self._quantities:
            return self._quantities[name]
        if name == "counted":
            raise Fault("`counted` is what the composition decides; it cannot be used in it")
        if name in self._broken:
            raise Known("reported already")
        if name in self._under_way:
            circle = " -> ".join([*self._under_way[self._under_way.index(name) :], name])
            raise Fault(f"it is defined by itself: {circle}", "break the circle")
        self._under_way.append(name)
        try:
            quantity = self._made(name)
        finally:
            self._under_way.pop()
        if quantity is None:
            self._broken.add(name)
            raise Known("reported already")
        return quantity

    def _made(self, name: str) -> Quantity | None:
        """A quantity from its definition; None where that is at fault, and reported."""
        if name in self._limits:
            with self._at(("limits", name)):
                return self._banded(self._limits[name])
            return None
        level, model = self._find(name)
        group = _GROUPS[THING if model.each else level]
        cite, each = tuple(model.cite), model.each or ""
        if each:
            self._reads.add_name(name, each)
        with self._at((group, name, "is")):
            kind, tree = self._typed(name, level, model.formula)
            kind = kinds.declared(named(model.unit, self._model.currency), kind)
            note = model.note.text if model.note else None
            quantity = Quantity(name, level, kind, model.title.text, tree, cite, note, each)
            self._quantities[name] = quantity
            return quantity
        return None

    def _find(self, name: str) -> tuple[str, QuantityM]:
        model = self._model
        for level, group in (
            (PERSON, "persons"),
            (HOUSEHOLD, "household"),
            (SUPPORTER, "supporters"),
        ):
            if (found := getattr(model, group).get(name)) is not None:
                with self._at((group, name)):
                    if found.each is not None:
                        raise Fault("`each` is for things", "move it to `things`, or remove `each`")
                return level, found
        if (found := model.things.get(name)) is not None:
            with self._at(("things", name)):
                counted = self._measures.get(found.each or "")
                if counted is None or counted.model.of != "count":
                    raise Fault(
                        "a quantity of things says which things it is about",
                        "add `each:` with the name of a fact measure `of: count`",
                    )
                return things_of(counted.name), found
        groups = (model.facts, self._limits, model.things, model.supporters, model.persons)
        known = {*model.household, *ATTRIBUTES}.union(*groups)
        raise Fault(f"`{name}` is not known", "names are: " + ", ".join(sorted(known)))

    def _typed(self, name: str, level: str, formula: str) -> tuple[Kind, ex.Expression]:
        tree = ex.parse(formula)
        self._reads.add(name, tree)
        return self._kind(tree, level), tree

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
            case ex.Round(_, of, step):
                return kinds.rounded(kind(of), step)
            case ex.Decline(of, _, years):
                return kinds.decline(kind(of), kind(years))
            case ex.Aggregate():
                return self._aggregate(tree, level)

    def _reference(self, name: str, level: str) -> Kind:
        if level.startswith(THING) and name in THING_ATTRIBUTES:
            return self._detail(name).kind
        if name in THING_ATTRIBUTES:
            raise Fault(
                f"`{name}` is of one thing", "name a quantity of it under `things`, then add it up"
            )
        quantity = self._named(name)
        thing = name in self._measures and quantity.level == HOUSEHOLD
        if thing and "counted" not in self._quantities:
            raise Fault("what the members own cannot decide who counts")
        if quantity.level in (level, HOUSEHOLD):
            return quantity.kind
        if quantity.level == PERSON and level == SUPPORTER and self._stands_alone(name):
            return quantity.kind  # the same facts and formula, of a supporter
        if quantity.level == PERSON and level == HOUSEHOLD:
            raise Fault(
                f"`{name}` is a quantity of each person", f"add the members up: SUM({name})"
            )
        what = {SUPPORTER: "supporter"}.get(quantity.level, "member")
        what = "thing" if quantity.level.startswith(THING) else what
        raise Fault(f"`{name}` is a quantity of each {what}", f"add them up: SUM({name})")

    def _detail(self, name: str) -> Quantity:
        """An attribute of a thing, known to the plan once some quantity looks at it."""
        if name not in self._quantities:
            kind, title = DETAILS[name]
            self._quantities[name] = Quantity(name, THING, kind, title)
        return self._quantities[name]

    def _stands_alone(self, name: str) -> bool:
        """Whether a member's quantity rests on that member's own facts and on limits only."""
        if name == "counted":
            return False
        quantity = self._quantities[name]
        if quantity.formula is None:
            return True
        trees = ex.walk(quantity.formula)
        if any(isinstance(t, ex.Aggregate) for t in trees):
            return False
        return all(
            self._quantities[n].level == HOUSEHOLD or self._stands_alone(n)
            for n in ex.names(quantity.formula)
        )

    def _aggregate(self, tree: ex.Aggregate, level: str) -> Kind:
        if level != HOUSEHOLD:
            whose = "a thing's" if level.startswith(THING) else f"a {level}'s"
            raise Fault(f"{whose} quantity cannot add up the household", "name it in `household`")
        if "counted" not in self._quantities:
            raise Fault("the composition cannot add up the members it is to decide on")
        population = self._population(tree.of)
        self._populations[tree] = population
        of = self._kind(tree.of, population)
        return kinds.aggregate(tree.function, of, of_things=population.startswith(THING))

    def _population(self, tree: ex.Expression) -> str:
        """Whom an aggregate adds up: by the names in it, members where it names nobody else."""
        levels = set()
        for name in ex.names(tree):
            if name in THING_ATTRIBUTES:
                raise Fault(
                    f"`{name}` is of one thing",
                    "name a quantity of it under `things`, then add it up",
                )
            levels.add(self._named(name).level)
        levels -= {HOUSEHOLD}
        if SUPPORTER in levels:
            levels.discard(PERSON)
        if len(levels) > 1:
            raise Fault("it adds up different things at once", "add them up one by one")
        return levels.pop() if levels else PERSON

    # -- tests, benefit, unknowns --------------------------------------------------------------

    def _test(self, i: int, model: TestM) -> Test | None:
        """A compiled test; None where something in it is at fault, and reported."""
        at: Loc = ("tests", i)
        name = model.test
        with self._at(at):
            if any(t.test == name for t in self._model.tests[:i]):
                raise Fault(f"two tests are named {name}", "give one of them another name")
        value = None
        with self._at((*at, "value")):
            value = self._named(model.value)
            if value.level != HOUSEHOLD or value.kind.unit in (Unit.TRUTH, Unit.TEXT):
                raise Fault("a test compares a household quantity", "name it under `household`")
        with self._at((*at, "limit")):
            limit = self._helper(f"{name}#limit", model.limit)
            if value is not None:
                kinds.compare(value.kind, limit.kind)
        refers = "TRUE" if model.effect == "refer" else model.refer_when or "FALSE"
        for part, formula in (
            ("applies_when", model.applies_when or "TRUE"),
            ("refer_when", refers),
        ):
            with self._at((*at, part)):
                kinds.logic(self._helper(f"{name}#{part}", formula).kind)
        if value is None or self._faulty:
            return None
        parts = [f"{name}#{p}" for p in ("limit", "applies_when", "refer_when")]
        own = frozenset[str]().union(*(self._reads.leaves(p) for p in (model.value, *parts)))
        everything = own | self._reads.leaves("counted")
        return Test(
            model=model,
            unit=value.kind.unit,
            measures=everything & self._measures.keys(),
            own_measures=own & self._measures.keys(),
            limits=everything & self._limits.keys(),
            limit_sources=tuple(sorted(self._reads.leaves(f"{name}#limit") & self._limits.keys())),
        )

    def _helper(self, name: str, formula: str) -> Quantity:
        kind, tree = self._typed(name, HOUSEHOLD, formula)
        quantity = Quantity(name, HOUSEHOLD, kind, Text(name, name), tree)
        self._quantities[name] = quantity
        return quantity

    def _unknowns(self) -> dict[str, UnknownM]:
        found: dict[str, UnknownM] = {}
        for name, limit in self._limits.items():
            for i, entry in enumerate(limit.model.entries):
                if entry.unknown is None:
                    continue
                with self._at(("limits", name, "entries", i, "unknown")):
                    known = found.setdefault(entry.unknown.doubt, entry.unknown)
                    if known != entry.unknown:
                        raise Fault(
                            f"the doubt {known.doubt} is worded in two ways",
                            "use the same words, or another name",
                        )
                    formula = known.arises_when or "TRUE"
                    kinds.logic(self._helper(f"arises#{known.doubt}", formula).kind)
        return dict(sorted(found.items()))
