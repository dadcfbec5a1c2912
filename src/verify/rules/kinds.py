"""What is known of a quantity before any household is seen: unit, size, sign, denominators.

Every operator of the grammar has a rule here that says whether it makes sense (`fen` plus
`person` does not) and a twin in `verify.rules.interval` that carries it out.

`mag` bounds the magnitude of a numerator; it is followed through every operation, so that a
rulebook whose sums or cross products could overflow Int64 is refused at load, never at run.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from verify.rules.expressions import Fault
from verify.rules.units import CAPS, Unit, added, divided, multiplied

MAX_MAGNITUDE = 2**62
MAX_MEMBERS = 64

_QUOTIENT = "a quotient by a quantity may only be compared or multiplied"


@dataclass(frozen=True, slots=True)
class Kind:
    """Static facts about a quantity; the fraction is `numerator / den`, further divided by a
    number of persons if `quotient`.
    """

    unit: Unit
    mag: int = 1
    nonneg: bool = True
    den: int = 1
    quotient: bool = False
    constant: int | None = None  # the number itself, where it is a literal


TRUTH = Kind(Unit.TRUTH)


def number(n: int) -> Kind:
    """A literal whole number; zero fits every unit."""
    return Kind(Unit.ZERO if n == 0 else Unit.NUMBER, max(n, 1), constant=n)


def add(a: Kind, b: Kind, sign: int = 1) -> Kind:
    """`a + b`, or `a - b` with sign -1."""
    unit = _amount(added(a.unit, b.unit))
    a, b = _common(a, b)
    return _sized(Kind(unit, a.mag + b.mag, a.nonneg and b.nonneg and sign > 0, a.den))


def multiply(a: Kind, b: Kind) -> Kind:
    """`a * b`; unless one is a literal, only one may be negative."""
    unit = multiplied(a.unit, b.unit)
    if a.constant is None and b.constant is None and not (a.nonneg or b.nonneg):
        raise Fault(
            "a product of two quantities that can be negative has no simple bounds",
            "multiply by a whole number, or by a quantity that cannot be negative",
        )
    if a.quotient and b.quotient:
        raise Fault("two quotients cannot be multiplied", "multiply first, divide last")
    return _sized(
        Kind(unit, a.mag * b.mag, a.nonneg and b.nonneg, a.den * b.den, a.quotient or b.quotient)
    )


def divide(a: Kind, b: Kind) -> Kind:
    """`a / b`, exact: by a whole number, the months of a window, or a number of persons."""
    unit = divided(a.unit, b.unit)
    if b.constant is not None:
        if b.constant == 0:
            raise Fault("division by zero")
        return replace(a, unit=unit, den=a.den * b.constant, constant=None)
    if b.unit is not Unit.PERSON or b.den != 1 or b.quotient:
        raise Fault(
            "a divisor is a whole number, the months of a window, or a number of persons",
            "compare cross products instead: a < b * c",
        )
    if a.quotient:
        raise Fault("a quotient by a quantity is divided again", "divide once, last")
    return replace(a, unit=unit, quotient=True, constant=None)


def choose(items: Sequence[Kind], function: str) -> Kind:
    """LEAST or GREATEST."""

    def one(a: Kind, b: Kind) -> Kind:
        unit = _amount(added(a.unit, b.unit))
        a, b = _common(a, b)
        either = (a.nonneg and b.nonneg) if function == "least" else (a.nonneg or b.nonneg)
        return _sized(Kind(unit, max(a.mag, b.mag), either, a.den))

    return functools.reduce(one, items)


def compare(a: Kind, b: Kind) -> Kind:
    """`a < b` and its kin."""
    if Unit.TEXT in (a.unit, b.unit):
        raise Fault("a text is compared with a text in quotes", "write relation = 'self'")
    if Unit.TRUTH in (a.unit, b.unit):
        raise Fault("a truth is not compared", "write the truth itself, or NOT")
    added(a.unit, b.unit)
    left = a.mag * b.den * (MAX_MEMBERS if b.quotient else 1)
    right = b.mag * a.den * (MAX_MEMBERS if a.quotient else 1)
    if max(left, right) > MAX_MAGNITUDE:
        raise Fault("comparing these could overflow 64-bit integers", "use smaller factors")
    return TRUTH


def logic(*truths: Kind) -> Kind:
    """AND, OR, NOT and the conditions of CASE."""
    for kind in truths:
        if kind.unit is not Unit.TRUTH:
            raise Fault(
                f"{kind.unit} is used where a truth is needed", "write a comparison, e.g. > 0"
            )
    return TRUTH


def case(conditions: Sequence[Kind], values: Sequence[Kind]) -> Kind:
    """CASE WHEN ... ELSE ... END."""
    logic(*conditions)
    unit = functools.reduce(added, (v.unit for v in values))
    if unit is Unit.TEXT:
        raise Fault("CASE gives a number or a truth, not a text")
    if any(v.quotient for v in values):
        raise Fault(_QUOTIENT, "choose first, divide last")
    den = math.lcm(*(v.den for v in values))
    mag = max(_scaled(v, den).mag for v in values)
    return Kind(unit, mag, all(v.nonneg for v in values), den)


def rounded(of: Kind, step: int) -> Kind:
    """ROUND_* to a multiple of `step` units: whole again, whatever it was divided by."""
    if of.unit in (Unit.TRUTH, Unit.TEXT):
        raise Fault(f"a {of.unit} is not rounded")
    if of.den * step * MAX_MEMBERS > MAX_MAGNITUDE:
        raise Fault("rounding this could overflow 64-bit integers", "use smaller factors")
    return _sized(Kind(of.unit, of.mag // of.den + step, of.nonneg))


def decline(of: Kind, years: Kind) -> Kind:
    """DECLINE: money that loses a share of itself every year."""
    if of.unit is not Unit.FEN or of.den != 1 or of.quotient or not of.nonneg:
        raise Fault("DECLINE is of an amount of money", "write DECLINE(price, 7, years_owned)")
    if years.unit is not Unit.YEARS or years.den != 1:
        raise Fault("DECLINE counts whole years")
    return Kind(Unit.FEN, of.mag)


def one_of(item: Kind) -> Kind:
    """`relation IN (...)`."""
    if item.unit is not Unit.TEXT:
        raise Fault(f"{item.unit} is compared with a text")
    return TRUTH


def aggregate(function: str, of: Kind, *, of_things: bool = False) -> Kind:
    """SUM, COUNT, ANY, MAX over members, supporters or things; `of_things` counts items."""
    if of.quotient:
        raise Fault(
            "a quotient by a quantity is not added up",
            "add up first and divide last; or round it as published: ROUND_HALF_UP(x / n, 1)",
        )
    if function in ("count", "any"):
        logic(of)
    elif of.unit in (Unit.TRUTH, Unit.TEXT):
        raise Fault(f"{function.upper()} of a {of.unit} has no meaning", "write COUNT or ANY")
    if function == "max" and not of.nonneg:
        raise Fault("MAX is for quantities that cannot be negative")
    if function == "count":
        return Kind(Unit.ITEM, CAPS[Unit.ITEM]) if of_things else Kind(Unit.PERSON, MAX_MEMBERS)
    if function == "sum":
        return _sized(replace(of, mag=of.mag * MAX_MEMBERS, constant=None))
    return replace(of, constant=None)


def declared(unit: Unit, computed: Kind) -> Kind:
    """Check the unit a quantity is declared in against the one it computes."""
    wrong = Fault(f"it is declared in {unit} but computes {computed.unit}")
    try:
        if added(unit, computed.unit) is not unit:
            raise wrong
    except Fault:
        raise wrong from None
    return replace(computed, unit=unit)


def _amount(unit: Unit) -> Unit:
    if unit in (Unit.TRUTH, Unit.TEXT):
        raise Fault(f"a {unit} is not a number", "use AND, OR or CASE")
    return unit


def _common(a: Kind, b: Kind) -> tuple[Kind, Kind]:
    if a.quotient or b.quotient:
        raise Fault(_QUOTIENT, "add up first, divide last")
    den = math.lcm(a.den, b.den)
    return _scaled(a, den), _scaled(b, den)


def _scaled(a: Kind, den: int) -> Kind:
    factor = den // a.den
    return _sized(replace(a, mag=a.mag * factor, den=den, constant=None)) if factor > 1 else a


def _sized(kind: Kind) -> Kind:
    if kind.mag > MAX_MAGNITUDE:
        raise Fault("the result could overflow 64-bit integers", "use smaller factors")
    return kind
