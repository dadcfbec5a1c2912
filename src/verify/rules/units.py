"""Units of quantities, and which operations make sense between them."""

from __future__ import annotations

import enum

from verify.rules.expressions import Fault


class Unit(enum.StrEnum):
    """What a number of the rulebook counts."""

    FEN = "fen"  # money: a balance, a limit, or a flow added up over a window
    FEN_PER_MONTH = "fen_per_month"
    PERSON = "person"
    ITEM = "item"
    MONTHS = "months"
    YEARS = "years"
    DM2 = "dm2"  # hundredths of a square metre
    TRUTH = "truth"
    TEXT = "text"
    NUMBER = "number"  # a literal: fits a count of persons or items
    ZERO = "zero"  # the literal 0: fits every unit


CAPS: dict[Unit, int] = {
    Unit.FEN: 10**12,
    Unit.FEN_PER_MONTH: 10**12,
    Unit.PERSON: 10**6,
    Unit.ITEM: 10**6,
    Unit.MONTHS: 10**4,
    Unit.YEARS: 10**3,
    Unit.DM2: 10**9,
    Unit.TRUTH: 1,
}
"""Largest magnitude followed exactly, per unit; beyond it a value reads "at least this much".

For money that is ten thousand million yuan per person and measure. The cap also stands for "as
much as you like" when the completions of an unanswered question are examined.
"""

COUNTS = (Unit.PERSON, Unit.ITEM)


def added(a: Unit, b: Unit) -> Unit:
    """Unit of a sum, difference, choice or comparison of two quantities."""
    if a is b:
        return a
    for one, other in ((a, b), (b, a)):
        if one is Unit.ZERO and other not in (Unit.TEXT, Unit.TRUTH):
            return other
        if one is Unit.NUMBER and other in COUNTS:
            return other
    raise Fault(
        f"{a} and {b} cannot be added, compared or chosen between",
        "bring both to the same unit; an amount or age belongs under `limits` with its unit",
    )


def multiplied(a: Unit, b: Unit) -> Unit:
    """Unit of a product."""
    plain = (Unit.NUMBER, Unit.ZERO, *COUNTS)
    if {a, b} == {Unit.FEN_PER_MONTH, Unit.MONTHS}:
        return Unit.FEN
    for one, other in ((a, b), (b, a)):
        if one in plain and other not in (Unit.TEXT, Unit.TRUTH):
            return other
    raise Fault(f"{a} cannot be multiplied by {b}")


def divided(a: Unit, b: Unit) -> Unit:
    """Unit of a quotient."""
    if (a, b) == (Unit.FEN, Unit.MONTHS):
        return Unit.FEN_PER_MONTH
    if a not in (Unit.TEXT, Unit.TRUTH) and b in (Unit.NUMBER, Unit.ZERO, *COUNTS):
        return a
    raise Fault(f"{a} cannot be divided by {b}")
