"""Given households as the frames that `assess` takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from verify import frames
from verify.domain.household import Role
from verify.domain.money import fen_from_yuan
from verify.domain.period import Granularity, add_months
from verify.domain.verdict import DoubtKind
from verify.domain.vocabulary import StatementKind
from verify.rules.given import GivenCircumstance, GivenHousehold, GivenIncome, GivenMember

MONTHS_STATED = 36
"""Months before the application for which a monthly amount without dates is taken to hold."""


@dataclass(frozen=True)
class GivenFrames:
    """The four frames that `assess` takes."""

    households: pl.DataFrame
    persons: pl.DataFrame
    facts: pl.DataFrame
    doubts: pl.DataFrame


Row = dict[str, Any]


def facts_from_given(given: Sequence[tuple[str, GivenHousehold]]) -> GivenFrames:
    """Turn given households, each with a key of the caller's, into frames."""
    households: list[Row] = []
    persons: list[Row] = []
    facts: list[Row] = []
    doubts: list[Row] = []
    for key, household in given:
        households.append(
            {
                "household": key,
                "programme": household.programme,
                "region": household.region,
                "residence": household.residence.value,
                "as_of": household.as_of,
                "known_at": household.known_at or household.as_of,
            }
        )
        found = _Found()
        for member in household.members:
            persons.append(_person(member))
            persons[-1]["household"] = key
            found.read(member, household.as_of)
        facts += [{**f, "household": key} for f in found.facts]
        doubts += [{**d, "household": key} for d in found.doubts]
    return GivenFrames(
        frames.HOUSEHOLDS.frame(households),
        frames.PERSONS.frame(persons),
        frames.FACTS.frame(facts),
        frames.DOUBTS.frame(doubts),
    )


def _person(member: GivenMember) -> Row:
    return {
        "person": member.person,
        "role": (Role.SUPPORTER if member.supporter else Role.MEMBER).value,
        "relation": member.relation.value,
        "name": "",
        "former_names": [],
        "id_number": "",
        "birth": member.birth,
        "phone": "",
        "address": "",
    }


class _Found:
    """Facts and doubts of one household, numbered in the order of the document."""

    def __init__(self) -> None:
        self.facts: list[Row] = []
        self.doubts: list[Row] = []

    def read(self, member: GivenMember, as_of: dt.date) -> None:
        person = member.person
        for c in member.circumstances:
            self._circumstance(person, c)
        for income in member.incomes:
            self._income(person, income, as_of)
        for asset in member.assets:
            doubt = self._match(person, asset.kind.value, asset.doubtful)
            self._fact(
                person, asset.kind.value, asset.amount, asset.amount, doubt=doubt, as_of=as_of
            )
        for vehicle in member.vehicles:
            doubt = self._match(person, StatementKind.VEHICLE.value, vehicle.doubtful)
            category = vehicle.vehicle_class.value if vehicle.vehicle_class else None
            self._fact(person, "vehicle", 1, 1, doubt=doubt, as_of=as_of, category=category)
        for dwelling in member.dwellings:
            doubt = self._match(person, dwelling.kind.value, dwelling.doubtful)
            area = None if dwelling.area_m2 is None else int(fen_from_yuan(dwelling.area_m2))
            self._fact(person, dwelling.kind.value, 1, 1, doubt=doubt, as_of=as_of, area_dm2=area)
        for kind in member.unanswered:
            doubt = self._doubt(person, DoubtKind.MISSING, kind.value, "unavailable")
            self._fact(person, kind.value, 0, None, doubt=doubt)

    def _circumstance(self, person: str, c: GivenCircumstance) -> None:
        if not c.documented and not c.holds:
            return  # a denial without a paper says nothing
        doubt = None
        if not c.documented:
            code = "claimed_without_document"
            doubt = self._doubt(person, DoubtKind.ATTESTATION, c.kind.value, code)
        holds, category = int(c.holds), c.category or None
        self._fact(
            person, c.kind.value, holds, holds, doubt=doubt, grade=c.grade, category=category
        )

    def _income(self, person: str, income: GivenIncome, as_of: dt.date) -> None:
        kind = income.kind.value
        if income.yearly is not None and income.year is not None:
            doubt = self._doubt(person, DoubtKind.ANNUAL_ONLY, kind, "annual_only")
            self._fact(
                person,
                kind,
                0,
                income.yearly,
                doubt=doubt,
                granularity=Granularity.YEAR,
                period=(dt.date(income.year, 1, 1), dt.date(income.year, 12, 31)),
            )
            return
        theirs = self._match(person, kind, income.doubtful)
        for month in _months(income, as_of):
            last = add_months(month, 1) - dt.timedelta(days=1)
            self._fact(
                person,
                kind,
                income.monthly or 0,
                income.monthly or 0,
                doubt=theirs,
                granularity=Granularity.MONTH,
                period=(month, last),
            )

    def _match(self, person: str, quantity: str, doubtful: bool) -> str | None:
        return self._doubt(person, DoubtKind.MATCH, quantity, "given") if doubtful else None

    def _doubt(self, person: str, kind: DoubtKind, quantity: str, code: str) -> str:
        number = sum(1 for d in self.doubts if d["person"] == person and d["kind"] == kind.value)
        doubt = f"{kind.value}:given/{person}/{number + 1}"
        self.doubts.append(
            {
                "doubt": doubt,
                "kind": kind.value,
                "weighs": True,
                "person": person,
                "source": "",
                "record": "",
                "evidence": "",
                "quantities": [quantity],
                "code": code,
                "params": [],
            }
        )
        return doubt

    def _fact(
        self,
        person: str,
        quantity: str,
        lo: int,
        hi: int | None,
        *,
        doubt: str | None,
        granularity: Granularity = Granularity.INSTANT,
        period: tuple[dt.date, dt.date] | tuple[None, None] = (None, None),
        as_of: dt.date | None = None,
        category: str | None = None,
        grade: int | None = None,
        area_dm2: int | None = None,
    ) -> None:
        self.facts.append(
            {
                "fact": f"f{len(self.facts) + 1:04d}",
                "person": person,
                "quantity": quantity,
                "granularity": granularity.value,
                "period_start": period[0],
                "period_end": period[1],
                "as_of": as_of,
                "lo": lo,
                "hi": hi,
                "category": category,
                "grade": grade,
                "area_dm2": area_dm2,
                "object_key": None,
                "doubt": doubt,
                "evidence": [f"given/{person}"],
                "records": [],
                "note": None,
            }
        )


def _months(income: GivenIncome, as_of: dt.date) -> Iterator[dt.date]:
    first = _month(income.from_month) or add_months(as_of, -MONTHS_STATED)
    last = _month(income.to_month) or add_months(as_of, -1)
    month = max(first, add_months(as_of, -MONTHS_STATED))
    while month <= min(last, add_months(as_of, -1)):
        yield month
        month = add_months(month, 1)


def _month(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(f"{text}-01")
