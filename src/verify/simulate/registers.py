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


class Residence(Row):
    """An entry in the household register (户籍): which household, since when, how it ended."""

    household_no: str
    relation: Literal["head", "spouse", "child", "parent", "other"]
    since: dt.date
    status: Literal["registered", "moved_out", "cancelled"] = "registered"


class Marriage(Row):
    """A marriage or divorce registration of this person with another."""

    spouse_name: str
    spouse_id: str = ""
    certificate_no: str
    registered_on: dt.date
    status: Literal["married", "divorced"] = "married"


class Death(Row):
    """A death, and the cremation where there was one."""

    died_on: dt.date
    cremated_on: dt.date | None = None
    place: str = ""


class Enterprise(Row):
    """A role in a registered market entity, from the market register itself."""

    company: str
    credit_code: str
    role: Literal["legal_representative", "shareholder", "supervisor", "self_employed"]
    subscribed: Decimal = Decimal(0)  # yuan
    since: dt.date
    status: Literal["active", "cancelled", "revoked"] = "active"


class ProvidentFund(Row):
    """A housing provident fund account (住房公积金)."""

    account: str
    employer: str = ""
    monthly_deposit: Decimal
    balance: Decimal
    status: Literal["paying", "sealed"] = "paying"


class Security(Row):
    """What an account at a broker or fund manager is worth."""

    account: str
    broker: str
    product: Literal["stock", "fund", "cash"]
    code: str = ""
    worth: Decimal  # yuan, on the day of the data


class Policy(Row):
    """A commercial insurance policy and its cash value."""

    insurer: Literal["CLIC", "PAIC", "CPIC"]  # three simulated insurers
    policy_no: str
    product: str = ""
    cash_value: Decimal
    yearly_premium: Decimal = Decimal(0)
    since: dt.date
    status: Literal["in_force", "lapsed"] = "in_force"


class InternetAsset(Row):
    """Money on an internet platform."""

    platform: str
    account: str
    product: Literal["balance", "money_fund", "loan_claim"]
    amount: Decimal


class DisabilityRecord(Row):
    """A disability certificate (残疾人证)."""

    certificate_no: str
    category: Literal["肢体", "视力", "听力", "言语", "智力", "精神", "多重"]
    grade: Literal[1, 2, 3, 4]
    valid_until: dt.date
    allowance: Decimal = Decimal(0)  # yuan a month: living and nursing allowances


class Enrolment(Row):
    """Somebody at a school, and what it costs a year."""

    school: str
    stage: Literal["secondary", "vocational", "undergraduate", "postgraduate"]
    full_time: bool = True
    yearly_fee: Decimal = Decimal(0)
    student_no: str
    since: dt.date
    until: dt.date


class MedicalBill(Row):
    """One settlement of a treatment: what it cost and what the patient paid in the end."""

    settlement_no: str
    hospital: str = ""
    month: Month
    total: Decimal
    self_paid: Decimal


class FarmSubsidy(Row):
    """A subsidy paid to a farmer for a year."""

    year: str
    item: str
    amount: Decimal


class FarmMachine(Row):
    """A registered large farm machine."""

    number: str
    type: Literal["tractor", "harvester", "planter"]
    bought_on: dt.date
    price: Decimal


class UtilityUse(Row):
    """Whether a household's use of water, power and gas is out of proportion."""

    out_of_proportion: bool = False


class Registers(BaseModel):
    """All rows of all departments for a set of people."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    tax_incomes: list[TaxIncome] = Field(default_factory=list)
    tax_roles: list[TaxRole] = Field(default_factory=list)
    vehicles: list[Vehicle] = Field(default_factory=list)
    titles: list[Title] = Field(default_factory=list)
    accounts: list[Account] = Field(default_factory=list)
    contributions: list[Contribution] = Field(default_factory=list)
    payouts: list[Payout] = Field(default_factory=list)
    statuses: list[Status] = Field(default_factory=list)
    residences: list[Residence] = Field(default_factory=list)
    marriages: list[Marriage] = Field(default_factory=list)
    deaths: list[Death] = Field(default_factory=list)
    enterprises: list[Enterprise] = Field(default_factory=list)
    provident_funds: list[ProvidentFund] = Field(default_factory=list)
    securities: list[Security] = Field(default_factory=list)
    policies: list[Policy] = Field(default_factory=list)
    internet_assets: list[InternetAsset] = Field(default_factory=list)
    disabilities: list[DisabilityRecord] = Field(default_factory=list)
    enrolments: list[Enrolment] = Field(default_factory=list)
    medical_bills: list[MedicalBill] = Field(default_factory=list)
    farm_subsidies: list[FarmSubsidy] = Field(default_factory=list)
    farm_machines: list[FarmMachine] = Field(default_factory=list)
    utilities: list[UtilityUse] = Field(default_factory=list)
