"""Measures of a batch as it stands, every doubt open: added up straight from the portions.

The same sums as `parts.Totals` makes for the worlds in which doubts are examined; here a row is a
household, so nothing is joined. Sums of neighbouring rows are differences of a running total,
which is exact in integers.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from verify.rules.contributions import Contributions, details_of, keys_of
from verify.rules.interval import POSITION, Column, constant
from verify.rules.keys import repeats
from verify.rules.parts import added_up, each_thing
from verify.rules.plan import HOUSEHOLD, SUPPORTER, Measure
from verify.rules.portions import CERTAIN, DETAIL, MISSING, Portion
from verify.rules.things import Things, thing_table
from verify.rules.units import Unit


class OpenTotals:
    """Measures of people and households; people are numbered members first."""

    def __init__(self, contributions: Contributions, households: int, members: int) -> None:
        self._contributions = contributions
        self._households, self._members = households, members
        self._people = contributions.people.height
        self._h = contributions.people["h"].cast(POSITION)

    def column(self, measure: Measure, counted: Callable[[], Column], level: str = "") -> Column:
        """One measure: of members, of supporters, or (things) of households; truths as Booleans.

        `counted` says who counts; it is asked for things only.
        """
        portion = self._contributions.portions.get(measure.index)
        of_household = measure.level == HOUSEHOLD and level != SUPPORTER
        rows = self._households if of_household else self._people
        if portion is None:
            found = constant(0, rows)
        elif of_household:
            found = self._things_of_households(portion, counted())
        elif measure.level == HOUSEHOLD:
            found = self._things(portion, self._settled(portion), portion.p, rows)
        else:
            found = _added_up(measure, portion.p, *self._settled(portion), rows)
        lo, hi = found.lo, found.hi
        if level == SUPPORTER or (not of_household and self._members < self._people):
            start, length = (self._members, None) if level == SUPPORTER else (0, self._members)
            lo = lo.slice(start, length)
            hi = lo if found.certain else found.hi.slice(start, length)
        if measure.unit is Unit.TRUTH:
            same = hi is lo
            lo = lo.cast(pl.Boolean)
            hi = lo if same else hi.cast(pl.Boolean)
        if hi is not lo and not lo.null_count() and not hi.null_count() and lo.equals(hi):
            hi = lo
        return Column(lo, hi)

    def things(self, measure: Measure, counted: Column) -> Things:
        """The things that a measure counts, one by one, as far as members who count own them."""
        portion = self._contributions.portions.get(measure.index)
        details = self._contributions.plan.details_of(measure.name)
        if portion is None:
            portion = _nothing(measure)
        ours = portion.filter(portion.p < self._members)
        lo, hi = _theirs(ours, self._settled(ours), counted)
        h = self._h[ours.p]
        facts, as_of = self._contributions.facts, self._contributions.as_of
        told = details_of(facts, ours.fact, as_of[h], details)
        owned = pl.DataFrame(
            {
                "row": h.cast(pl.Int64),
                "m": constant(measure.index, len(h)).lo,
                "lo": lo,
                "hi": hi,
                "told": pl.Series([None], dtype=pl.Int64).new_from_index(0, len(h)),
                "object": keys_of(facts, ours.fact),
                **{name: told[name] for name in details},
            }
        )
        return thing_table(owned, measure, details)

    @staticmethod
    def _settled(portion: Portion) -> tuple[pl.Series, pl.Series]:
        """Bounds with every doubt open; see FACTS in `verify.frames` for the meaning."""
        lo, hi = portion.lo, portion.hi
        if portion.cls is None and portion.fuzzy is None:
            return lo, hi
        open_ = portion.fuzzy
        if portion.cls is not None:
            hangs = (portion.cls != CERTAIN) & (portion.cls != DETAIL)
            open_ = hangs if open_ is None else open_ | hangs
        if open_ is None or not open_.any():
            return lo, hi
        nothing = constant(0, len(lo)).lo
        at_least = (lo > 0).fill_null(False) & open_
        if portion.measure.largest and portion.cls is not None:
            # A number that nobody stated is at least what the rulebook says.
            at_least = at_least & (portion.cls != MISSING)
        return (
            nothing.zip_with(at_least, lo),
            nothing.zip_with(open_ & (hi < 0).fill_null(False), hi),
        )

    def _things_of_households(self, portion: Portion, counted: Column) -> Column:
        ours = portion
        if self._members < self._people:
            ours = portion.filter(portion.p < self._members)
        bounds = _theirs(ours, self._settled(ours), counted)
        return self._things(ours, bounds, self._h[ours.p], self._households)

    def _things(
        self, portion: Portion, bounds: tuple[pl.Series, pl.Series], of: pl.Series, rows: int
    ) -> Column:
        """Each thing once, as far as any of its owners owns it."""
        if len(of) and repeats(of):
            key = keys_of(self._contributions.facts, portion.fact)
            frame = pl.DataFrame({"of": of, "object": key, "lo": bounds[0], "hi": bounds[1]})
            each = each_thing(frame, ["of"]).sort("of")
            of, bounds = each["of"], (each["lo"], each["hi"])
        return _added_up(portion.measure, of, *bounds, rows)


def _theirs(
    portion: Portion, bounds: tuple[pl.Series, pl.Series], counted: Column
) -> tuple[pl.Series, pl.Series]:
    """Things as far as members who count own them."""
    lo, hi = bounds
    nothing = constant(0, len(lo)).lo
    certainly = lo.zip_with(counted.lo[portion.p], nothing)
    if hi is lo and counted.certain:
        return certainly, certainly
    return certainly, hi.zip_with(counted.hi[portion.p], nothing)


def _nothing(measure: Measure) -> Portion:
    empty, none = pl.Series([], dtype=pl.Int64), pl.Series([], dtype=pl.UInt32)
    return Portion(measure, none, empty, empty, none)


def _added_up(measure: Measure, of: pl.Series, lo: pl.Series, hi: pl.Series, rows: int) -> Column:
    """Sum (of truths and stated numbers: largest) by `of`, nought where there is none."""
    if not of.is_sorted():
        order = of.arg_sort()
        same = hi is lo
        of, lo = of[order], lo[order]
        hi = lo if same else hi[order]
    if repeats(of):
        if measure.largest or lo.null_count():
            return _by_group(measure, of, lo, hi, rows)
        last = (of != of.shift(-1)).fill_null(True)
        same, of = hi is lo, of.filter(last)
        lo = _run_sums(lo, last)
        if same:
            hi = lo
        elif hi.null_count():
            open_ = _run_sums(hi.is_null().cast(pl.Int64), last) > 0
            none = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(of))
            hi = none.zip_with(open_, _run_sums(hi.fill_null(0), last))
        else:
            hi = _run_sums(hi, last)
    if _beyond(measure.cap, lo, hi) or lo.null_count():
        return _by_group(measure, of, lo, hi, rows)
    empty = constant(0, rows).lo
    full = empty.clone().scatter(of, lo)
    if measure.largest and hi.null_count():
        hi = hi.fill_null(measure.cap)
    return Column(full, full if hi is lo else empty.clone().scatter(of, hi))


def _run_sums(series: pl.Series, last: pl.Series) -> pl.Series:
    """Sums of runs that end where `last` says: differences of the running total."""
    totals = series.cum_sum().filter(last)
    return totals - totals.shift(1, fill_value=0)


def _beyond(cap: int, lo: pl.Series, hi: pl.Series) -> bool:
    """Whether a sum is larger than is followed exactly."""
    ends = [lo.min(), lo.max(), hi.min(), hi.max()]
    return any(isinstance(e, int) and abs(e) > cap for e in ends)


def _by_group(measure: Measure, of: pl.Series, lo: pl.Series, hi: pl.Series, rows: int) -> Column:
    """The general way: unbounded lower ends, the largest of several, sums beyond the cap."""
    frame = pl.DataFrame({"of": of, "lo": lo, "hi": hi}).with_columns(
        m=pl.lit(measure.index),
        cap=pl.lit(measure.cap, dtype=pl.Int64),
        largest=pl.lit(measure.largest),
        thing=pl.lit(measure.level == HOUSEHOLD),
    )
    sums = added_up(frame, ["of", "m", "cap", "largest", "thing"])
    empty = constant(0, rows).lo
    low, high = (empty.clone().scatter(sums["of"], sums[end]) for end in ("lo", "hi"))
    return Column(low, high)
