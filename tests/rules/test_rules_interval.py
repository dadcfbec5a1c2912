"""Interval operators against every point of small intervals."""

from __future__ import annotations

import itertools
import operator as op
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verify.rules import interval as iv
from verify.rules.interval import Column

FEW = settings(max_examples=80, deadline=None)
WIDE = 6  # stands for unbounded: beyond every small number used


def column(lo: int | None, hi: int | None, den: int = 1) -> Column:
    ends = [pl.Series("", [e], dtype=pl.Int64) for e in (lo, hi)]
    if lo is not None and lo == hi:
        return Column(ends[0], ends[0], den)
    return Column(ends[0], ends[1], den)


def truth(lo: bool, hi: bool) -> Column:
    return Column(*(pl.Series("", [e], dtype=pl.Boolean) for e in (lo, hi)))


def test_a_choice_over_no_rows_at_all_is_a_column_of_no_rows():
    nothing, number = pl.Series([], dtype=pl.Boolean), pl.Series([], dtype=pl.Int64)
    found = iv.case(
        [(lambda: Column(nothing, nothing), lambda: Column(number, number))],
        lambda: Column(number, number),
    )
    assert len(found.lo) == len(found.hi) == 0


@st.composite
def bounded(draw: st.DrawFn, low: int = -4) -> tuple[int, int]:
    a, b = draw(st.integers(low, 4)), draw(st.integers(low, 4))
    return min(a, b), max(a, b)


@st.composite
def any_interval(draw: st.DrawFn) -> tuple[int | None, int | None]:
    lo, hi = draw(bounded())
    return draw(st.sampled_from([(lo, hi), (None, hi), (lo, None), (None, None)]))


def points(ends: tuple[int | None, int | None]) -> range:
    lo, hi = ends
    return range(-WIDE if lo is None else lo, (WIDE if hi is None else hi) + 1)


def ends(found: Column) -> tuple[Fraction | None, Fraction | None]:
    low, high = found.lo[0], found.hi[0]
    low_den, high_den = found.den, found.den
    if found.over is not None:
        low_den, high_den = low_den * found.over[0][0], high_den * found.over[1][0]
    return (
        None if low is None else Fraction(low, low_den),
        None if high is None else Fraction(high, high_den),
    )


@FEW
@given(bounded(), bounded(), st.integers(1, 4), st.integers(1, 4))
def test_sums_and_differences_are_the_exact_hull(a, b, den_a, den_b):
    for function, of_points in ((iv.add, op.add), (iv.subtract, op.sub)):
        found = ends(function(column(*a, den_a), column(*b, den_b)))
        exact = [
            of_points(Fraction(x, den_a), Fraction(y, den_b))
            for x, y in itertools.product(points(a), points(b))
        ]
        assert found == (min(exact), max(exact))


@FEW
@given(bounded(low=0), bounded(low=0))
def test_products_of_what_cannot_be_negative_are_the_exact_hull(a, b):
    exact = [x * y for x, y in itertools.product(points(a), points(b))]
    assert ends(iv.multiply(column(*a), column(*b))) == (min(exact), max(exact))


@FEW
@given(any_interval(), any_interval())
def test_the_least_and_the_greatest_keep_what_is_unbounded(a, b):
    for function, best in ((iv.least, min), (iv.greatest, max)):
        low, high = ends(function([column(*a), column(*b)]))
        exact = [best(x, y) for x, y in itertools.product(points(a), points(b))]
        assert (low is None) == (min(exact) == -WIDE)
        assert (high is None) == (max(exact) == WIDE)
        assert low is None or low == min(exact)
        assert high is None or high == max(exact)


@FEW
@given(bounded(), bounded(low=1), bounded(), bounded(low=1), st.integers(1, 3))
@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "=", "<>"])
def test_quotients_are_compared_exactly(sign, a, a_persons, b, b_persons, den):
    """`a / members  sign  b / members`: certain if for all points, possible if for some."""
    functions = {"<": op.lt, "<=": op.le, ">": op.gt, ">=": op.ge, "=": op.eq, "<>": op.ne}
    left = iv.divide(column(*a, den), column(*a_persons))
    right = iv.divide(column(*b), column(*b_persons))
    found = iv.compare(sign, left, right)
    values_left = [Fraction(x, den * n) for x in points(a) for n in points(a_persons)]
    values_right = [Fraction(x, n) for x in points(b) for n in points(b_persons)]
    if sign in ("=", "<>"):
        # Equality of intervals is about their hull: certain only for one and the same point.
        apart = max(values_left) < min(values_right) or max(values_right) < min(values_left)
        same = len({*values_left, *values_right}) == 1
        expected = (same, not apart) if sign == "=" else (apart, not same)
    else:
        results = [functions[sign](x, y) for x in values_left for y in values_right]
        expected = (all(results), any(results))
    assert (found.lo[0], found.hi[0]) == expected


@FEW
@given(any_interval(), any_interval())
def test_a_comparison_with_something_unbounded_is_never_certain_of_what_it_cannot_know(a, b):
    for sign, function in (("<", op.lt), ("<=", op.le)):
        found = iv.compare(sign, column(*a), column(*b))
        results = [function(x, y) for x, y in itertools.product(points(a), points(b))]
        assert not (found.lo[0] and not all(results))
        assert not (not found.hi[0] and any(results))


@FEW
@given(
    st.lists(st.tuples(st.sampled_from([(0, 0), (0, 1), (1, 1)]), any_interval()), max_size=3),
    any_interval(),
)
def test_case_is_the_hull_of_every_branch_that_can_be_first(branches, otherwise):
    found = iv.case(
        [(lambda c=c: truth(*map(bool, c)), lambda v=v: column(*v)) for c, v in branches],
        lambda: column(*otherwise),
    )
    reachable = []
    for choice in itertools.product(*(range(c[0], c[1] + 1) for c, _ in branches)):
        first = next((i for i, holds in enumerate(choice) if holds), None)
        reachable.append(otherwise if first is None else branches[first][1])
    exact = [p for v in reachable for p in points(v)]
    low, high = ends(found)
    assert low == (None if min(exact) == -WIDE else min(exact))
    assert high == (None if max(exact) == WIDE else max(exact))


@FEW
@given(
    st.lists(
        st.tuples(st.sampled_from([(0, 0), (0, 1), (1, 1)]), st.booleans()), min_size=1, max_size=5
    )
)
def test_the_first_clause_that_holds_decides(clauses):
    found = iv.first_clause([(truth(*map(bool, c)), counts) for c, counts in clauses], 1)
    outcomes = set()
    for choice in itertools.product(*(range(c[0], c[1] + 1) for c, _ in clauses)):
        first = next((i for i, holds in enumerate(choice) if holds), None)
        outcomes.add(first is not None and clauses[first][1])
    assert (found.lo[0], found.hi[0]) == (outcomes == {True}, True in outcomes)


@FEW
@given(any_interval(), st.sampled_from([(0, 0), (0, 1), (1, 1)]))
def test_a_member_who_may_count_adds_nothing_or_the_value(value, counted):
    found = iv.if_counted(column(*value), truth(*map(bool, counted)), truths=False)
    exact = [p * c for p in points(value) for c in range(counted[0], counted[1] + 1)]
    low, high = ends(found)
    assert low == (None if min(exact) == -WIDE else min(exact))
    assert high == (None if max(exact) == WIDE else max(exact))
