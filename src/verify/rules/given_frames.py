"""Given households as the frames that `assess` takes."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import polars as pl

from verify import frames
from verify.domain.errors import InputError, Problem
from verify.domain.household import Role
from verify.domain.money import fen_from_yuan
from verify.domain.period import Granularity, add_months
from verify.domain.verdict import DoubtKind
from verify.domain.vocabulary import Nature
from verify.rules.declared import declared_facts
from verify.rules.given import (
    GivenAsset,
    GivenCircumstance,
    GivenDwelling,
    GivenHousehold,
    GivenIncome,
    GivenMember,
    GivenThing,
    GivenVehicle,
)
from verify.rules.law import Law
from verify.rules.vocabulary import Vocabulary

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


def facts_from_given(given: Sequence[tuple[str, GivenHousehold]], law: Law) -> GivenFrames:
    """Turn given households, each with a key of the caller's, into frames.

    Raises:
        UnknownRegion, UnknownProgramme: the law does not cover a household.
        InputError: a kind that the vocabulary of the country lacks, or one of another nature.
    """
    households: list[Row] = []
    persons: list[Row] = []
    facts: list[Row] = []
    doubts: list[Row] = []
    for key, household in given:
        vocabulary = law.vocabulary(household.region, household.programme)
        _check_kinds(household, vocabulary)
        households.append(
            {
                "household": key,
                "programme": household.programme,
                "region": household.region,
                "residence": household.residence.value,
                "as_of": household.as_of,
                "known_at": household.known_at or household.as_of,
                "accepted_on": household.accepted_on,
            }
        )
        found = _Found(household.as_of)
        # By key, so that what is numbered does not hang on the order in which members are named.
        for member in sorted(household.members, key=lambda m: m.person):
            persons.append(_person(member))
            persons[-1]["household"] = key
            found.read(member)
        facts += [{**f, "household": key} for f in found.facts]
        doubts += [{**d, "household": key} for d in found.doubts]
    return GivenFrames(
        frames.HOUSEHOLDS.frame(households),
        frames.PERSONS.frame(persons),
        frames.FACTS.frame(facts),
        frames.DOUBTS.frame(doubts),
    )


_SECTIONS: dict[str, tuple[Nature, ...]] = {
    "circumstances": (Nature.SIGNAL,),
    "incomes": (Nature.FLOW,),
    "spending": (Nature.SPENDING,),
    "assets": (Nature.STOCK,),
    "dwellings": (Nature.ITEM,),
    "things": (Nature.ITEM,),
    "numbers": (Nature.NUMBER,),
    "declared": (Nature.FLOW, Nature.SPENDING, Nature.STOCK, Nature.ITEM),
}


def _check_kinds(household: GivenHousehold, vocabulary: Vocabulary) -> None:
    """Refuse a kind that is no word of the vocabulary, or stands in the wrong list."""
    for i, member in enumerate(household.members):
        for section, natures in _SECTIONS.items():
            for j, item in enumerate(getattr(member, section)):
                at = f"/members/{i}/{section}/{j}/kind"
                _check_kind(item.kind, natures, at, vocabulary)
        for j, kind in enumerate(member.unanswered):
            _check_kind(kind, tuple(Nature), f"/members/{i}/unanswered/{j}", vocabulary)


def _check_kind(kind: str, natures: Sequence[Nature], at: str, vocabulary: Vocabulary) -> None:
    nature = vocabulary.natures.get(kind)
    if nature in natures:
        return
    words = sorted(k for k, n in vocabulary.natures.items() if n in natures)
    problem = "is not a kind of fact" if nature is None else f"is a {nature.value}"
    raise InputError(
        f"{at}: the kind {problem} that belongs here",
        remedy="use one of: " + ", ".join(words),
        problems=(
            Problem(at, "unknown-kind", f"the kind {problem}.", f"Use: {', '.join(words)}."),
        ),
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
    """Facts and doubts of one household, numbered by member in the order of the document."""

    def __init__(self, as_of: dt.date) -> None:
        self.facts: list[Row] = []
        self.doubts: list[Row] = []
        self._as_of = as_of

    def read(self, member: GivenMember) -> None:
        person = member.person
        for c in member.circumstances:
            self._circumstance(person, c)
        for income in (*member.incomes, *member.spending):
            self._income(person, income)
        for asset in member.assets:
            self._asset(person, asset)
        things = (member.vehicles, member.dwellings, member.things)
        for thing in itertools.chain[GivenVehicle | GivenDwelling | GivenThing](*things):
            self._thing(person, thing)
        for number in member.numbers:
            self._fact(person, number.kind, number.number, number.number)
        for row in declared_facts(self._as_of, [_declared(d) for d in member.declared]):
            self._fact(person, row.pop("quantity"), row.pop("lo"), row.pop("hi"), **row)
        for kind in member.unanswered:
            doubt = self._doubt(person, DoubtKind.MISSING, kind, "unavailable")
            self._fact(person, kind, 0, None, doubt=doubt)

    def _circumstance(self, person: str, c: GivenCircumstance) -> None:
        if not c.documented and not c.holds:
            return  # a denial without a paper says nothing
        doubt = None
        if not c.documented:
            code = "claimed_without_document"
            doubt = self._doubt(person, DoubtKind.ATTESTATION, c.kind, code)
        holds, category = int(c.holds), c.category or None
        self._fact(person, c.kind, holds, holds, doubt=doubt, grade=c.grade, category=category)

    def _asset(self, person: str, asset: GivenAsset) -> None:
        doubt = self._match(person, asset.kind, asset.doubtful)
        self._fact(person, asset.kind, asset.amount, asset.amount, doubt=doubt, as_of=self._as_of)

    def _thing(self, person: str, thing: GivenVehicle | GivenDwelling | GivenThing) -> None:
        kind = "vehicle" if isinstance(thing, GivenVehicle) else thing.kind
        more: Row = {}
        if isinstance(thing, GivenVehicle):
            more["category"] = thing.vehicle_class
        elif isinstance(thing, GivenThing):
            more["category"] = thing.category
        else:
            area = None if thing.area_m2 is None else int(fen_from_yuan(thing.area_m2))
            more |= {"area_dm2": area, "basis": thing.basis, "danger": thing.danger}
        share = Fraction(thing.share or "1/1")
        self._fact(
            person,
            kind,
            1,
            1,
            doubt=self._match(person, kind, thing.doubtful),
            as_of=self._as_of,
            worth=_part(thing.worth, share),
            debt=_part(thing.debt, share),
            price=thing.price,
            acquired=thing.acquired,
            purpose=thing.purpose,
            object_key=None if thing.thing is None else f"{kind}/{thing.thing}",
            **more,
        )

    def _income(self, person: str, income: GivenIncome) -> None:
        kind = income.kind
        if income.yearly is not None and income.year is not None:
            doubt = self._doubt(person, DoubtKind.ANNUAL_ONLY, kind, "annual_only")
            self._fact(
                person,
                kind,
                income.yearly,
                income.yearly,
                doubt=doubt,
                granularity=Granularity.YEAR.value,
                period_start=dt.date(income.year, 1, 1),
                period_end=dt.date(income.year, 12, 31),
            )
            return
        theirs = self._match(person, kind, income.doubtful)
        for month in _months(income, self._as_of):
            last = add_months(month, 1) - dt.timedelta(days=1)
            amount = income.monthly or 0
            self._fact(
                person,
                kind,
                amount,
                amount,
                doubt=theirs,
                granularity=Granularity.MONTH.value,
                period_start=month,
                period_end=last,
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

    def _fact(self, person: str, quantity: str, lo: int, hi: int | None, **more: Any) -> None:
        self.facts.append(
            {
                "fact": f"f{len(self.facts) + 1:04d}",
                "person": person,
                "quantity": quantity,
                "granularity": Granularity.INSTANT.value,
                "lo": lo,
                "hi": hi,
                "evidence": [f"given/{person}"],
                "records": [],
                **more,
            }
        )


def _declared(declared: Any) -> tuple[str, int, bool]:
    """Kind, amount, and whether it is per month."""
    if declared.monthly is not None:
        return declared.kind, declared.monthly, True
    return declared.kind, declared.amount if declared.number is None else declared.number, False


def _part(amount: int | None, share: Fraction) -> int | None:
    """A member's part of an amount, to the fen below."""
    return None if amount is None else int(amount * share)


def _months(income: GivenIncome, as_of: dt.date) -> Iterator[dt.date]:
    first = _month(income.from_month) or add_months(as_of, -MONTHS_STATED)
    last = _month(income.to_month) or add_months(as_of, 0)
    month = max(first, add_months(as_of, -MONTHS_STATED))
    while month <= min(last, add_months(as_of, 0)):
        yield month
        month = add_months(month, 1)


def _month(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(f"{text}-01")
