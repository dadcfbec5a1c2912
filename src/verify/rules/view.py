"""One household's evaluated rows and contributions, as the presenting modules read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from verify.domain.verdict import Interval, Text
from verify.rules.dated import Entry
from verify.rules.interval import Value
from verify.rules.plan import Plan
from verify.rules.rulebook import Regime, Rulebook
from verify.rules.wording import Wording

Row = Mapping[str, Any]


@dataclass(frozen=True)
class View:
    """One household: its open-world row, its members' rows, what their measures are made of."""

    book: Rulebook
    regime: Regime
    row: Row
    persons: Sequence[Row]  # members, sorted by key
    supporters: Sequence[Row]
    contributions: Sequence[Row]
    doubts: Mapping[str, Row]
    wording: Wording

    @property
    def plan(self) -> Plan:
        """The compiled rulebook."""
        return self.book.plan

    def entry(self, limit: str) -> Entry:
        """The entry of a limit that is in force."""
        return self.regime.entries[limit]

    @cached_property
    def by_measure(self) -> dict[tuple[int, str], list[Row]]:
        """Contributions that are not nothing, by member and measure name."""
        names = [m.name for m in self.plan.measures]
        found: dict[tuple[int, str], list[Row]] = {}
        for c in self.contributions:
            if c["lo"] != 0 or c["hi"] != 0:
                found.setdefault((c["p"], names[c["m"]]), []).append(c)
        return found

    def touching(self, measures: Iterable[str]) -> list[Row]:
        """Contributions to any of the measures by members who may count."""
        chosen = set(measures)
        may_count = {r["p"] for r in self.persons if r["counted.hi"] == 1}
        return [
            c
            for (p, name), rows in self.by_measure.items()
            if name in chosen and (p in may_count or name in self.plan.composition_measures)
            for c in rows
        ]

    @cached_property
    def person_titles(self) -> dict[str, Text]:
        """What to call each person: by relation, numbered where several share it."""
        everyone = [*self.persons, *self.supporters]
        relations = [r["relation"] for r in everyone]
        seen: dict[str, int] = {}
        titles = {}
        for row in everyone:
            relation = row["relation"]
            seen[relation] = seen.get(relation, 0) + 1
            several = relations.count(relation) > 1
            titles[row["person"]] = self.wording.person(relation, seen[relation] if several else 0)
        return titles


def shown(row: Row, name: str, value: Value) -> Interval:
    """A quantity for people: divided and rounded half up to whole units.

    Only what is shown is rounded; every comparison was made on exact fractions.
    """
    if value.constant is not None:
        return Interval(value.constant, value.constant)
    lo, hi = row[f"{name}.lo"], row[f"{name}.hi"]
    low_den = high_den = value.den
    if value.over is not None:
        low_den, high_den = low_den * row[f"{name}.over_lo"], high_den * row[f"{name}.over_hi"]
    return Interval(
        None if lo is None else half_up(lo, low_den),
        None if hi is None else half_up(hi, high_den),
    )


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded to the nearest whole number, halves away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))


def is_rounded(row: Row, name: str, value: Value) -> bool:
    """Whether showing the quantity hides a fraction of a unit."""
    den = value.den * (row[f"{name}.over_lo"] if value.over is not None else 1)
    lo = row[f"{name}.lo"]
    return lo is not None and lo % den != 0
