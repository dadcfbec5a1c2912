"""Dated values: limits with their history, and the regime in force on a day.

The law in force is found by date, never guessed: a day without an entry is an error that names
the known ranges. An entry may say that the law has a value which our sources do not (`unknown`);
then the quantity is unbounded and raises a question of kind `law`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from verify.domain.money import yuan_display
from verify.rules import expressions as ex
from verify.rules.expressions import Fault
from verify.rules.grammar import Dated, EntryM, LimitM, UnknownM
from verify.rules.units import CAPS, Unit

ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Entry:
    """One dated value: exact (`lo == hi`), or unknown (`hi` null, or 0..1 for a truth)."""

    model: EntryM
    lo: int
    hi: int | None
    unknown: UnknownM | None


@dataclass(frozen=True)
class Limit:
    """A published figure with its history, oldest first."""

    name: str
    unit: Unit
    model: LimitM
    entries: tuple[Entry, ...]

    def on(self, day: dt.date, known_at: dt.date) -> Entry | None:
        """The entry in force on `day` among those published by `known_at`."""
        for entry in self.entries:
            if entry.model.covers(day) and entry.model.known(known_at):
                return entry
        return None


def limit_from(name: str, model: LimitM, entries: Sequence[Entry]) -> Limit:
    """Put the entries of a limit in order of time.

    Raises:
        Fault: two entries overlap, or one ends before it starts.
    """
    ordered = sorted(entries, key=lambda e: e.model.effective_from)
    check_periods([e.model for e in ordered], f"limit {name}")
    return Limit(name, Unit(model.unit), model, tuple(ordered))


def check_periods(periods: Sequence[Dated], what: str) -> None:
    """Refuse periods that end before they start, or overlap (in order of their start)."""
    for period in periods:
        if period.effective_to is not None and period.effective_to < period.effective_from:
            raise Fault(f"{what} ends before it starts ({period.effective_from})")
    for earlier, later in pairwise(periods):
        if earlier.effective_to is None or later.effective_from <= earlier.effective_to:
            raise Fault(
                f"{what}: the entries from {earlier.effective_from} and {later.effective_from} "
                "overlap",
                "close the earlier entry with effective_to on the day before",
            )


def read_entry(unit: Unit, model: EntryM) -> Entry:
    """Type and check one dated value.

    Raises:
        Fault: neither or both of value and unknown, or a value that does not agree with its
            unit or its arithmetic.
    """
    if (model.value is None) == (model.unknown is None):
        raise Fault("an entry needs either `value` or `unknown`")
    if model.unknown is not None:
        return Entry(model, 0, 1 if unit is Unit.TRUTH else None, model.unknown)
    value = _value(unit, str(model.value))
    if model.check is not None:
        _agree(model, str(model.value))
    return Entry(model, value, value, None)


def _value(unit: Unit, text: str) -> int:
    if unit is Unit.TRUTH:
        if text not in ("true", "false"):
            raise Fault("a truth is `true` or `false`")
        return int(text == "true")
    if text in ("true", "false"):
        raise Fault(f"{unit} needs a number")
    scale = 100 if unit in (Unit.FEN, Unit.FEN_PER_MONTH, Unit.DM2) else 1
    scaled = Decimal(text) * scale  # at most two decimals: exact
    if scaled != int(scaled):
        raise Fault(f"{unit} is a whole number")
    if int(scaled) > CAPS[unit]:
        raise Fault(f"{unit} is over the largest magnitude followed exactly")
    return int(scaled)


def _agree(model: EntryM, text: str) -> None:
    """The published value must equal its formula; values are published, formulas only check."""
    computed = arithmetic(ex.parse(str(model.check)))
    if computed != Fraction(text):
        shown = yuan_display(int(computed * 100)) if (computed * 100).denominator == 1 else computed
        raise Fault(
            f"the published value {text} is not {model.check} = {shown}",
            "correct the value or the check; if the publication itself is irregular, remove the "
            "check and say so in `note`",
        )


def arithmetic(expression: ex.Expression) -> Fraction:
    """Exact value of plain arithmetic on whole numbers.

    Raises:
        Fault: anything but whole numbers and `+ - * /`, or a division by zero.
    """
    match expression:
        case ex.Number(value):
            return Fraction(value)
        case ex.Arithmetic(operator, left, right):
            a, b = arithmetic(left), arithmetic(right)
            if operator == "/" and b == 0:
                raise Fault("division by zero")
            return {
                "+": lambda: a + b,
                "-": lambda: a - b,
                "*": lambda: a * b,
                "/": lambda: a / b,
            }[operator]()
        case _:
            raise Fault("a check is plain arithmetic on whole numbers, e.g. 24 * 1595")


Range = tuple[dt.date, dt.date | None]


def known_ranges(limit: Limit) -> list[Range]:
    """Periods in which the limit has an entry, neighbours joined."""
    ranges: list[Range] = []
    for entry in limit.entries:
        start, end = entry.model.effective_from, entry.model.effective_to
        if ranges and ranges[-1][1] is not None and start == ranges[-1][1] + ONE_DAY:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((start, end))
    return ranges


def check_covers(limit: Limit, needed: Sequence[Range]) -> None:
    """Refuse a limit with a hole where the rulebook is in force."""
    have = known_ranges(limit)
    for start, end in needed:
        if not any(a <= start and (b is None or (end is not None and end <= b)) for a, b in have):
            raise Fault(
                f"limit {limit.name} has a gap between {start} and {end or 'today'}",
                "add the published value, or an `unknown` entry that says what is not known",
            )


def range_text(ranges: Sequence[Range]) -> str:
    """`2016-04-01 to 2017-03-31, from 2019-04-01`."""
    return ", ".join(f"{a} to {b}" if b else f"from {a}" for a, b in ranges)
