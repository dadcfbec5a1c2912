"""Units of quantities, and which operations make sense between them."""

from __future__ import annotations

import enum

from verify.rules.expressions import Fault


class Unit(enum.StrEnum):
    """What a number of the rulebook counts."""

    FEN = "fen"  # money: a balance, a limit, or a flow added up over a window
    FEN_PER_MONTH = "fen_per_month"
    FEN_PER_YEAR = "fen_per_year"  # never an amount per month: a rule must say so (ADR 0015)
    PERSON = "person"
    ITEM = "item"
    MONTHS = "months"
    YEARS = "years"
    DM2 = "dm2"  # hundredths of a square metre
    RATIO = "ratio"  # a published multiple or share: 1.5, 0.6
    TRUTH = "truth"
    TEXT = "text"
    NUMBER = "number"  # a literal: fits a count of persons or items
    ZERO = "zero"  # the literal 0: fits every unit


CAPS: dict[Unit, int] = {
    Unit.FEN: 10**12,
    Unit.FEN_PER_MONTH: 10**12,
    Unit.FEN_PER_YEAR: 10**12,
    Unit.PERSON: 10**6,
    Unit.ITEM: 10**6,
    Unit.MONTHS: 10**4,
    Unit.YEARS: 10**3,
    Unit.DM2: 10**9,
    Unit.RATIO: 10**2,
    Unit.TRUTH: 1,
}
"""Largest magnitude followed exactly, per unit; beyond it a value reads "at least this much".

For money that is ten thousand million yuan per person and measure. The cap also stands for "as
much as you like" when the completions of an unanswered question are examined.
"""

COUNTS = (Unit.PERSON, Unit.ITEM)

_MINOR = {"CNY": "fen", "USD": "cent", "GBP": "penny"}
MONEY = (Unit.FEN, Unit.FEN_PER_MONTH, Unit.FEN_PER_YEAR)


def named(name: str, currency: str) -> Unit:
    """The unit a rulebook writes: money under the name of its own currency.

    Raises:
        Fault: money of another currency.
    """
    minor, _, per = name.partition("_per_")
    if minor not in _MINOR.values():
        return Unit(name)
    if minor != _MINOR[currency]:
        raise Fault(
            f"{name} is not a unit of {currency}",
            f"amounts of {currency} are in {_MINOR[currency]}",
        )
    return Unit("fen" + (f"_per_{per}" if per else ""))


def unit_name(unit: Unit, currency: str) -> str:
    """What a unit is called in a currency: `fen_per_month` is `cent_per_month` in dollars."""
    return unit.value.replace("fen", _MINOR[currency], 1) if unit in MONEY else unit.value


def added(a: Unit, b: Unit) -> Unit:
    """Unit of a sum, difference, choice or comparison of two quantities."""
    if a is b:
        return a
    for one, other in ((a, b), (b, a)):
        if one is Unit.ZERO and other not in (Unit.TEXT, Unit.TRUTH):
            return other
        if one is Unit.NUMBER and other in (*COUNTS, Unit.RATIO):
            return other
    if {a, b} == {Unit.FEN_PER_MONTH, Unit.FEN_PER_YEAR}:
        raise Fault(
            "an amount per year is compared with an amount per month",
            "a yearly amount is never spread over months; use a window that the rule names",
        )
    raise Fault(
        f"{a} and {b} cannot be added, compared or chosen between",
        "bring both to the same unit; an amount or age belongs under `limits` with its unit",
    )


def multiplied(a: Unit, b: Unit) -> Unit:
    """Unit of a product."""
    plain = (Unit.NUMBER, Unit.ZERO, Unit.RATIO, *COUNTS)
    if {a, b} in ({Unit.FEN_PER_MONTH, Unit.MONTHS}, {Unit.FEN_PER_YEAR, Unit.YEARS}):
        return Unit.FEN
    for one, other in ((a, b), (b, a)):
        if one in plain and other not in (Unit.TEXT, Unit.TRUTH):
            return other
    raise Fault(f"{a} cannot be multiplied by {b}")


def divided(a: Unit, b: Unit) -> Unit:
    """Unit of a quotient."""
    if (a, b) == (Unit.FEN, Unit.MONTHS):
        return Unit.FEN_PER_MONTH
    if a is Unit.FEN_PER_YEAR and b in COUNTS:
        return a
    if a not in (Unit.TEXT, Unit.TRUTH, Unit.FEN_PER_YEAR) and b in (
        Unit.NUMBER,
        Unit.ZERO,
        *COUNTS,
    ):
        return a
    if a is Unit.FEN_PER_YEAR and b in (Unit.MONTHS, Unit.NUMBER):
        raise Fault(
            "an amount known per year is not an amount per month",
            "use months; or let the rule say in words that the year's amount stands for its "
            "months: `annual: {counts: in_full, words, cite}`",
        )
    raise Fault(f"{a} cannot be divided by {b}")
