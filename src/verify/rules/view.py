"""One household's evaluated quantities and contributions, as the presenting modules read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from verify.domain.verdict import FindingState, Interval, Text, TraceNode
from verify.rules.dated import Entry
from verify.rules.evaluate import Evaluation
from verify.rules.plan import HOUSEHOLD, PERSON, SUPPORTER, Plan, Test
from verify.rules.rulebook import Regime, Rulebook
from verify.rules.wording import Wording

Row = Mapping[str, Any]
Over = tuple[list[int], list[int]] | None
Ends = tuple[int | None, int | None, int, int]


@dataclass(frozen=True, slots=True)
class Member:
    """A co-living member: key, relation, number in the batch, position among person rows.

    Statutory supporters and things are presented in the same way, each at its own `level`.
    """

    person: str
    relation: str
    p: int
    at: int
    level: str = PERSON


class Readings(Protocol):
    """What the presenting modules read of evaluated households, wherever it is kept."""

    limits: dict[tuple[int, str], TraceNode]
    """Nodes of limits by regime: the same for every household of the day."""

    def ends(self, name: str, at: int, level: str = "") -> Ends:
        """Numerators and denominators of both ends of a quantity in one row (of its own level)."""

    def things(self, level: str, row: int) -> list[tuple[str, int]]:
        """Key and position of each thing of a level that belongs to a household."""

    def state(self, test: str, row: int) -> FindingState:
        """How a test came out in one row."""

    def holds(self, test: str, row: int) -> Interval:
        """Whether value and limit of a test compare as they should: 0, 1 or undetermined."""

    def clause(self, at: int) -> int | None:
        """Number of the first clause of the composition that may apply to a member."""


class Evaluated:
    """Columns of an evaluation as plain lists, fetched once each."""

    def __init__(self, evaluation: Evaluation) -> None:
        self.evaluation = evaluation
        self.limits: dict[tuple[int, str], TraceNode] = {}
        self._lists: dict[tuple[str, str], tuple[int, list[Any], list[Any], Over]] = {}
        self._things: dict[str, dict[int, list[tuple[str, int]]]] = {}
        self._clauses: list[list[bool]] = []

    def ends(self, name: str, at: int, level: str = "") -> Ends:
        """Numerators and denominators of both ends of a quantity in one row (of its own level)."""
        key = (name, level)
        found = self._lists.get(key)
        if found is None:
            column = self.evaluation.quantity(name, level)
            low, high = column.lo.to_list(), column.hi.to_list()
            over = column.over and (column.over[0].to_list(), column.over[1].to_list())
            found = self._lists[key] = (column.den, low, high, over)
        den, low, high, over = found
        if over is None:
            return low[at], high[at], den, den
        return low[at], high[at], den * over[0][at], den * over[1][at]

    def things(self, level: str, row: int) -> list[tuple[str, int]]:
        """Key and position of each thing of a level that belongs to a household."""
        if level not in self._things:
            found = self.evaluation.things(level)
            by_row: dict[int, list[tuple[str, int]]] = {}
            for at, (of, key) in enumerate(zip(found.row, found.key, strict=True)):
                by_row.setdefault(of, []).append((key, at))
            self._things[level] = by_row
        return self._things[level].get(row, [])

    def state(self, test: str, row: int) -> FindingState:
        """How a test came out in one row."""
        return self.evaluation.state(test, row)

    def holds(self, test: str, row: int) -> Interval:
        """Whether value and limit of a test compare as they should: 0, 1 or undetermined."""
        holds = self.evaluation.tests[test].holds
        return Interval(int(holds.lo[row]), int(holds.hi[row]))

    def clause(self, at: int) -> int | None:
        """Number of the first clause of the composition that may apply to a member."""
        if not self._clauses:
            self._clauses = [c.hi.to_list() for c in self.evaluation.clauses]
        return next((i for i, holds in enumerate(self._clauses) if holds[at]), None)


def shown(ends: Ends) -> Interval:
    """A quantity for people: divided and rounded half up to whole units.

    Only what is shown is rounded; every comparison was made on exact fractions.
    """
    low, high, low_den, high_den = ends
    if low_den == high_den == 1:
        return Interval(None if low is None else int(low), None if high is None else int(high))
    return Interval(
        None if low is None else half_up(int(low), low_den),
        None if high is None else half_up(int(high), high_den),
    )


def is_rounded(ends: Ends) -> bool:
    """Whether showing the quantity hides a fraction of a unit."""
    low, _, den, _ = ends
    return low is not None and int(low) % den != 0


@dataclass(frozen=True)
class View:
    """One household: its row in the open world, its members, what their measures are made of."""

    book: Rulebook
    regime: Regime
    readings: Readings
    row: int
    household: str
    region: str
    persons: Sequence[Member]  # sorted by key
    supporters: Sequence[Member]
    contributions: Sequence[Row]
    doubts: Mapping[str, Row]
    wording: Wording

    @property
    def plan(self) -> Plan:
        """The compiled rulebook."""
        return self.book.plan

    def interval(self, name: str, member: Member | None = None) -> Interval:
        """A quantity of the household, or of a member, as shown."""
        if member is None or not self.of_each(name, member.level):
            return shown(self.readings.ends(name, self.row))
        return shown(self.readings.ends(name, member.at, member.level))

    def of_each(self, name: str, level: str) -> bool:
        """Whether a quantity has a value of its own for each member, supporter or thing."""
        own = self.plan.quantities[name].level
        if level == SUPPORTER:
            return own in (SUPPORTER, PERSON) or name in self.plan.model.facts
        return own != HOUSEHOLD

    def population(self, level: str) -> Sequence[Member]:
        """Those whom an aggregate of a level adds up."""
        if level == PERSON:
            return self.may_count
        if level == SUPPORTER:
            return self.supporters
        return [Member(k, "", -1, at, level) for k, at in self.readings.things(level, self.row)]

    def state(self, test: Test) -> FindingState:
        """How a test came out with every doubt open."""
        return self.readings.state(test.name, self.row)

    def operator(self, test: Test) -> str:
        """The comparison operator in force."""
        chosen = self.regime.operators[test.name]
        return chosen.operator if chosen else test.operators[0]

    def possible(self, name: str) -> bool:
        """Whether a household truth can be true."""
        return bool(self.readings.ends(name, self.row)[1])

    def counted(self, member: Member) -> Interval:
        """Whether a member counts: 0, 1 or undetermined."""
        return shown(self.readings.ends("counted", member.at))

    @cached_property
    def may_count(self) -> tuple[Member, ...]:
        """Members who count or may count."""
        return tuple(m for m in self.persons if self.counted(m).hi)

    def clause(self, member: Member) -> str:
        """Code of the first clause of the composition that may apply to a member."""
        number = self.readings.clause(member.at)
        return "no_clause_applies" if number is None else self.plan.model.composition[number].code

    def entry(self, limit: str) -> Entry:
        """The entry of a limit that is in force."""
        return self.regime.entries[limit]

    def law_doubt(self, limit: str) -> str | None:
        """Name of the question that an unknown limit raises for this household."""
        unknown = self.entry(limit).unknown
        if unknown is None or not self.possible(f"arises#{unknown.doubt}"):
            return None
        return unknown.doubt

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
        may_count = {m.p for m in (*self.may_count, *self.supporters)}
        return [
            c
            for (p, name), rows in self.by_measure.items()
            if name in chosen and (p in may_count or name in self.plan.composition_measures)
            for c in rows
        ]

    @cached_property
    def person_titles(self) -> dict[str, Text]:
        """What to call each person: by relation, numbered where several share it."""
        everyone = [(m.person, m.relation) for m in (*self.persons, *self.supporters)]
        relations = [r for _, r in everyone]
        seen: dict[str, int] = {}
        titles = {}
        for person, relation in everyone:
            seen[relation] = seen.get(relation, 0) + 1
            several = relations.count(relation) > 1
            titles[person] = self.wording.person(relation, seen[relation] if several else 0)
        return titles


def half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded to the nearest whole number, halves away from zero."""
    sign = -1 if numerator < 0 else 1
    return sign * ((2 * abs(numerator) + denominator) // (2 * denominator))
