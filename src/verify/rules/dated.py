"""Dated values: limits with their history, and the regime in force on a day.

The law in force is found by date, never guessed: a day without an entry is an error that names
the known ranges. An entry may say that the law has a value which our sources do not (`unknown`);
then the quantity is unbounded and raises a question of kind `law`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from verify.domain.money import yuan_display
from verify.rules import expressions as ex
from verify.rules.expressions import Fault
from verify.rules.grammar import Dated, EntryM, LimitM, UnknownM
from verify.rules.units import CAPS, MONEY, Unit, named

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
    """A published figure with its history, oldest first; values are numerators over `den`."""

    name: str
    unit: Unit
    model: LimitM
    entries: tuple[Entry, ...]
    den: int = 1

    @property
    def banded(self) -> bool:
        """Whether its values go by bands or words; see `verify.rules.bands`."""
        return bool(self.model.by)

    def on(self, day: dt.date, known_at: dt.date, accepted: dt.date) -> Entry | None:
        """The entry in force on `day` for an application accepted on `accepted`.

        An entry that had not been published by `known_at`, or that spares applications accepted
        earlier, leaves the entry that it follows in force.
        """
        started = [i for i, e in enumerate(self.entries) if e.model.effective_from <= day]
        if not started or not self.entries[started[-1]].model.covers(day):
            return None
        for i in reversed(started):
            entry, later = self.entries[i], self.entries[i + 1] if i < started[-1] else None
            if (
                later is not None
                and entry.model.effective_to != later.model.effective_from - ONE_DAY
            ):
                return None  # nothing was in force before the later entry
            held = entry.model.transitional
            spared = held is not None and accepted < held.accepted_from
            if entry.model.known(known_at) and not spared:
                return entry
        return None


def basis(model: LimitM, currency: str) -> tuple[Unit, int]:
    """The unit of a limit, and the denominator of its values.

    Raises:
        Fault: a unit of another currency.
    """
    unit = named(model.unit, currency)
    if unit is not Unit.RATIO:
        return unit, 1
    texts = [t for e in model.entries for t in texts_of(e)]
    return unit, math.lcm(1, *(Fraction(t).denominator for t in texts))


def limit_from(name: str, model: LimitM, unit: Unit, den: int, entries: Sequence[Entry]) -> Limit:
    """Put the entries of a limit in order of time.

    Raises:
        Fault: two entries overlap, one ends before it starts, or the first has a transitional
            clause.
    """
    ordered = sorted(entries, key=lambda e: e.model.effective_from)
    check_periods([e.model for e in ordered], f"limit {name}")
    if ordered[0].model.transitional is not None:
        raise Fault(
            f"limit {name} has a transitional clause and nothing before it",
            "add the entry that earlier applications fall under",
        )
    return Limit(name, unit, model, tuple(ordered), den)


def texts_of(entry: EntryM) -> list[str]:
    """Every number of an entry, as published."""
    texts = [entry.value, entry.each_more, *(b.value for b in entry.bands or ())]
    texts += (entry.table or {}).values()
    return [t for t in texts if t is not None and t not in ("true", "false")]


def _check_published(entry: EntryM) -> None:
    late = entry.published_at is not None and entry.published_at > entry.effective_from
    if late and entry.retroactive is None:
        raise Fault(
            f"the value takes effect on {entry.effective_from}, before it was published on "
            f"{entry.published_at}, and no clause says that it does",
            "add `retroactive` with the words and citation of the clause, or correct the dates",
        )
    if entry.retroactive is not None and not late:
        raise Fault(
            "there is a retroactive clause, but the value does not take effect before its "
            "publication",
            "give `published_at`, or remove the clause",
        )


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


def read_entry(unit: Unit, model: EntryM, den: int = 1, banded: bool = False) -> Entry:
    """Type and check one dated value.

    Raises:
        Fault: not exactly one of value, bands, table and unknown; or a value that does not agree
            with its unit or its arithmetic.
    """
    _check_published(model)
    given = [f for f in (model.value, model.bands, model.table, model.unknown) if f is not None]
    if len(given) != 1:
        raise Fault("an entry needs exactly one of `value`, `bands`, `table` and `unknown`")
    if model.each_more is not None and model.bands is None:
        raise Fault("only bands have `each_more`")
    if not banded and (model.bands is not None or model.table is not None):
        raise Fault(
            "the bands or words go by nothing",
            "name the quantity they go by under `by`, e.g. `by: members`",
        )
    if model.check is not None and model.value is None:
        raise Fault("only a single value has a `check`")
    if model.unknown is not None:
        return Entry(model, 0, 1 if unit is Unit.TRUTH else None, model.unknown)
    for text in texts_of(model):
        number(unit, text, den)
    if model.value is None:
        return Entry(model, 0, None, None)
    value = number(unit, str(model.value), den)
    if model.check is not None:
        _agree(model, str(model.value))
    return Entry(model, value, value, None)


def number(unit: Unit, text: str, den: int = 1) -> int:
    """A published number as a whole number of its unit, over `den`.

    Raises:
        Fault: it is not one.
    """
    if unit is Unit.TRUTH:
        if text not in ("true", "false"):
            raise Fault("a truth is `true` or `false`")
        return int(text == "true")
    if text in ("true", "false"):
        raise Fault(f"{unit} needs a number")
    scale = 100 if unit in (*MONEY, Unit.DM2) else den
    scaled = Fraction(text) * scale
    if scaled.denominator != 1:
        raise Fault(f"{unit} is a whole number" if scale == 1 else f"{text} has too many decimals")
    if int(scaled) > CAPS[unit] * den:
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
