"""Run a plan over worlds: rows of (household, which doubts are settled how).

The same expressions judge a household as it stands (every doubt open) and every way in which its
doubts could be settled. A *world* is one such row:

- `bits`: for each examined doubt, one bit: settled yes (or the largest answer) or no (nothing);
- `open`: the examined doubts that stay open in this world, as a bit mask;
- `law#<doubt>` and `proof#<test>`: -1 open, 0 or 1 for a limit that the sources do not know and
  for a test that refers to a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import polars as pl

from verify.domain.verdict import FindingState
from verify.rules import expressions as ex
from verify.rules import interval as iv
from verify.rules.adding import all_of, both_ends, nought_where_none, put_back
from verify.rules.contributions import Contributions
from verify.rules.interval import POSITION, Column
from verify.rules.keys import counting
from verify.rules.open_totals import OpenTotals
from verify.rules.parts import Totals
from verify.rules.plan import DETAIL_COLUMN, HOUSEHOLD, PERSON, SUPPORTER, THING, Plan, Test
from verify.rules.things import Things
from verify.rules.units import CAPS, Unit

INELIGIBLE, UNDETERMINED, ELIGIBLE = 0, 1, 2


@dataclass(frozen=True)
class Batch:
    """Households of one rulebook, ready to be evaluated.

    `households`: texts by number of the household (residence, area_of_region) and its regime.
    `table`: by regime, limits (`.lo`, `.hi`, `.doubt`), clauses in force and operators. `people`:
    by number p, members first: h, p, relation, age, supporter. `parts`: the contributions as they
    stand, or (to be examined in worlds) as rows, see `parts.part_columns`.
    """

    plan: Plan
    households: pl.DataFrame
    table: pl.DataFrame
    people: pl.DataFrame
    parts: pl.DataFrame | Contributions


World = tuple[int, int, int, Mapping[str, int]]
"""(h, bits, open mask, law and proof settings); settings left out stay open."""


def worlds_frame(plan: Plan, worlds: Sequence[World]) -> pl.DataFrame:
    """A frame of worlds, numbered by `row`."""
    data: dict[str, list[int]] = {
        "row": list(range(len(worlds))),
        "h": [w[0] for w in worlds],
        "bits": [w[1] for w in worlds],
        "open": [w[2] for w in worlds],
        **{s: [w[3].get(s, -1) for w in worlds] for s in setting_names(plan)},
    }
    return pl.DataFrame(data, schema=dict.fromkeys(data, pl.Int64))


def setting_names(plan: Plan) -> list[str]:
    """Names of the law and proof settings of a plan."""
    return [f"law#{d}" for d in plan.unknowns] + [f"proof#{t}" for t in plan.refer_tests]


@dataclass(frozen=True)
class Judged:
    """One test in every world: `good` keeps the household eligible, `bad` makes it ineligible."""

    good: pl.Series
    bad: pl.Series
    applies: Column
    refers: Column
    holds: Column


class Evaluation:
    """Quantities, tests and outcome of a batch in every world, computed once and on demand."""

    def __init__(self, batch: Batch, worlds: pl.DataFrame | None = None) -> None:
        """`worlds`: None for one row per household, in which everything stays open."""
        self.plan = batch.plan
        self._batch = batch
        self._worlds = worlds
        regime = batch.households["regime"].cast(POSITION)
        if worlds is None:
            self._h = counting(batch.households.height)
            self._regime = regime
        else:
            self._h = worlds["h"].cast(POSITION)
            self._regime = regime[self._h]
        supporter = batch.people["supporter"]
        self.persons = self._people(
            batch.people.filter(~supporter) if supporter.any() else batch.people
        )
        self._rows_of = {PERSON: self.persons["row"].cast(POSITION)}
        self._p_of = {PERSON: self.persons["p"].cast(POSITION)}
        others = self._people(
            batch.people.filter(supporter) if supporter.any() else batch.people.clear()
        )
        self._rows_of[SUPPORTER] = others["row"].cast(POSITION)
        self._p_of[SUPPORTER] = others["p"].cast(POSITION)
        self._things: dict[str, Things] = {}
        self._totals = self._sums_of(batch.parts, others)
        self._measures = {m.name: m for m in self.plan.measures}
        self._columns: dict[tuple[str, str], Column] = {}
        self._sums: dict[ex.Aggregate, Column] = {}
        self._constants: dict[tuple[int | bool, str], Column] = {}

    def _sums_of(
        self, parts: pl.DataFrame | Contributions, others: pl.DataFrame
    ) -> Totals | OpenTotals:
        if isinstance(parts, Contributions):
            return OpenTotals(parts, len(self._h), self.persons.height)
        worlds = self._worlds
        if worlds is None:
            row = self._h.cast(pl.Int64)
            nothing = pl.zeros(len(row), pl.Int64, eager=True)
            worlds = pl.DataFrame({"row": row, "h": row, "bits": nothing, "open": nothing})
        return Totals(self.plan, parts, worlds, self.persons["row", "p"], others["row", "p"])

    def _people(self, people: pl.DataFrame) -> pl.DataFrame:
        if self._worlds is None:
            return pl.DataFrame({"row": people["h"], "h": people["h"], "p": people["p"]})
        return self._worlds["row", "h"].join(people["h", "p"], on="h", maintain_order="left_right")

    def quantity(self, name: str, level: str = "") -> Column:
        """A named quantity, one row per world or (of a member ...) per member and world.

        `level` asks for it elsewhere than where it is defined: a member's, of each supporter.
        """
        return self._at(name, level or self.plan.quantities[name].level)

    # -- names ---------------------------------------------------------------------------------

    def _at(self, name: str, level: str) -> Column:
        key = (name, level)
        if key not in self._columns:
            quantity = self.plan.quantities[name]
            if quantity.kind.constant is not None:
                column = self._constant(quantity.kind.constant, level)
            elif level == SUPPORTER and name in self._measures:
                column = self._measure(name, level)
            elif quantity.level == HOUSEHOLD and level != HOUSEHOLD:
                column = iv.spread(self._at(name, HOUSEHOLD), self._rows(level))
            elif quantity.formula is not None:
                column = self._column(quantity.formula, level)
            else:
                column = self._given(name, level)
            self._columns[key] = column
        return self._columns[key]

    def _rows(self, level: str) -> pl.Series:
        """The world that each row of a level belongs to."""
        if level.startswith(THING):
            return self.things(level).row
        return self._rows_of[level]

    def things(self, level: str) -> Things:
        """The things of a level, one by one."""
        if level not in self._things:
            measure = self._measures[level.removeprefix(f"{THING}:")]
            self._things[level] = self._totals.things(measure, self.quantity("counted"))
        return self._things[level]

    def _measure(self, name: str, level: str) -> Column:
        counted = partial(self.quantity, "counted")
        return self._totals.column(self._measures[name], counted, level)

    def _given(self, name: str, level: str) -> Column:
        if level.startswith(THING):
            return self.things(level).details[DETAIL_COLUMN.get(name, name)]
        if name in self._measures:
            return self._measure(name, level)
        if name in self.plan.figures:
            return self._limit(name)
        if name == "counted":
            return self._counted()
        if level == HOUSEHOLD:
            series = self._batch.households[name][self._h]
        else:
            series = self._batch.people[name][self._p_of[level]]
        return Column(series, series)

    def _counted(self) -> Column:
        """Who counts: by the first clause that holds; a choice was made before, see `choice`."""
        decided: list[tuple[Column, bool]] = []
        for clause, model in zip(self.clauses, self.plan.model.composition, strict=True):
            if model.counts == "choice":
                out = self._batch.people["left_out"][self._p_of[PERSON]]
                decided.append((iv.conjoin(clause, Column(out, out)), False))
            decided.append((clause, bool(model.counts)))
        return iv.first_clause(decided, len(self._p_of[PERSON]))

    def _limit(self, name: str) -> Column:
        """The value in force; an unknown one is open, or at the extreme this world examines."""
        den = self.plan.figures[name].den
        lo, hi, asked = (self._in_force(f"{name}.{part}") for part in ("lo", "hi", "doubt"))
        if self._worlds is not None and asked.null_count() < len(asked):
            cap = CAPS[self.plan.figures[name].unit] * den
            named = self._batch.table[f"{name}.doubt"].to_list()
            for doubt in sorted({d for d in named if d is not None}):
                setting = self._worlds[f"law#{doubt}"]
                examined = setting >= 0
                if not examined.any():
                    continue
                here = (asked == doubt).fill_null(False) & examined
                lo = (setting * cap).zip_with(here, lo)
                hi = (setting * cap).zip_with(here, hi)
        certain = hi.null_count() == 0 and lo.equals(hi)
        if self.plan.figures[name].unit is Unit.TRUTH:
            lo, hi = lo.cast(pl.Boolean), hi.cast(pl.Boolean)
        return Column(lo, lo if certain else hi, den)

    def _in_force(self, column: str) -> pl.Series:
        return self._batch.table[column][self._regime]

    @cached_property
    def clauses(self) -> list[Column]:
        """Per clause of the composition, whether it holds for each member."""
        found = []
        for model, tree in zip(self.plan.model.composition, self.plan.clauses, strict=True):
            holds = self._column(tree, PERSON)
            if model.effective_from or model.effective_to:
                flag = self._in_force(f"{model.code}#in_force")[self._rows_of[PERSON]]
                flag = flag.cast(pl.Boolean)
                holds = iv.conjoin(Column(flag, flag), holds)
            found.append(holds)
        return found

    # -- expressions ---------------------------------------------------------------------------

    def _column(  # noqa: PLR0911, PLR0912 - one case per operator reads best in one place
        self, tree: ex.Expression, level: str
    ) -> Column:
        column = partial(self._column, level=level)
        match tree:
            case ex.Number(value) | ex.Truth(value):
                return self._constant(value, level)
            case ex.Name(name):
                return self._at(name, level)
            case ex.Arithmetic(operator, left, right):
                return self._arithmetic(operator, left, right, level)
            case ex.Compare("=", item, ex.Word(text)):
                return iv.one_of(column(item), (text,))
            case ex.Compare("<>", item, ex.Word(text)):
                return iv.negate(iv.one_of(column(item), (text,)))
            case ex.Compare(operator, left, right):
                return iv.compare(operator, column(left), column(right))
            case ex.Logic(operator, left, right):
                combine = iv.conjoin if operator == "and" else iv.disjoin
                return combine(column(left), column(right))
            case ex.Not(of):
                return iv.negate(column(of))
            case ex.OneOf(item, words):
                return iv.one_of(column(item), words)
            case ex.Choice(function, items):
                choose = iv.least if function == "least" else iv.greatest
                return choose([column(i) for i in items])
            case ex.Case(branches, otherwise):
                return iv.case(
                    [(partial(column, c), partial(column, v)) for c, v in branches],
                    partial(column, otherwise),
                )
            case ex.Round(way, of, step):
                return iv.rounded(column(of), way, step)
            case ex.Decline(of, percent, years):
                return iv.decline(column(of), percent, column(years))
            case ex.Aggregate():
                return self._aggregate(tree)
            case ex.Word():
                raise AssertionError("a text stands alone; the compiler lets none through")

    def _arithmetic(
        self, operator: str, left: ex.Expression, right: ex.Expression, level: str
    ) -> Column:
        a = self._column(left, level)
        if operator == "/":
            divisor = self._literal(right)
            if divisor is not None:
                return iv.divide_by_number(a, divisor)
            return iv.divide(a, self._column(right, level))
        b = self._column(right, level)
        return {"+": iv.add, "-": iv.subtract, "*": iv.multiply}[operator](a, b)

    def _literal(self, tree: ex.Expression) -> int | None:
        if isinstance(tree, ex.Number):
            return tree.value
        return self.plan.quantities[tree.name].kind.constant if isinstance(tree, ex.Name) else None

    def _constant(self, value: int | bool, level: str) -> Column:
        key = (value, f"{level}/{type(value).__name__}")
        if key not in self._constants:
            rows = len(self._h) if level == HOUSEHOLD else len(self._rows(level))
            self._constants[key] = iv.constant(value, rows)
        return self._constants[key]

    # -- adding up -----------------------------------------------------------------------------

    def _aggregate(self, tree: ex.Aggregate) -> Column:
        if tree not in self._sums:
            level = self.plan.populations[tree]
            together = tree in self.plan.early
            wanted = [
                t
                for t in (self.plan.early if together else (tree,))
                if t not in self._sums and self.plan.populations[t] == level
            ]
            self._sums |= self._added_up(wanted, level)
        return self._sums[tree]

    def _added_up(self, trees: Sequence[ex.Aggregate], level: str) -> dict[ex.Aggregate, Column]:
        """Add up over the members, supporters or things of each row.

        `sum` skips nulls: unbounded is put back. A row with none of them has nought.
        """
        if len(self._h) == 1:
            return {t: all_of(t.function, self._item(t, level)) for t in trees}
        rows = self._rows(level)
        columns: dict[str, pl.Series] = {"row": rows}
        dens, exprs = [], []
        for i, tree in enumerate(trees):
            item = self._item(tree, level)
            dens.append(item.den)
            for end, series in zip(("lo", "hi"), both_ends(item), strict=False):
                name = f"{i}.{end}"
                columns[name] = series
                total = pl.col(name)
                exprs.append(total.max() if tree.function in ("any", "max") else total.sum())
                if series.null_count():
                    exprs.append(total.null_count().alias(f"{name}.open"))
        sums = pl.DataFrame(columns).group_by("row", maintain_order=True).agg(exprs)
        if sums.height < len(self._h):
            whole = pl.DataFrame({"row": counting(len(self._h))})
            sums = whole.join(sums, on="row", how="left", maintain_order="left")
            sums = nought_where_none(sums)
        found = {}
        for i, tree in enumerate(trees):
            ends = [put_back(sums, f"{i}.{e}") for e in ("lo", "hi") if f"{i}.{e}" in columns]
            if tree.function == "any":
                ends = [e.cast(pl.Boolean) for e in ends]
            found[tree] = Column(ends[0], ends[-1], dens[i])
        return found

    def _item(self, tree: ex.Aggregate, level: str) -> Column:
        """What one member, supporter or thing adds."""
        item = self._column(tree.of, level)
        truths = tree.function in ("count", "any")
        if level == PERSON:
            item = iv.if_counted(item, self.quantity("counted"), truths=truths)
            return iv.as_numbers(item) if truths else item
        item = iv.as_numbers(item) if truths else item
        if level == SUPPORTER:
            return item
        number = self.things(level).number
        if tree.function in ("any", "max"):
            there = iv.compare(">", number, iv.constant(0, len(number.lo)))
            return iv.if_counted(item, there, truths=False)
        return iv.times(item, number)

    # -- tests ---------------------------------------------------------------------------------

    @cached_property
    def tests(self) -> dict[str, Judged]:
        """Every test in every world."""
        return {t.name: self._judge(t) for t in self.plan.tests}

    def _judge(self, test: Test) -> Judged:
        n = test.name
        applies, refers = self.quantity(f"{n}#applies_when"), self.quantity(f"{n}#refer_when")
        holds = self._holds(test)
        good = ~applies.hi | holds.lo
        bad = applies.lo & ~holds.hi
        if n in self.plan.refer_tests and self._worlds is not None:
            proof = self._worlds[f"proof#{n}"]
            good = good | (refers.lo & (proof == 1))
            bad = bad & (~refers.hi | (proof == 0))
        elif n in self.plan.refer_tests:
            bad = bad & ~refers.hi
        return Judged(good, bad, applies, refers, holds)

    def _holds(self, test: Test) -> Column:
        value, limit = self.quantity(test.model.value), self.quantity(f"{test.name}#limit")
        holds = iv.compare(test.operators[0], value, limit)
        chosen = self._in_force(f"{test.name}#operator")
        for i, operator in enumerate(test.operators[1:], start=1):
            other, here = iv.compare(operator, value, limit), chosen == i
            lo, hi = other.lo.zip_with(here, holds.lo), other.hi.zip_with(here, holds.hi)
            holds = Column(lo, lo) if holds.certain and other.certain else Column(lo, hi)
        return holds

    @cached_property
    def outcomes(self) -> pl.Series:
        """Outcome of each world: INELIGIBLE, UNDETERMINED or ELIGIBLE."""
        judged = list(self.tests.values())
        good, bad = judged[0].good, judged[0].bad
        for test in judged[1:]:
            good, bad = good & test.good, bad | test.bad
        rows = len(good)
        found = iv.constant(ELIGIBLE, rows).lo.zip_with(good, iv.constant(UNDETERMINED, rows).lo)
        return iv.constant(INELIGIBLE, rows).lo.zip_with(bad, found)

    def state(self, test: str, row: int) -> FindingState:
        """How a test came out in one world."""
        judged = self.tests[test]
        if not judged.applies.hi[row]:
            return FindingState.NOT_APPLICABLE
        if judged.good[row]:
            return FindingState.SATISFIED
        return FindingState.NOT_SATISFIED if judged.bad[row] else FindingState.UNDETERMINED
