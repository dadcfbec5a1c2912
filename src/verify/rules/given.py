"""Given facts: a household as a caller states it, judged without asking any source.

The body of `POST /v1/assessments`, the input of `verify assess`, and the form of golden cases.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from verify.domain.household import Residence
from verify.domain.money import Fen, fen_from_yuan
from verify.domain.vocabulary import Relation

Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]
Area = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,6}(\.[0-9]{1,2})?$")]
Kind = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Share = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3}/[1-9][0-9]{0,3}$")]
MAX_MEMBERS = 40


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

    kind: Kind
    holds: bool = True
    documented: bool = True
    grade: int | None = Field(None, ge=1, le=4)
    category: str = ""


class GivenIncome(_Given):
    """Income or spending of one kind: `monthly`, or `yearly` where only the year's is known.

    A monthly amount holds from `from_month` to `to_month`; without them, in every month up to
    that of the application. A yearly amount is never spread over months: it only widens the
    bounds, except where the rule is about years or says in words that it stands for them.
    """

    kind: Kind
    monthly: Yuan | None = None
    yearly: Yuan | None = None
    year: int | None = Field(None, ge=1990, le=2100)
    from_month: Month | None = None
    to_month: Month | None = None
    doubtful: bool = Field(False, description="Whether it is theirs is not settled.")

    @model_validator(mode="after")
    def _one_amount(self) -> GivenIncome:
        if (self.monthly is None) == (self.yearly is None):
            raise ValueError("give either `monthly` or `yearly`")
        if (self.yearly is None) != (self.year is None):
            raise ValueError("`yearly` needs `year`, and only `yearly` has it")
        return self


class GivenAsset(_Given):
    """Savings and other money's worth on the day of application."""

    kind: Kind = "bank_balance"
    amount: Yuan
    doubtful: bool = False


class _GivenThing(_Given):
    """What may be known of a thing; what is not given is not known."""

    thing: Key | None = Field(None, description="The same key with two members: one thing.")
    share: Share | None = Field(None, description="This member's share; absent: the whole.")
    worth: Yuan | None = Field(None, description="Worth of the whole on the day.")
    price: Yuan | None = Field(None, description="Price of the whole when acquired.")
    debt: Yuan | None = Field(None, description="Debt secured on the whole.")
    acquired: dt.date | None = None
    purpose: Kind | None = None
    doubtful: bool = False


class GivenVehicle(_GivenThing):
    """A motor vehicle."""

    vehicle_class: Kind | None = Field(None, description="Absent: not known.")


class GivenDwelling(_GivenThing):
    """A dwelling, village homestead or non-residential property."""

    kind: Kind = "dwelling"
    area_m2: Area | None = None
    basis: Kind | None = Field(None, description="title, contract or registered_contract.")
    danger: Annotated[str, StringConstraints(pattern="^[A-D]$")] | None = None


class GivenThing(_GivenThing):
    """Any other thing: a farm machine, a boat, a role or share in a company (worth: capital)."""

    kind: Kind
    category: Kind | None = None


class GivenNumber(_Given):
    """A number of persons stated about a statutory supporter, e.g. the size of the family."""

    kind: Kind
    number: int = Field(ge=0, le=64)


class GivenDeclared(_Given):
    """What the family itself declared: a monthly amount, a balance, or a number of things."""

    kind: Kind
    monthly: Yuan | None = None
    amount: Yuan | None = None
    number: int | None = Field(None, ge=0, le=1000)

    @model_validator(mode="after")
    def _one_amount(self) -> GivenDeclared:
        if sum(v is not None for v in (self.monthly, self.amount, self.number)) != 1:
            raise ValueError("give one of `monthly`, `amount` and `number`")
        return self


class GivenMember(_Given):
    """One co-living member, or (`supporter: true`) a statutory supporter outside the household.

    The amounts of a supporter are those of the supporter's own family.
    """

    person: Key
    relation: Relation
    birth: dt.date
    supporter: bool = False
    circumstances: list[GivenCircumstance] = Field(default_factory=list, max_length=16)
    incomes: list[GivenIncome] = Field(default_factory=list, max_length=60)
    spending: list[GivenIncome] = Field(default_factory=list, max_length=60)
    assets: list[GivenAsset] = Field(default_factory=list, max_length=60)
    vehicles: list[GivenVehicle] = Field(default_factory=list, max_length=20)
    dwellings: list[GivenDwelling] = Field(default_factory=list, max_length=20)
    things: list[GivenThing] = Field(default_factory=list, max_length=20)
    numbers: list[GivenNumber] = Field(default_factory=list, max_length=8)
    declared: list[GivenDeclared] = Field(default_factory=list, max_length=60)
    unanswered: list[Kind] = Field(
        default_factory=list,
        max_length=60,
        description="Kinds about which nobody has answered: not nothing, but unknown.",
    )


class GivenHousehold(_Given):
    """A household with its facts as given; nothing is asked and nothing is stored."""

    programme: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
    region: Annotated[str, StringConstraints(pattern=r"^([0-9]{6}|[A-Z]{2}(-[A-Z0-9]{1,3})?)$")]
    residence: Residence = Residence.URBAN
    as_of: dt.date
    known_at: dt.date | None = Field(None, description="Default: `as_of`.")
    accepted_on: dt.date | None = Field(
        None, description="The day on which the application was accepted. Default: `as_of`."
    )
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
