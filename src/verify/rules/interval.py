"""Interval arithmetic on Polars columns: integers only, null is unbounded, quotients exact.

A `Column` holds, per row, a closed interval in which the true value lies. `lo` and `hi` are
Int64 numerators (null: unbounded on that side) or, for truths, Booleans that are never null:
true/true, false/false, or false/true for undetermined. `den` is a positive whole denominator of
both ends; `over` a further positive denominator per end where the quantity was divided by a
number of persons. Numbers are never divided: comparisons multiply crosswise, so
`income / 12 / members < standard` is exact to the fen.

A column whose value is known for certain holds the *same* series at both ends, and every
operator then works once instead of twice. Operators run directly on series: for one household a
Polars expression costs about five times as much in planning as the arithmetic itself takes.

Whether an operation makes sense was settled at load by `verify.rules.kinds`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

Series = pl.Series
POSITION = pl.UInt32
"""Type of positions: Polars takes others too, but has to check and convert them each time."""


@dataclass(frozen=True, slots=True)
class Column:
    """Intervals, one per row (see the module text)."""

    lo: Series
    hi: Series
    den: int = 1
    over: tuple[Series, Series] | None = None

    @property
    def certain(self) -> bool:
        """Whether every row is known for certain."""
        return self.lo is self.hi and (self.over is None or self.over[0] is self.over[1])


def constant(value: int | bool, rows: int) -> Column:
    """The same certain value in every row."""
    make = _few if rows <= 64 else _repeated
    series = make(value, isinstance(value, bool), rows)
    return Column(series, series)


def _repeated(value: int | bool, is_truth: bool, rows: int) -> Series:
    one = pl.Series("", [value], dtype=pl.Boolean if is_truth else pl.Int64)
    return one.new_from_index(0, rows)


_few = functools.lru_cache(maxsize=1024)(_repeated)


def spread(column: Column, rows: Series) -> Column:
    """Household rows copied to their members."""
    if column.over is None:
        return _both_ends(column, lambda end: end[rows])
    low, high = column.over
    return Column(column.lo[rows], column.hi[rows], column.den, (low[rows], high[rows]))


def add(a: Column, b: Column) -> Column:
    """`a + b`; null + anything is null: unbounded stays unbounded."""
    a, b = _common(a, b)
    if a.certain and b.certain:
        return _certain(a.lo + b.lo, a.den)
    return Column(a.lo + b.lo, a.hi + b.hi, a.den)


def subtract(a: Column, b: Column) -> Column:
    """`a - b`."""
    a, b = _common(a, b)
    if a.certain and b.certain:
        return _certain(a.lo - b.lo, a.den)
    return Column(a.lo - b.hi, a.hi - b.lo, a.den)


def multiply(a: Column, b: Column) -> Column:
    """`a * b`, at most one of which can be negative (or one a literal)."""
    over, den = a.over or b.over, a.den * b.den
    if a.certain and b.certain:
        product = a.lo * b.lo
        return Column(product, product, den, over)
    if _may_be_negative(b):
        a, b = b, a
    if not _may_be_negative(a):
        return Column(a.lo * b.lo, a.hi * b.hi, den, over)
    lo = _pick(_yes(a.lo >= 0), a.lo * b.lo, a.lo * b.hi)
    return Column(lo, _pick(_yes(a.hi < 0), a.hi * b.lo, a.hi * b.hi), den, over)


def _may_be_negative(a: Column) -> bool:
    return bool(a.lo.null_count()) or bool((a.lo < 0).any())


def divide_by_number(a: Column, divisor: int) -> Column:
    """`a / 12`: only the denominator changes."""
    return Column(a.lo, a.hi, a.den * divisor, a.over)


def divide(a: Column, persons: Column) -> Column:
    """`a / members`, exact. Where nobody counts, the amount is read as one person's; the test
    that somebody must count speaks for itself.
    """
    low = _floored(persons.lo, 1)
    high = low if persons.certain else _floored(persons.hi, 1)
    if persons.certain:
        return Column(a.lo, a.hi, a.den, (low, low))
    return Column(
        a.lo, a.hi, a.den, (_pick(_yes(a.lo >= 0), high, low), _pick(_yes(a.hi >= 0), low, high))
    )


def least(items: Sequence[Column]) -> Column:
    """LEAST: unbounded below if any operand is; unbounded above only if all are."""
    return functools.reduce(lambda a, b: _choose(a, b, _smaller_lo, _smaller_hi), items)


def greatest(items: Sequence[Column]) -> Column:
    """GREATEST: unbounded above if any operand is; unbounded below only if all are."""
    return functools.reduce(lambda a, b: _choose(a, b, _larger_lo, _larger_hi), items)


def compare(operator: str, a: Column, b: Column) -> Column:
    """`a < b` and its kin: certain if it holds for all values, possible if for some."""
    if operator in (">", ">="):
        return compare("<" if operator == ">" else "<=", b, a)
    if operator in ("<", "<="):
        or_equal = operator == "<="
        certain = _known(_less(a, b, True, or_equal), False)
        if a.certain and b.certain:
            return Column(certain, certain)
        return Column(certain, _known(_less(a, b, False, or_equal), True))
    certain = _known(_less(a, b, True, True), False) & _known(_less(b, a, True, True), False)
    if a.certain and b.certain:
        equal = Column(certain, certain)
    else:
        possible = _known(_less(a, b, False, True), True) & _known(_less(b, a, False, True), True)
        equal = Column(certain, possible)
    return equal if operator == "=" else negate(equal)


def conjoin(a: Column, b: Column) -> Column:
    """AND."""
    return _truths(a, b, lambda x, y: x & y)


def disjoin(a: Column, b: Column) -> Column:
    """OR."""
    return _truths(a, b, lambda x, y: x | y)


def negate(a: Column) -> Column:
    """NOT."""
    if a.certain:
        no = ~a.lo
        return Column(no, no)
    return Column(~a.hi, ~a.lo)


def one_of(text: Column, words: Sequence[str]) -> Column:
    """`relation IN (...)`; a text that is not known (null) may be any."""
    found = functools.reduce(lambda x, y: x | y, (text.lo == w for w in words))
    if found.null_count():
        return Column(_known(found, False), _known(found, True))
    return Column(found, found)


def rounded(a: Column, way: str, step: int) -> Column:
    """To a multiple of `step`; halves go away from zero. Rounding never turns an order round."""

    def end(numerator: Series, over: Series | None) -> Series:
        den = constant(a.den * step, len(numerator)).lo
        den = den if over is None else den * over
        if way == "ROUND_DOWN":
            whole = numerator // den
        elif way == "ROUND_UP":
            whole = -(-numerator // den)
        else:
            whole = (numerator.abs() * 2 + den) // (den * 2) * numerator.sign()
        return whole * step

    low, high = a.over or (None, None)
    lo = end(a.lo, low)
    return Column(lo, lo if a.certain else end(a.hi, high))


def decline(price: Column, percent: int, years: Column) -> Column:
    """What is left of a price that loses `percent` of the rest every year: the later, the less."""
    lo = _declined(price.lo, percent, years.hi)
    if price.certain and years.certain:
        return Column(lo, lo)
    return Column(lo, _declined(price.hi, percent, years.lo))


def _declined(price: Series, percent: int, years: Series) -> Series:
    """`price * (100 - percent)^n / 100^n`, half up; any number of years may have passed (null)."""
    pairs = zip(price.to_list(), years.to_list(), strict=True)
    return pl.Series([_left(p, percent, n) for p, n in pairs], dtype=pl.Int64)


@functools.lru_cache(maxsize=65_536)
def _left(price: int | None, percent: int, years: int | None) -> int | None:
    if price is None:
        return None
    if years is None:
        return 0
    whole = int(100**years)
    return (2 * price * int((100 - percent) ** years) + whole) // (2 * whole)


def times(each: Column, number: Column) -> Column:
    """`value * number` where the number, from nought to any (null), is of equal things."""
    nothing = constant(0, len(each.lo)).lo
    none = _yes(number.hi == 0)
    down = _pick(none, nothing, each.lo * number.hi)  # more of a debt is less
    lo = _pick(_yes(each.lo >= 0), each.lo * number.lo, down)
    if each.certain and number.certain:
        return Column(lo, lo, each.den)
    up = _pick(none | _yes(each.hi == 0), nothing, each.hi * number.hi)
    return Column(lo, _pick(_yes(each.hi < 0), each.hi * number.lo, up), each.den)


def case(
    branches: Sequence[tuple[Callable[[], Column], Callable[[], Column]]],
    otherwise: Callable[[], Column],
) -> Column:
    """CASE WHEN: the hull of every branch that may be the first whose condition holds.

    Operands are computed on demand: a branch that no row can reach is not looked at.
    """
    reachable: Series | None = None  # rows where every condition so far may fail; None: all
    reached: list[tuple[Series | None, Column]] = []
    for condition, value in branches:
        holds = condition()
        here = holds.hi if reachable is None else reachable & holds.hi
        if here.any():
            reached.append((None if here.all() else here, value()))
        reachable = ~holds.lo if reachable is None else reachable & ~holds.lo
        if reached and not reachable.any():  # of no rows at all, every branch is as good
            break
    else:
        whole = reachable is None or bool(reachable.all())
        reached.append((None if whole else reachable, otherwise()))
    return _hull(reached)


def first_clause(clauses: Sequence[tuple[Column, bool]], rows: int) -> Column:
    """The truth given by the first clause that holds; false if none does."""
    lo = hi = constant(False, rows).lo
    for condition, outcome in reversed(clauses):
        if outcome:
            lo, hi = condition.lo | lo, condition.hi | hi
        else:
            lo, hi = ~condition.hi & lo, ~condition.lo & hi
    return Column(lo, lo) if lo.equals(hi) else Column(lo, hi)


def if_counted(of: Column, counted: Column, *, truths: bool) -> Column:
    """What a member adds to an aggregate: nothing, the value, or (perhaps counted) the hull."""
    if truths:
        return conjoin(of, counted)
    nothing = constant(0, len(counted.lo)).lo
    lo = _pick(counted.lo, of.lo, _pick(counted.hi, _smaller_lo(of.lo, nothing), nothing))
    if of.certain and counted.certain:
        return Column(lo, lo, of.den)
    hi = _pick(counted.lo, of.hi, _pick(counted.hi, _larger_hi(of.hi, nothing), nothing))
    return Column(lo, hi, of.den)


def as_numbers(truth: Column) -> Column:
    """0 and 1 for false and true."""
    return _both_ends(truth, lambda end: end.cast(pl.Int64))


def _certain(series: Series, den: int) -> Column:
    return Column(series, series, den)


def _both_ends(a: Column, change: Callable[[Series], Series], den: int | None = None) -> Column:
    lo = change(a.lo)
    return Column(lo, lo if a.certain else change(a.hi), a.den if den is None else den)


def _common(a: Column, b: Column) -> tuple[Column, Column]:
    if a.den == b.den:
        return a, b
    den = math.lcm(a.den, b.den)
    return _scaled(a, den), _scaled(b, den)


def _scaled(a: Column, den: int) -> Column:
    factor = den // a.den
    return a if factor == 1 else _both_ends(a, lambda end: end * factor, den)


def _less(a: Column, b: Column, for_all: bool, or_equal: bool) -> Series:
    """Cross-multiplied comparison of one end each; null if either is unbounded.

    For all values: the upper end of `a` against the lower of `b`; for some: the other two.
    """
    left, right = (a.hi, b.lo) if for_all else (a.lo, b.hi)
    if a.den != b.den:
        common = math.lcm(a.den, b.den)
        left = left * (common // a.den) if common != a.den else left
        right = right * (common // b.den) if common != b.den else right
    if b.over is not None:
        left = left * b.over[0 if for_all else 1]
    if a.over is not None:
        right = right * a.over[1 if for_all else 0]
    return left <= right if or_equal else left < right


def _truths(a: Column, b: Column, combine: Callable[[Series, Series], Series]) -> Column:
    lo = combine(a.lo, b.lo)
    return Column(lo, lo if a.certain and b.certain else combine(a.hi, b.hi))


def _known(mask: Series, unknown: bool) -> Series:
    return mask.fill_null(unknown) if mask.null_count() else mask


def _yes(mask: Series) -> Series:
    return _known(mask, False)


def _pick(mask: Series, yes: Series, no: Series) -> Series:
    return yes.zip_with(mask, no)


def _floored(series: Series, least_value: int) -> Series:
    return _larger_lo(series, constant(least_value, len(series)).lo)


def _choose(
    a: Column,
    b: Column,
    lower: Callable[[Series, Series], Series],
    upper: Callable[[Series, Series], Series],
) -> Column:
    a, b = _common(a, b)
    lo = lower(a.lo, b.lo)
    return Column(lo, lo if a.certain and b.certain else upper(a.hi, b.hi), a.den)


# Ends are compared as numbers, except that null is minus infinity at a lower end and plus
# infinity at an upper end. A comparison with null is null: `_known` says who wins then.


def _smaller_lo(a: Series, b: Series) -> Series:
    """Null wins: minus infinity is the smallest."""
    smaller = _pick(_yes(a <= b), a, b)
    return _null_where(smaller, a, b)


def _larger_hi(a: Series, b: Series) -> Series:
    """Null wins: plus infinity is the largest."""
    larger = _pick(_yes(a >= b), a, b)
    return _null_where(larger, a, b)


def _larger_lo(a: Series, b: Series) -> Series:
    """Null loses: anything is above minus infinity."""
    larger = _pick(_yes(a >= b), a, b)
    return _other_where_null(larger, a, b)


def _smaller_hi(a: Series, b: Series) -> Series:
    """Null loses: anything is below plus infinity."""
    smaller = _pick(_yes(a <= b), a, b)
    return _other_where_null(smaller, a, b)


def _null_where(result: Series, a: Series, b: Series) -> Series:
    if not (a.null_count() or b.null_count()):
        return result
    return _pick(a.is_null() | b.is_null(), constant_null(len(a)), result)


def _other_where_null(result: Series, a: Series, b: Series) -> Series:
    if a.null_count():
        result = _pick(a.is_null(), b, result)
    if b.null_count():
        result = _pick(b.is_null(), a, result)
    return result


def constant_null(rows: int) -> Series:
    """Unbounded in every row."""
    return pl.Series("", [None], dtype=pl.Int64).new_from_index(0, rows)


def _hull(options: Sequence[tuple[Series | None, Column]]) -> Column:
    """Hull of several columns, each in the rows where it may apply (None: in all)."""
    den = math.lcm(*(c.den for _, c in options))
    scaled = [(here, _scaled(c, den)) for here, c in options]
    first_here, first = scaled[0]
    if len(scaled) == 1 and first_here is None:
        return first
    lo, hi = first.lo, first.hi
    covered = first_here
    truths = lo.dtype == pl.Boolean
    smaller = (lambda x, y: x & y) if truths else _smaller_lo
    larger = (lambda x, y: x | y) if truths else _larger_hi
    for here, column in scaled[1:]:
        joined_lo, joined_hi = smaller(lo, column.lo), larger(hi, column.hi)
        if covered is not None:  # where nothing applied before, the new column alone
            joined_lo = _pick(covered, joined_lo, column.lo)
            joined_hi = _pick(covered, joined_hi, column.hi)
        if here is not None:  # where the new column does not apply, what was before
            joined_lo, joined_hi = _pick(here, joined_lo, lo), _pick(here, joined_hi, hi)
        lo, hi = joined_lo, joined_hi
        covered = None if covered is None or here is None else covered | here
    same = not lo.null_count() and not hi.null_count() and lo.equals(hi)
    return Column(lo, lo if same else hi, den)
