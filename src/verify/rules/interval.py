"""Interval arithmetic on Polars expressions: integers only, null is unbounded, quotients exact.

A `Value` is a quantity whose true value lies somewhere in a closed interval. `lo` and `hi` are
Int64 numerators; null means unbounded on that side. `den` is a positive whole denominator common
to both ends; `over` is a further positive denominator per end where the quantity was divided by
another quantity (income / members). Numbers are never divided: comparisons multiply crosswise, so
`income / 12 / members < standard` is exact to the fen.

Truth values are the intervals [0,0], [1,1] and, undetermined, [0,1].

`mag` bounds the magnitude of a numerator that is not null; it is followed through every operation
while the rulebook is compiled, and a rulebook whose cross products could overflow Int64 is
refused at load, never at run.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from verify.rules.expressions import Fault
from verify.rules.units import Unit, added, divided, multiplied

MAX_MAGNITUDE = 2**62
MAX_MEMBERS = 64

_QUOTIENT = "a quotient by a quantity may only be compared or multiplied"

Over = tuple[pl.Expr, pl.Expr]


@dataclass(frozen=True)
class Value:
    """An interval-valued quantity as Polars expressions (see the module text)."""

    lo: pl.Expr
    hi: pl.Expr
    unit: Unit
    mag: int
    nonneg: bool = False
    den: int = 1
    over: Over | None = None
    constant: int | None = None  # the number itself, where it is a literal


def number(n: int) -> Value:
    """A literal whole number; zero fits every unit."""
    e = pl.lit(n, dtype=pl.Int64)
    return Value(e, e, Unit.ZERO if n == 0 else Unit.NUMBER, max(n, 1), True, constant=n)


def truth(lo: pl.Expr, hi: pl.Expr) -> Value:
    """A truth interval from two Boolean expressions, null read as undetermined."""
    return Value(
        lo.fill_null(False).cast(pl.Int64), hi.fill_null(True).cast(pl.Int64), Unit.TRUTH, 1, True
    )


def literal_truth(value: bool) -> Value:
    """TRUE or FALSE."""
    e = pl.lit(int(value), dtype=pl.Int64)
    return Value(e, e, Unit.TRUTH, 1, True, constant=int(value))


def add(a: Value, b: Value, sign: int = 1) -> Value:
    """`a + b`, or `a - b` with sign -1."""
    unit = added(a.unit, b.unit)
    a, b = _common(a, b)
    lo, hi = (b.lo, b.hi) if sign > 0 else (-b.hi, -b.lo)
    return _sized(
        Value(a.lo + lo, a.hi + hi, unit, a.mag + b.mag, a.nonneg and b.nonneg and sign > 0, a.den)
    )


def multiply(a: Value, b: Value) -> Value:
    """`a * b`; at most one factor may be negative at all, and then the other is a number."""
    unit = multiplied(a.unit, b.unit)
    if a.constant is not None:
        a, b = b, a
    if b.constant is None and not (a.nonneg and b.nonneg):
        raise Fault(
            "a product of two quantities that can be negative has no simple bounds",
            "multiply by a whole number, or by a quantity that cannot be negative",
        )
    if a.over is not None and b.over is not None:
        raise Fault("two quotients cannot be multiplied", "multiply first, divide last")
    return _sized(
        Value(
            a.lo * b.lo,
            a.hi * b.hi,
            unit,
            a.mag * b.mag,
            a.nonneg and b.nonneg,
            a.den * b.den,
            a.over or b.over,
        )
    )


def divide(a: Value, b: Value) -> Value:
    """`a / b`, exact. A quotient by a quantity may only be compared or multiplied afterwards."""
    unit = divided(a.unit, b.unit)
    if b.constant is not None:
        if b.constant == 0:
            raise Fault("division by zero")
        return replace(a, unit=unit, den=a.den * b.constant, constant=None)
    if b.unit is not Unit.PERSON or b.den != 1 or b.over is not None:
        raise Fault(
            "a divisor is a whole number, the months of a window, or a number of persons",
            "compare cross products instead: a < b * c",
        )
    if a.over is not None:
        raise Fault("a quotient by a quantity is divided again", "divide once, last")
    # Nobody counted: the amount is read as that of one person; composition tests speak first.
    low, high = pl.max_horizontal(b.lo, 1), pl.max_horizontal(b.hi, 1)
    return replace(
        a,
        unit=unit,
        over=(
            pl.when(a.lo >= 0).then(high).otherwise(low),
            pl.when(a.hi >= 0).then(low).otherwise(high),
        ),
    )


def choose(function: str, items: Sequence[Value]) -> Value:
    """LEAST or GREATEST."""
    return functools.reduce(functools.partial(_choose, function), items)


def _choose(function: str, a: Value, b: Value) -> Value:
    unit = added(a.unit, b.unit)
    a, b = _common(a, b)
    either_lo, either_hi = a.lo.is_null() | b.lo.is_null(), a.hi.is_null() | b.hi.is_null()
    # min_horizontal skips nulls: right for an upper end (unbounded above never is the least),
    # wrong for a lower end (unbounded below always is).
    if function == "least":
        lo = pl.when(either_lo).then(None).otherwise(pl.min_horizontal(a.lo, b.lo))
        hi = pl.min_horizontal(a.hi, b.hi)
        nonneg = a.nonneg and b.nonneg
    else:
        lo = pl.max_horizontal(a.lo, b.lo)
        hi = pl.when(either_hi).then(None).otherwise(pl.max_horizontal(a.hi, b.hi))
        nonneg = a.nonneg or b.nonneg
    return _sized(Value(lo, hi, unit, max(a.mag, b.mag), nonneg, a.den))


def compare(operator: str, a: Value, b: Value) -> Value:
    """`a < b` and its kin: certain if it holds for all values, possible if for some."""
    if Unit.TEXT in (a.unit, b.unit):
        raise Fault("a text is compared with a text in quotes", "write relation = 'self'")
    added(a.unit, b.unit)
    if a.over is None and b.over is None:
        a, b = _common(a, b)
    if operator in (">", ">="):
        return compare({">": "<", ">=": "<="}[operator], b, a)
    if operator == "<":
        return truth(_less(a, b, "hi", "lo", False), _less(a, b, "lo", "hi", False))
    if operator == "<=":
        return truth(_less(a, b, "hi", "lo", True), _less(a, b, "lo", "hi", True))
    certain = _less(a, b, "hi", "lo", True) & _less(b, a, "hi", "lo", True)
    possible = _less(a, b, "lo", "hi", True).fill_null(True) & _less(
        b, a, "lo", "hi", True
    ).fill_null(True)
    equal = truth(certain, possible)
    return equal if operator == "=" else negated(equal)


def _less(a: Value, b: Value, a_end: str, b_end: str, or_equal: bool) -> pl.Expr:
    """One end of `a` against one end of `b`, multiplied crosswise; null if either is unbounded."""
    left: pl.Expr = getattr(a, a_end) * b.den
    right: pl.Expr = getattr(b, b_end) * a.den
    size = max(a.mag * b.den, b.mag * a.den)
    if b.over is not None:
        left, size = left * b.over[b_end == "hi"], size * MAX_MEMBERS
    if a.over is not None:
        right, size = right * a.over[a_end == "hi"], size * MAX_MEMBERS
    if size > MAX_MAGNITUDE:
        raise Fault("comparing these could overflow 64-bit integers", "use smaller factors")
    return left <= right if or_equal else left < right


def both(operator: str, a: Value, b: Value) -> Value:
    """AND, OR."""
    _truths(a, b)
    pick = pl.min_horizontal if operator == "and" else pl.max_horizontal
    return Value(pick(a.lo, b.lo), pick(a.hi, b.hi), Unit.TRUTH, 1, True)


def negated(a: Value) -> Value:
    """NOT."""
    _truths(a)
    return Value(1 - a.hi, 1 - a.lo, Unit.TRUTH, 1, True)


def case(branches: Sequence[tuple[Value, Value]], otherwise: Value) -> Value:
    """CASE WHEN ...: the hull of every branch that may be the first whose condition holds."""
    never_before: list[pl.Expr] = []
    options: list[tuple[pl.Expr, Value]] = []
    for condition, value in branches:
        _truths(condition)
        options.append((pl.all_horizontal(*never_before, condition.hi == 1), value))
        never_before.append(condition.lo == 0)
    options.append((pl.all_horizontal(*never_before), otherwise))
    unit = functools.reduce(added, (v.unit for _, v in options))
    den = math.lcm(*(v.den for _, v in options))
    if any(v.over is not None for _, v in options):
        raise Fault(_QUOTIENT, "choose first, divide last")
    options = [(may, _scaled(v, den)) for may, v in options]
    lo = pl.min_horizontal(pl.when(may).then(v.lo) for may, v in options)
    hi = pl.max_horizontal(pl.when(may).then(v.hi) for may, v in options)
    # min_horizontal and max_horizontal skip nulls: put the unbounded ends back.
    no_lo = pl.any_horizontal(may & v.lo.is_null() for may, v in options)
    no_hi = pl.any_horizontal(may & v.hi.is_null() for may, v in options)
    return _sized(
        Value(
            pl.when(~no_lo).then(lo),
            pl.when(~no_hi).then(hi),
            unit,
            max(v.mag for _, v in options),
            all(v.nonneg for _, v in options),
            den,
        )
    )


def first_clause(clauses: Sequence[tuple[Value, bool]]) -> Value:
    """The truth given by the first clause that holds; FALSE if none does."""
    lo, hi = pl.lit(0, dtype=pl.Int64), pl.lit(0, dtype=pl.Int64)
    for condition, outcome in reversed(clauses):
        _truths(condition)
        certain, possible = condition.lo == 1, condition.hi == 1
        lo = pl.when(certain if outcome else possible).then(int(outcome)).otherwise(lo)
        hi = pl.when(possible if outcome else certain).then(int(outcome)).otherwise(hi)
    return Value(lo, hi, Unit.TRUTH, 1, True)


def aggregate(function: str, of: Value, counted: Value) -> Value:
    """SUM, COUNT, ANY, MAX over the members who count; for use inside a `group_by`.

    A member who may or may not count adds the hull of nothing and the value. Polars' `sum` skips
    nulls, so an unbounded end is carried by hand.
    """
    if of.over is not None:
        raise Fault("a quotient by a quantity is not added up", "add up first, divide last")
    if function in ("count", "any"):
        _truths(of)
    if function == "max" and not of.nonneg:
        raise Fault("MAX is for quantities that cannot be negative")
    lo = _if_counted(counted, of.lo, pl.min_horizontal(of.lo, 0))
    hi = _if_counted(counted, of.hi, pl.max_horizontal(of.hi, 0))
    # min_horizontal and max_horizontal above skip nulls; put the unbounded ends back.
    lo = pl.when(of.lo.is_null() & (counted.hi == 1)).then(None).otherwise(lo)
    hi = pl.when(of.hi.is_null() & (counted.hi == 1)).then(None).otherwise(hi)
    if function in ("sum", "count"):
        unit = Unit.PERSON if function == "count" else of.unit
        return _sized(
            Value(
                _strict(lo, lo.sum()),
                _strict(hi, hi.sum()),
                unit,
                of.mag * MAX_MEMBERS,
                of.nonneg,
                of.den,
            )
        )
    return replace(of, lo=_strict(lo, lo.max()), hi=_strict(hi, hi.max()), constant=None)


def _if_counted(counted: Value, value: pl.Expr, hull: pl.Expr) -> pl.Expr:
    return pl.when(counted.lo == 1).then(value).when(counted.hi == 0).then(0).otherwise(hull)


def _strict(items: pl.Expr, total: pl.Expr) -> pl.Expr:
    return pl.when(items.is_null().any()).then(None).otherwise(total)


def _truths(*values: Value) -> None:
    if any(v.unit is not Unit.TRUTH for v in values):
        raise Fault(
            f"{values[0].unit} is used where a truth is needed", "write a comparison, e.g. > 0"
        )


def _common(a: Value, b: Value) -> tuple[Value, Value]:
    """Both over the same whole denominator."""
    if a.over is not None or b.over is not None:
        raise Fault(_QUOTIENT, "add up first, divide last")
    den = math.lcm(a.den, b.den)
    return _scaled(a, den), _scaled(b, den)


def _scaled(a: Value, den: int) -> Value:
    factor = den // a.den
    if factor == 1:
        return a
    scaled = replace(
        a, lo=a.lo * factor, hi=a.hi * factor, mag=a.mag * factor, den=den, constant=None
    )
    return _sized(scaled)


def _sized(value: Value) -> Value:
    if value.mag > MAX_MAGNITUDE:
        raise Fault("the result could overflow 64-bit integers", "use smaller factors")
    return value
