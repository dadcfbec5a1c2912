"""Given facts: a household as a caller states it, judged without asking any source.

The body of `POST /v1/assessments`, the input of `verify assess`, and the form of golden cases.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import polars as pl
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from verify import frames
from verify.domain.household import Residence, Role
from verify.domain.money import Fen, fen_from_yuan
from verify.domain.period import Granularity, add_months
from verify.domain.verdict import DoubtKind
from verify.domain.vocabulary import (
    Circumstance,
    Nature,
    Relation,
    StatementKind,
    VehicleClass,
)

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
Area = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(\.[0-9]{1,2})?$")]
MAX_MEMBERS = 40
MONTHS_STATED = 36
"""Months before the application for which a monthly amount without dates is taken to hold."""


def _yuan(value: Any) -> Any:
    """Money crosses the edge as decimal text in yuan, never as a JSON number (a float)."""
    if not isinstance(value, str):
        raise ValueError('an amount is decimal text in yuan, for example "1595.00"')
    return fen_from_yuan(value)


Yuan = Annotated[Fen, BeforeValidator(_yuan), Field(json_schema_extra={"type": "string"})]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GivenCircumstance(_Given):
    """A circumstance of a member; `documented: false` makes it a claim that counts as doubtful."""

    kind: Circumstance
    holds: bool = True
    documented: bool = True
    grade: int | None = Field(None, ge=1, le=4)
    category: str = ""


class GivenIncome(_Given):
    """Income of one kind: `monthly` yuan, or `yearly` where only the year's amount is known.

    A monthly amount holds from `from_month` to `to_month`; without them, in every month before
    the application. A yearly amount is never spread over months: it only widens the bounds.
    """

    kind: StatementKind
    monthly: Yuan | None = None
    yearly: Yuan | None = None
    year: int | None = Field(None, ge=1990, le=2100)
    from_month: Month | None = None
    to_month: Month | None = None
    doubtful: bool = Field(False, description="Whether it is theirs is not settled.")

    @model_validator(mode="after")
    def _one_amount(self) -> GivenIncome:
        if self.kind.nature is not Nature.FLOW:
            raise ValueError("this kind is not income")
        if (self.monthly is None) == (self.yearly is None):
            raise ValueError("give either `monthly` or `yearly`")
        if (self.yearly is None) != (self.year is None):
            raise ValueError("`yearly` needs `year`, and only `yearly` has it")
        return self


class GivenAsset(_Given):
    """Savings on the day of application."""

    kind: StatementKind = StatementKind.BANK_BALANCE
    amount: Yuan
    doubtful: bool = False

    @model_validator(mode="after")
    def _stock(self) -> GivenAsset:
        if self.kind.nature is not Nature.STOCK:
            raise ValueError("this kind is not savings")
        return self


class GivenVehicle(_Given):
    """A motor vehicle."""

    vehicle_class: VehicleClass | None = Field(None, description="Absent: not known.")
    doubtful: bool = False


class GivenDwelling(_Given):
    """A dwelling, village homestead or non-residential property."""

    kind: StatementKind = StatementKind.DWELLING
    area_m2: Area | None = None
    doubtful: bool = False

    @model_validator(mode="after")
    def _building(self) -> GivenDwelling:
        if self.kind.nature is not Nature.ITEM or self.kind is StatementKind.VEHICLE:
            raise ValueError("this kind is not a building")
        return self


class GivenMember(_Given):
    """One co-living member, or (`supporter: true`) a statutory supporter outside the household."""

    person: Key
    relation: Relation
    birth: dt.date
    supporter: bool = False
    circumstances: list[GivenCircumstance] = Field(default_factory=list, max_length=16)
    incomes: list[GivenIncome] = Field(default_factory=list, max_length=60)
    assets: list[GivenAsset] = Field(default_factory=list, max_length=60)
    vehicles: list[GivenVehicle] = Field(default_factory=list, max_length=20)
    dwellings: list[GivenDwelling] = Field(default_factory=list, max_length=20)
    unanswered: list[StatementKind] = Field(
        default_factory=list,
        max_length=20,
        description="Kinds about which nobody has answered: not nothing, but unknown.",
    )


class GivenHousehold(_Given):
    """A household with its facts as given; nothing is asked and nothing is stored."""

    programme: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
    region: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    residence: Residence = Residence.URBAN
    as_of: dt.date
    known_at: dt.date | None = Field(None, description="Default: `as_of`.")
    members: list[GivenMember] = Field(min_length=1, max_length=MAX_MEMBERS)

    @model_validator(mode="after")
    def _household(self) -> GivenHousehold:
        keys = [m.person for m in self.members]
        if len(set(keys)) != len(keys):
            raise ValueError("two members have the same key")
        applicants = [m for m in self.members if m.relation is Relation.SELF and not m.supporter]
        if len(applicants) != 1:
            raise ValueError("exactly one member has the relation `self`: the applicant")
        if any(m.birth > self.as_of for m in self.members):
            raise ValueError("a member is born after the day of assessment")
        for member in self.members:
            kinds = [c.kind for c in member.circumstances]
            if len(set(kinds)) != len(kinds):
                raise ValueError("a member has the same circumstance twice")
        return self


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
