"""Compile a rulebook into a plan: resolve names, check units, order the steps.

Every fault is a `ContentError` with the file and line of the expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import polars as pl

from verify.content import Document, Loc
from verify.domain.errors import ContentError
from verify.domain.verdict import Text
from verify.rules import expressions as ex
from verify.rules import interval as iv
from verify.rules.dated import Limit
from verify.rules.expressions import Fault
from verify.rules.grammar import ATTRIBUTES, QuantityM, RulebookM, TestM, UnknownM
from verify.rules.interval import Value
from verify.rules.plan import HOUSEHOLD, PERSON, Measure, Plan, Quantity, Test
from verify.rules.stages import Step, columns, from_columns, schedule, stored
from verify.rules.units import CAPS, COUNTS, Unit

_ATTRIBUTE_TITLES = {
    "age": Text("周岁", "age in completed years"),
    "relation": Text("与申请人关系", "relation to the applicant"),
    "residence": Text("城乡", "urban or rural"),
    "counted": Text("计入家庭人口", "counts as a member"),
}


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
        self._steps: list[Step] = []
        self._under_way: list[str] = []
        self._aggregates: dict[ex.Aggregate, tuple[str, Value]] = {}
        self._hidden: dict[tuple[ex.Expression, str], tuple[str, Value]] = {}
        self._closure: dict[str, frozenset[str]] = {}
        self._needs: dict[str, frozenset[str]] = {}
        self._used: set[str] = set()

    def compile(self) -> Plan:
        """Compile everything; faults are reported at their line."""
        self._base()
        self._composition()
        for group in ("persons", "household"):
            for name in getattr(self._model, group):
                self._named(name)
        unknowns = self._unknowns()
        tests = tuple(self._test(i, t) for i, t in enumerate(self._model.tests))
        benefit = self._benefit()
        self._check_used()
        leaves = self._leaves("counted")
        return Plan(
            model=self._model,
            measures=tuple(self._measures.values()),
            limits=self._limits,
            windows=self._model.windows,
            quantities=self._quantities,
            stages=schedule(self._steps, self._given()),
            tests=tests,
            composition_measures=leaves & self._measures.keys(),
            composition_limits=leaves & self._limits.keys(),
            unknowns=unknowns,
            benefit=benefit,
        )

    # -- what is given -------------------------------------------------------------------------

    def _base(self) -> None:
        for m in self._measures.values():
            nonneg = m.model.of != "amount"
            self._give(m.name, PERSON, m.unit, m.cap, nonneg, m.model.title.text)
        self._give("age", PERSON, Unit.YEARS, 1000, True, _ATTRIBUTE_TITLES["age"])
        self._give("relation", PERSON, Unit.TEXT, 1, True, _ATTRIBUTE_TITLES["relation"])
        self._give("residence", HOUSEHOLD, Unit.TEXT, 1, True, _ATTRIBUTE_TITLES["residence"])
        for limit in self._limits.values():
            cap = CAPS[limit.unit]
            self._give(limit.name, HOUSEHOLD, limit.unit, cap, True, limit.model.title.text)
        for name, window in self._model.windows.items():
            months = replace(iv.number(window.months), unit=Unit.MONTHS)
            key = f"{name}_months"
            self._quantities[key] = Quantity(key, HOUSEHOLD, months, window.title.text, None)

    def _give(self, name: str, level: str, unit: Unit, mag: int, nonneg: bool, title: Text) -> None:
        blank = pl.lit(0, dtype=pl.Int64)
        value = from_columns(name, Value(blank, blank, unit, mag, nonneg))
        self._quantities[name] = Quantity(name, level, value, title, None)

    def _given(self) -> set[tuple[str, str]]:
        return {(q.level, q.name) for q in self._quantities.values() if q.formula is None} | {
            (HOUSEHOLD, f"{c.code}#in_force") for c in self._model.composition
        }

    # -- composition ---------------------------------------------------------------------------

    def _composition(self) -> None:
        clauses: list[tuple[Value, bool]] = []
        reads: set[str] = set()
        for i, clause in enumerate(self._model.composition):
            with located(self._document, ("composition", i, "when")):
                holds = self._operand(ex.parse(clause.when), PERSON, reads)
                iv.negated(holds)  # a condition, or a fault here
            if clause.effective_from or clause.effective_to:
                holds = iv.both("and", self._in_force(clause.code, reads), holds)
            clauses.append((holds, clause.counts))
        counted = iv.first_clause(clauses)
        reason = pl.lit("no_clause_applies")
        for (holds, _), clause in zip(reversed(clauses), reversed(self._model.composition), strict=True):
            reason = pl.when(holds.hi == 1).then(pl.lit(clause.code)).otherwise(reason)
        exprs = (*stored("counted", counted), reason.alias("counted.reason"))
        self._step(PERSON, "counted", exprs, columns("counted", counted), reads)
        value = from_columns("counted", counted)
        title = _ATTRIBUTE_TITLES["counted"]
        self._quantities["counted"] = Quantity("counted", PERSON, value, title, ex.Truth(True))

    def _in_force(self, code: str, reads: set[str]) -> Value:
        name = f"{code}#in_force"
        reads.add(name)
        self._copy_to_persons(name, [name])
        flag = pl.col(name)
        return Value(flag, flag, Unit.TRUTH, 1, True)

    # -- named quantities ----------------------------------------------------------------------

    def _named(self, name: str) -> Quantity:
        self._used.add(name)
        if name in self._quantities:
            return self._quantities[name]
        if name == "counted":
            raise Fault("`counted` is decided by the composition and cannot be used in it")
        level, model = self._find(name)
        group = "persons" if level == PERSON else "household"
        if name in self._under_way:
            circle = " -> ".join([*self._under_way[self._under_way.index(name) :], name])
            raise Fault(f"it is defined by itself: {circle}", "break the circle")
        self._under_way.append(name)
        with located(self._document, (group, name, "is")):
            quantity = self._define(name, level, model.formula, model)
        self._under_way.pop()
        return quantity

    def _find(self, name: str) -> tuple[str, QuantityM]:
        if name in self._model.persons:
            return PERSON, self._model.persons[name]
        if name in self._model.household:
            return HOUSEHOLD, self._model.household[name]
        known = {*self._model.facts, *self._limits, *self._model.persons, *self._model.household}
        raise Fault(
            f"`{name}` is not known",
            "names are: " + ", ".join(sorted({*known, *ATTRIBUTES})),
        )

    def _define(self, name: str, level: str, formula: str, model: QuantityM | None) -> Quantity:
        tree = ex.parse(formula)
        reads: set[str] = set()
        value = self._value(tree, level, reads)
        if model is not None:
            value = replace(value, unit=_declared(Unit(model.unit), value.unit))
        self._step(level, name, tuple(stored(name, value)), columns(name, value), reads)
        quantity = Quantity(
            name,
            level,
            from_columns(name, value),
            model.title.text if model else Text(name, name),
            tree,
            tuple(model.cite) if model else (),
            model.note.text if model and model.note else None,
        )
        self._quantities[name] = quantity
        return quantity

    # -- expressions ---------------------------------------------------------------------------

    def _value(self, tree: ex.Expression, level: str, reads: set[str]) -> Value:
        """Bounds of an expression; `reads` collects the columns it stands on."""
        operand = partial(self._operand, level=level, reads=reads)
        match tree:
            case ex.Number(n):
                return iv.number(n)
            case ex.Truth(flag):
                return iv.literal_truth(flag)
            case ex.Word():
                raise Fault("a text stands alone", "write relation = 'self'")
            case ex.Name(name):
                return self._reference(name, level, reads)
            case ex.Arithmetic("+", left, right):
                return iv.add(operand(left), operand(right))
            case ex.Arithmetic("-", left, right):
                return iv.add(operand(left), operand(right), -1)
            case ex.Arithmetic("*", left, right):
                return iv.multiply(operand(left), operand(right))
            case ex.Arithmetic(_, left, right):
                return iv.divide(operand(left), operand(right))
            case ex.Compare("=", item, ex.Word(text)):
                return _one_of(operand(item), (text,))
            case ex.Compare("<>", item, ex.Word(text)):
                return iv.negated(_one_of(operand(item), (text,)))
            case ex.Compare(operator, left, right):
                return iv.compare(operator, operand(left), operand(right))
            case ex.Logic(operator, left, right):
                return iv.both(operator, operand(left), operand(right))
            case ex.Not(of):
                return iv.negated(operand(of))
            case ex.OneOf(item, words):
                return _one_of(operand(item), words)
            case ex.Choice(function, items):
                return iv.choose(function, [operand(i) for i in items])
            case ex.Case(branches, otherwise):
                return iv.case([(operand(c), operand(v)) for c, v in branches], operand(otherwise))
            case ex.Aggregate():
                return self._aggregate(tree, level, reads)

    def _operand(self, tree: ex.Expression, level: str, reads: set[str]) -> Value:
        """An operand. CASE, LEAST and GREATEST use their operands several times, so nested ones
        get columns of their own: the size of the whole stays proportional to what was written.
        """
        if not isinstance(tree, ex.Case | ex.Choice):
            return self._value(tree, level, reads)
        key = (tree, level)
        if key not in self._hidden:
            inner: set[str] = set()
            value = self._value(tree, level, inner)
            name = f"~{len(self._hidden)}"
            self._hidden[key] = (name, from_columns(name, value))
            self._step(level, name, tuple(stored(name, value)), columns(name, value), inner)
        name, value = self._hidden[key]
        reads.add(name)
        return value

    def _reference(self, name: str, level: str, reads: set[str]) -> Value:
        quantity = self._named(name)
        if quantity.level == PERSON and level == HOUSEHOLD:
            raise Fault(
                f"`{name}` is a quantity of each person", f"add the members up: SUM({name})"
            )
        reads.add(name)
        if quantity.level == HOUSEHOLD and level == PERSON and quantity.value.constant is None:
            self._copy_to_persons(name, columns(name, quantity.value))
        return quantity.value

    def _copy_to_persons(self, name: str, cols: list[str]) -> None:
        key = (PERSON, name)
        if all(s.gives != key for s in self._steps):
            needs = frozenset({(HOUSEHOLD, name)})
            self._steps.append(Step("spread", (), tuple(cols), needs, key))

    def _aggregate(self, tree: ex.Aggregate, level: str, reads: set[str]) -> Value:
        if level == PERSON:
            raise Fault("a person's quantity cannot add up the household", "name it in `household`")
        if any(isinstance(n, ex.Aggregate) for n in ex.walk(tree.of)):
            raise Fault("an aggregate of an aggregate has no meaning")
        if "counted" not in self._quantities:
            raise Fault("the composition cannot add up the members it is to decide on")
        if tree not in self._aggregates:
            inner: set[str] = set()
            of = self._operand(tree.of, PERSON, inner)
            value = iv.aggregate(tree.function, of, self._quantities["counted"].value)
            name = f"#{len(self._aggregates)}"
            self._aggregates[tree] = (name, from_columns(name, value))
            exprs, cols = tuple(stored(name, value)), columns(name, value)
            self._step("aggregate", name, exprs, cols, {*inner, "counted"})
        name, value = self._aggregates[tree]
        reads.add(name)
        return value

    def _step(
        self, kind: str, name: str, exprs: tuple[pl.Expr, ...], cols: list[str], reads: set[str]
    ) -> None:
        frame = HOUSEHOLD if kind == HOUSEHOLD else PERSON
        needs = {
            (HOUSEHOLD if n.startswith("#") else frame, n)
            for n in reads
            if n not in self._quantities or self._quantities[n].value.constant is None
        }
        gives = (PERSON if kind == PERSON else HOUSEHOLD, name)
        self._steps.append(Step(kind, exprs, tuple(cols), frozenset(needs), gives))
        self._needs[name] = frozenset(reads)

    # -- tests, benefit, unknowns --------------------------------------------------------------

    def _test(self, i: int, model: TestM) -> Test:
        at: Loc = ("tests", i)
        name = model.test
        with located(self._document, (*at, "value")):
            value = self._named(model.value)
            if value.level != HOUSEHOLD or value.value.unit in (Unit.TRUTH, Unit.TEXT):
                raise Fault("a test compares a household quantity", "name it under `household`")
        limit = self._helper(f"{name}#limit", model.limit, (*at, "limit"))
        operators = _operators(model)
        with located(self._document, (*at, "limit")):
            options = [iv.compare(o, value.value, limit.value) for o in operators]
            holds = _picked(f"{name}#operator", options)
        self._step(
            HOUSEHOLD,
            f"{name}#holds",
            tuple(stored(f"{name}#holds", holds)),
            columns(f"{name}#holds", holds),
            {model.value, f"{name}#limit"},
        )
        applies = self._truth(f"{name}#applies", model.applies_when or "TRUE", (*at, "applies_when"))
        refers = "TRUE" if model.effect == "refer" else model.refer_when or "FALSE"
        refer = self._truth(f"{name}#refers", refers, (*at, "refer_when"))
        own: set[str] = set()
        for part in (model.value, f"{name}#limit", applies, refer):
            own |= self._leaves(part)
        everything = own | self._leaves("counted")
        return Test(
            model=model,
            unit=value.value.unit,
            value=value.value,
            limit=limit.value,
            measures=frozenset(everything & self._measures.keys()),
            own_measures=frozenset(own & self._measures.keys()),
            limits=frozenset(everything & self._limits.keys()),
            limit_sources=tuple(sorted(self._leaves(f"{name}#limit") & self._limits.keys())),
            operators=operators,
        )

    def _helper(self, name: str, formula: str, loc: Loc) -> Quantity:
        with located(self._document, loc):
            return self._define(name, HOUSEHOLD, formula, None)

    def _truth(self, name: str, formula: str, loc: Loc) -> str:
        quantity = self._helper(name, formula, loc)
        if quantity.value.unit is not Unit.TRUTH:
            with located(self._document, loc):
                raise Fault("a condition is needed here")
        return name

    def _benefit(self) -> Value | None:
        if self._model.benefit is None:
            return None
        with located(self._document, ("benefit", "monthly")):
            quantity = self._named(self._model.benefit.monthly)
            if quantity.level != HOUSEHOLD or quantity.value.unit is not Unit.FEN_PER_MONTH:
                raise Fault("the benefit is a household amount per month")
            if quantity.value.over is not None:
                raise Fault("the benefit is of the whole household, not a quotient per member")
            return quantity.value

    def _unknowns(self) -> dict[str, UnknownM]:
        found: dict[str, UnknownM] = {}
        for name, limit in self._limits.items():
            for i, entry in enumerate(limit.model.entries):
                if entry.unknown is None:
                    continue
                known = found.setdefault(entry.unknown.doubt, entry.unknown)
                if known != entry.unknown:
                    with located(self._document, ("limits", name, "entries", i, "unknown")):
                        raise Fault(
                            f"the doubt {known.doubt} is worded in two ways",
                            "use the same words, or another name",
                        )
        for doubt, unknown in sorted(found.items()):
            self._truth(f"arises#{doubt}", unknown.arises_when or "TRUE", ("limits",))
        return found

    def _leaves(self, name: str) -> frozenset[str]:
        """What a quantity rests on, however deep; who counts is followed separately."""
        if name not in self._closure:
            found = {name}
            for part in self._needs.get(name, frozenset()) - {"counted"}:
                found |= self._leaves(part)
            self._closure[name] = frozenset(found)
        return self._closure[name]

    def _check_used(self) -> None:
        tested = {t.test for t in self._model.tests}
        if len(tested) != len(self._model.tests):
            raise ContentError("two tests have the same name", where=self._document.where(("tests",)))
        used = set(self._used)
        for n in self._needs.values():
            used |= n
        for group in ("facts", "limits", "persons", "household"):
            for name in getattr(self._model, group):
                needed = used if group in ("facts", "limits") else self._reached()
                if name not in needed and name != self._model.in_force_with:
                    raise ContentError(
                        f"{group}.{name} is never used",
                        where=self._document.where((group, name)),
                        remedy="remove it, or use it in a quantity that a test compares",
                    )

    def _reached(self) -> frozenset[str]:
        roots = ["counted", *(f"{t.test}#{p}" for t in self._model.tests for p in _PARTS)]
        roots += [t.value for t in self._model.tests] + [n for n in self._needs if "arises#" in n]
        roots += [self._model.benefit.monthly] if self._model.benefit else []
        return frozenset().union(*(self._leaves(r) for r in roots))


_PARTS = ("limit", "applies", "refers")


def _operators(model: TestM) -> tuple[str, ...]:
    if isinstance(model.operator, str):
        return (model.operator,)
    return tuple(sorted({o.operator for o in model.operator}))


def _picked(column: str, options: list[Value]) -> Value:
    """The option whose position is in the household's operator column."""
    value = options[0]
    for i, option in enumerate(options[1:], start=1):
        this = pl.col(column) == i
        value = replace(
            value,
            lo=pl.when(this).then(option.lo).otherwise(value.lo),
            hi=pl.when(this).then(option.hi).otherwise(value.hi),
        )
    return value


def _declared(declared: Unit, computed: Unit) -> Unit:
    fits = declared is computed or computed is Unit.ZERO
    if not fits and not (computed is Unit.NUMBER and declared in COUNTS):
        raise Fault(f"it is declared in {declared} but computes {computed}")
    return declared


def _one_of(value: Value, words: tuple[str, ...]) -> Value:
    if value.unit is not Unit.TEXT:
        raise Fault(f"{value.unit} is compared with a text")
    same = value.lo.is_in(list(words))
    return iv.truth(same, same)
