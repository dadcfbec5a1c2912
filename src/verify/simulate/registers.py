"""What the simulated departments hold, in one neutral form.

Fixtures and the population generator write these rows; each simulated source renders its own
rows in its own dialect (field names, units, dates, code tables). Nothing outside `simulate/`
knows this form. `name` and `id` are as the department holds them: the id may be a 15-digit
number, hold a wrong digit, be masked (`310101********1234`) or be empty.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Month = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")]


class Row(BaseModel):
    """A register row about one person."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    id: str = ""
    phone: str = ""
    address: str = ""


class TaxIncome(Row):
    """Income on which tax was declared, per month (`month`) or, settled yearly, per `year`."""

    item: Literal["wage", "labour", "business", "interest_dividend", "rent"]
    payer: str = ""
    amount: Decimal  # yuan, after tax and social insurance
    month: Month | None = None
    year: str | None = None


class TaxRole(Row):
    """A role in a registered enterprise, from the tax registration."""

    company: str
    credit_code: str
    role: Literal["legal_representative", "shareholder", "supervisor", "finance"]
    capital: Decimal = Decimal(0)
    status: Literal["active", "cancelled"] = "active"
    since: dt.date


class Vehicle(Row):
    """A registered motor vehicle."""

    plate: str
    vehicle_class: Literal[
        "car", "truck", "motorcycle", "electric_bicycle", "disability_vehicle", "farm"
    ]
    brand: str = ""
    registered_on: dt.date
    price: Decimal  # yuan, purchase price
    status: Literal["normal", "scrapped", "transferred"] = "normal"


class Owner(BaseModel):
    """One owner of a title and the share held, e.g. `1/2`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    id: str = ""
    share: Annotated[str, StringConstraints(pattern=r"^[0-9]+/[0-9]+$")] = "1/1"


class Title(BaseModel):
    """A real-estate title, or a purchase contract not yet registered (网签)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title_no: str
    basis: Literal["title", "contract"] = "title"
    use: Literal["residential", "homestead", "commercial", "office", "parking"]
    address: str
    area_m2: Decimal
    registered_on: dt.date
    owners: list[Owner] = Field(min_length=1)


class Account(Row):
    """A bank account with its balance and the movements of the last twelve months."""

    bank: Literal["ICBK", "RCBK", "PSBK"]  # three simulated banks
    account: str
    type: Literal["current", "deposit", "wealth"]
    balance: Decimal  # yuan
    credits_12m: Decimal = Decimal(0)
    debits_12m: Decimal = Decimal(0)
    joint_with: list[Row] = Field(default_factory=list)


class Contribution(Row):
    """One month of social-insurance contribution; `base` is the contribution base in yuan."""

    month: Month
    base: Decimal
    employer: str = ""


class Payout(Row):
    """One month of a benefit paid by social insurance, in yuan."""

    month: Month
    item: Literal["employee_pension", "resident_pension", "unemployment", "preferential"]
    amount: Decimal
    central_basic: Decimal = Decimal(0)  # the part that is the central basic pension


class Status(Row):
    """Insured status; `deceased_on` when the office stopped a pension for death."""

    deceased_on: dt.date | None = None


class Registers(BaseModel):
    """All rows of all five departments for a set of people."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tax_incomes: list[TaxIncome] = Field(default_factory=list)
    tax_roles: list[TaxRole] = Field(default_factory=list)
    vehicles: list[Vehicle] = Field(default_factory=list)
    titles: list[Title] = Field(default_factory=list)
    accounts: list[Account] = Field(default_factory=list)
    contributions: list[Contribution] = Field(default_factory=list)
    payouts: list[Payout] = Field(default_factory=list)
    statuses: list[Status] = Field(default_factory=list)
