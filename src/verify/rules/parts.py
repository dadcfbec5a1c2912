"""Contributions in a world: settled, open or examined, and added up.

Money and truths are added up per member; things per household, each thing once, however many
members own it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from verify.rules.interval import POSITION, Column, constant
from verify.rules.plan import HOUSEHOLD, SUPPORTER, Measure, Plan
from verify.rules.portions import ANNUAL, BINARY, CERTAIN, DETAIL, MISSING
from verify.rules.things import Things, thing_table
from verify.rules.units import Unit

PART = ["h", "p", "m", "cap", "largest", "cls", "lo", "hi", "fuzzy", "place", "object", "thing"]
"""Columns of a part: a contribution with the bit of its examined doubt (0: not examined)."""

_TOTAL = ["m", "cap", "largest", "thing"]


def part_columns(plan: Plan) -> list[str]:
    """Columns of the parts of a plan: with the details of things that it looks at."""
    return [*PART, *plan.details]


class Totals:
    """Measures of persons and of households in every world, from the parts of a batch.

    `persons` and `supporters` have row and p, sorted; `worlds` numbers the rows from 0.
    """

    def __init__(
        self,
        plan: Plan,
        parts: pl.DataFrame,
        worlds: pl.DataFrame,
        persons: pl.DataFrame,
        supporters: pl.DataFrame,
    ) -> None:
        self._plan, self._measures = plan, plan.measures
        self._rows, self._members = worlds.height, persons.height
        people = persons if supporters.is_empty() else pl.concat([persons, supporters])
        keyed = (
            worlds["row", "h", "bits", "open"]
            .join(parts, on="h")
            .join(people.with_row_index("position"), on=["row", "p"])
        )
        settled = _settled(keyed)
        is_thing = settled["thing"]
        things = settled.filter(is_thing)
        sums = added_up(settled.filter(~is_thing), ["position", *_TOTAL])
        self._of_people = self._slots(sums, "position", people.height)
        self._of_households: _Slots | None = None
        self._of_supporters: _Slots | None = None
        self._things, self._their_things = things, things.clear()
        if supporters.height:
            ours = things["position"] < self._members
            self._things, self._their_things = things.filter(ours), things.filter(~ours)

    def column(self, measure: Measure, counted: Callable[[], Column], level: str = "") -> Column:
        """One measure: of members, of supporters, or (things) of households; truths as Booleans.

        `counted` says who counts; it is asked for things only.
        """
        if level == SUPPORTER:
            lo, hi = self._of_supporter(measure)
        elif measure.level == HOUSEHOLD:
            if self._of_households is None:
                self._of_households = self._things_added_up(counted())
            lo, hi = self._of_households.of(measure)
        else:
            lo, hi = (e.head(self._members) for e in self._of_people.of(measure))
        if measure.unit is Unit.TRUTH:
            lo, hi = lo.cast(pl.Boolean), hi.cast(pl.Boolean)
        if not lo.null_count() and not hi.null_count() and lo.equals(hi):
            return Column(lo, lo)
        return Column(lo, hi)

    def things(self, measure: Measure, counted: Column) -> Things:
        """The things that a measure counts, one by one, as far as members who count own them."""
        return thing_table(self._theirs(counted), measure, self._plan.details_of(measure.name))

    def _of_supporter(self, measure: Measure) -> tuple[pl.Series, pl.Series]:
        if measure.level != HOUSEHOLD:
            lo, hi = self._of_people.of(measure)
            return lo.slice(self._members), hi.slice(self._members)
        people = self._of_people.starts.len()
        if self._of_supporters is None:
            each = each_thing(self._their_things, ["position", *_TOTAL])
            self._of_supporters = self._slots(
                added_up(each, ["position", *_TOTAL]), "position", people
            )
        lo, hi = self._of_supporters.of(measure)
        return lo.slice(self._members), hi.slice(self._members)

    def _theirs(self, counted: Column) -> pl.DataFrame:
        """Things as far as members who count own them."""
        owner = self._things["position"].cast(POSITION)
        certainly, perhaps = counted.lo[owner], counted.hi[owner]
        nothing = constant(0, len(owner)).lo
        return self._things.with_columns(
            self._things["lo"].zip_with(certainly, nothing).alias("lo"),
            self._things["hi"].zip_with(perhaps, nothing).alias("hi"),
        )

    def _things_added_up(self, counted: Column) -> _Slots:
        """Each thing once: as far as any of its owners who count owns it."""
        if self._things.is_empty():
            return self._slots(None, "row", self._rows)
        each = each_thing(self._theirs(counted), ["row", *_TOTAL])
        return self._slots(added_up(each, ["row", *_TOTAL]), "row", self._rows)

    def _slots(self, sums: pl.DataFrame | None, row: str, rows: int) -> _Slots:
        """Lay sums by row and measure out densely, nought where there is none."""
        width = len(self._measures)
        lo = hi = constant(0, rows * width).lo
        if sums is not None and sums.height:
            slots = sums[row].cast(pl.Int64) * width + sums["m"]
            lo, hi = (lo.clone().scatter(slots, sums[end]) for end in ("lo", "hi"))
        return _Slots(lo, hi, pl.Series(range(0, rows * width, width), dtype=POSITION))


def each_thing(things: pl.DataFrame, of: list[str]) -> pl.DataFrame:
    """One row per thing of a household or supporter, however many own it."""
    each = things.group_by(*of, "object").agg(
        pl.col("lo", "hi").max(), pl.col("hi").null_count().alias("open")
    )
    return each.with_columns(hi=pl.when(pl.col("open") == 0).then("hi"))


@dataclass(frozen=True)
class _Slots:
    """Row after row, one slot per measure."""

    lo: pl.Series
    hi: pl.Series
    starts: pl.Series

    def of(self, measure: Measure) -> tuple[pl.Series, pl.Series]:
        """Both ends of one measure in every row."""
        here = self.starts + measure.index
        return self.lo[here], self.hi[here]


def condensed(plan: Plan, parts: pl.DataFrame) -> pl.DataFrame:
    """Add up, per member and measure, what does not hang on an examined doubt.

    Those parts are the same in every world, so the worlds need only carry their total. Things
    that are looked at one by one stay as they are.
    """
    zero = pl.lit(0, dtype=pl.Int64)
    kept = (pl.col("place") > 0) | pl.col("m").is_in(sorted(plan.detailed))
    fixed = parts.filter(~kept).with_columns(bits=zero, open=zero)
    # Money has no object to keep apart; a thing keeps its own, see `Totals`.
    fixed = fixed.with_columns(object=pl.when(pl.col("thing")).then("object").otherwise(pl.lit("")))
    by = ["h", "p", "object", *_TOTAL]
    certain = pl.lit(CERTAIN, dtype=pl.Int64)
    total = added_up(_settled(fixed), by).with_columns(cls=certain, fuzzy=pl.lit(False), place=zero)
    details = [pl.lit(None, dtype=parts.schema[d]).alias(d) for d in plan.details]
    columns = part_columns(plan)
    return pl.concat(
        [total.with_columns(details).select(columns), parts.filter(kept).select(columns)]
    )


def _settled(frame: pl.DataFrame) -> pl.DataFrame:
    """Bounds of each part in its world; see FACTS in `verify.frames` for the meaning."""
    if not ((frame["cls"] != CERTAIN) | frame["fuzzy"]).any():
        return frame.with_columns(told=pl.lit(None, dtype=pl.Int64))  # nothing hangs on any doubt
    lo, hi, cls, place = pl.col("lo"), pl.col("hi"), pl.col("cls"), pl.col("place")
    # min_horizontal and max_horizontal skip nulls: an unbounded end must stay unbounded.
    # A number that nobody stated is at least what the rulebook says; anything else, nothing.
    least = pl.when(pl.col("largest") & (cls == MISSING)).then(lo).otherwise(0)
    low = pl.when(lo.is_not_null()).then(pl.min_horizontal(lo, least))
    high = pl.when(hi.is_not_null()).then(pl.max_horizontal(hi, 0))
    examined = place > 0
    bit = pl.when(examined).then(place).otherwise(1)
    left_open = pl.col("open") // bit % 2 == 1
    there = cls.is_in([CERTAIN, DETAIL])
    is_open = ~there & (~examined | left_open)
    answered = examined & ~left_open
    no = ~there & answered & (pl.col("bits") // bit % 2 == 0)
    ranged = examined & cls.is_in([MISSING, ANNUAL])
    most = pl.when(cls == MISSING).then(hi.fill_null(pl.col("cap"))).otherwise(hi)
    # A truth settled "yes" is true, however cautiously its lower end was stated.
    said = pl.when(examined & pl.col("largest") & (cls == BINARY)).then(hi).otherwise(lo)
    widened = is_open | (pl.col("fuzzy") & ~no & ~ranged)

    def end(widest: pl.Expr, exact: pl.Expr) -> pl.Expr:
        return (
            pl.when(widened)
            .then(widest)
            .when(no)
            .then(least)
            .when(ranged)
            .then(most)
            .otherwise(exact)
        )

    # An unknown detail, settled: as much as it can be, or nothing.
    told = answered & cls.is_in([MISSING, DETAIL])
    detail = pl.when(told).then(pl.col("bits") // bit % 2)
    return frame.with_columns(lo=end(low, said), hi=end(high, hi), told=detail)


def added_up(frame: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Sum (of truths: largest) of parts, cut at the cap of the measure's unit.

    `sum` and `max` skip nulls, so unbounded ends are put back by hand. Beyond the cap a value
    reads "at least this much": still true, and safe from overflow.
    """
    lo, hi, cap, largest = pl.col("lo"), pl.col("hi"), pl.col("cap"), pl.col("largest")
    ends = pl.col("lo", "hi")
    sums = frame.group_by(by).agg(
        ends.sum(),
        ends.max().name.suffix("_max"),
        ends.null_count().name.suffix("_open"),
    )
    lo_all = pl.when(largest).then(pl.col("lo_max")).otherwise(lo)
    hi_all = pl.when(largest).then(pl.col("hi_max")).otherwise(hi)
    bounded_hi = (pl.col("hi_open") == 0) & (hi_all <= cap)
    return sums.with_columns(
        lo=pl.when((pl.col("lo_open") == 0) & (lo_all >= -cap)).then(lo_all.clip(upper_bound=cap)),
        hi=pl.when(bounded_hi).then(hi_all.clip(lower_bound=-cap)).when(largest).then(cap),
    )
