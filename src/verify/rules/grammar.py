"""The form of a rulebook file: what policy staff write, field by field.

docs/reference/rules.md explains every field with an example. Unknown fields are refused, so that
a misspelt condition is an error and never a rule that silently does not exist.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from verify.domain import verdict
from verify.domain.household import Residence

Ident = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Formula = Annotated[str, StringConstraints(min_length=1, max_length=600)]
# GB/T 2260 (six digits), or ISO 3166 elsewhere: a country, or a subdivision of one.
RegionCode = Annotated[str, StringConstraints(pattern=r"^([0-9]{6}|[A-Z]{2}(-[A-Z0-9]{1,3})?)$")]
Operator = Literal["<", "<=", ">", ">=", "=", "<>"]
Confidence = Literal["read", "government", "newspaper", "archive", "unverified"]
NumberText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,13}(\.[0-9]{1,4})?$")]
Currency = Literal["CNY", "USD", "GBP"]
NamedUnit = Literal[
    "fen",
    "fen_per_month",
    "fen_per_year",
    "cent",
    "cent_per_month",
    "cent_per_year",
    "penny",
    "penny_per_month",
    "penny_per_year",
    "person",
    "item",
    "months",
    "years",
    "dm2",
    "ratio",
    "truth",
]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[Ident], BeforeValidator(_as_list), Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextM(_Model):
    """A sentence or title in Chinese and English."""

    zh: Annotated[str, StringConstraints(min_length=1, max_length=600)]
    en: Annotated[str, StringConstraints(min_length=1, max_length=900)]

    @property
    def text(self) -> verdict.Text:
        """As the domain's text."""
        return verdict.Text(self.zh, self.en)


class CitationM(_Model):
    """Where a rule or value was published, and how sure we are of the text."""

    document: Annotated[str, StringConstraints(min_length=2, max_length=300)]
    number: str = ""
    article: str = ""
    confidence: Confidence
    note: str = ""

    @property
    def citation(self) -> verdict.Citation:
        """As the domain's citation."""
        return verdict.Citation(
            self.document, self.number, self.article, self.confidence, self.note
        )


class Dated(_Model):
    """In force from a day to a day, both included; no end: until it is closed by a later edit."""

    effective_from: dt.date
    effective_to: dt.date | None = None
    published_at: dt.date | None = None

    def covers(self, day: dt.date) -> bool:
        """Whether `day` lies in the period."""
        return self.effective_from <= day and (
            self.effective_to is None or day <= self.effective_to
        )

    def known(self, day: dt.date) -> bool:
        """Whether the rule had been published by `day` (no date: taken as published)."""
        return self.published_at is None or self.published_at <= day


class UnknownM(_Model):
    """A value that the law has but our sources do not: the question it raises, and for whom."""

    doubt: Ident  # entries that share it are one question
    question: TextM
    remedy: TextM
    arises_when: Formula | None = None  # household truth; absent: for every household


class BandM(_Model):
    """One band of a limit: `low` to `high`, both included, of the quantity it goes by."""

    low: NumberText | None = None  # absent: from nothing
    high: NumberText | None = None  # absent: without end
    value: NumberText


class RetroactiveM(_Model):
    """The notice says that it takes effect before the day on which it was published."""

    note: TextM
    cite: Names


class TransitionalM(_Model):
    """Who still falls under the entry before: applications accepted before a day."""

    accepted_from: dt.date
    note: TextM
    cite: Names


class EntryM(Dated):
    """One dated value of a limit, as published: alone, by bands, or by words."""

    value: NumberText | Literal["true", "false"] | None = None
    bands: list[BandM] | None = Field(None, min_length=1, max_length=40)
    each_more: NumberText | None = None  # added for every one beyond the last band
    table: dict[str, NumberText] | None = Field(None, min_length=1, max_length=60)
    unknown: UnknownM | None = None
    check: Formula | None = None  # plain arithmetic that must give `value`
    retroactive: RetroactiveM | None = None
    transitional: TransitionalM | None = None
    cite: Names
    note: TextM | None = None


class LimitM(_Model):
    """A published figure with its history; `by` names what its bands or words go by."""

    title: TextM
    unit: NamedUnit
    by: Annotated[list[Ident], BeforeValidator(_as_list)] = Field(
        default_factory=list, max_length=2
    )
    entries: list[EntryM] = Field(min_length=1)


class WindowM(_Model):
    """Whole calendar months over which flows are added up.

    `before: month_of_application`: the months before it; `through`: the last of them is the month
    of application itself; `before: year_of_application`: whole calendar years before that year.
    """

    title: TextM
    months: int = Field(ge=1, le=36)
    before: Literal["month_of_application", "year_of_application"] | None = None
    through: Literal["month_of_application"] | None = None
    cite: Names
    note: TextM | None = None

    @model_validator(mode="after")
    def _one_anchor(self) -> WindowM:
        if (self.before is None) == (self.through is None):
            raise ValueError("a window has either `before` or `through`")
        if self.in_years and self.months % 12:
            raise ValueError("a window of calendar years has 12, 24 or 36 months")
        return self

    @property
    def in_years(self) -> bool:
        """Whether it is made of whole calendar years."""
        return self.before == "year_of_application"


class SpreadM(_Model):
    """The rule itself says that an amount known per year stands for the months of that year."""

    counts: Literal["in_full"]
    words: TextM  # what the law says, in its words
    cite: Names


class AbsentM(_Model):
    """What it means that nothing is said about a circumstance: unknown, not absent."""

    unknown: UnknownM
    arises_with: Names  # fact measures: only persons who have such facts are asked about


class UnstatedM(_Model):
    """What is asked where a number of persons is needed and nobody stated it."""

    doubt: Ident
    question: TextM
    remedy: TextM
    least: int = Field(1, ge=0, le=64)


class FactM(_Model):
    """A measure of facts, per person; of things (`count`, `area`), per household."""

    title: TextM
    of: Literal["amount", "count", "area", "worth", "number", "truth"]
    quantities: list[Ident] = Field(min_length=1)
    window: Ident | None = None
    # Amounts known per year only: they widen the upper end; or the measure is one of years; or
    # the rule says in words that they stand for the months. Never spread silently.
    annual: Literal["upper_bound_only", "per_year"] | SpreadM | None = None
    except_categories: list[str] = Field(default_factory=list)
    only_categories: list[str] = Field(default_factory=list)
    grades: list[int] = Field(default_factory=list)
    absent: AbsentM | None = None
    unstated: UnstatedM | None = None
    declared: bool = False  # what the family stated, instead of what was found


class QuantityM(_Model):
    """A named quantity: an expression over others.

    Of the household; of each member (`persons`); of each statutory supporter (`supporters`); of
    each thing (`things`, where `each` names the counted facts it is about).
    """

    title: TextM
    unit: NamedUnit
    formula: Formula = Field(alias="is")
    each: Ident | None = None
    cite: list[Ident] = Field(default_factory=list)
    note: TextM | None = None


class ExcludedM(_Model):
    """Kinds that the law says do not count: listed, so that leaving them out is no oversight."""

    quantities: list[Ident] = Field(min_length=1)
    cite: Names
    note: TextM | None = None


class ClauseM(_Model):
    """One clause of the composition; clauses are tried in order, the first that holds decides."""

    code: Ident
    counts: bool | Literal["choice"]  # choice: in or out, whichever favours the household
    when: Formula
    effective_from: dt.date | None = None
    effective_to: dt.date | None = None
    cite: Names
    note: TextM | None = None


class OperatorM(Dated):
    """The comparison operator as published for a period."""

    operator: Operator
    note: TextM | None = None


class TestM(_Model):
    """One condition of eligibility: `value operator limit`."""

    test: Ident
    title: TextM
    value: Ident
    operator: Operator | list[OperatorM]
    limit: Formula
    effect: Literal["fail", "refer"]
    applies_when: Formula | None = None
    refer_when: Formula | None = None  # not satisfied refers (instead of failing) where this holds
    settles: TextM | None = None
    cite: Names
    notes: list[TextM] = Field(default_factory=list)


class ExitM(_Model):
    """Gradual exit: for how long the benefit goes on once the household is above the line."""

    months: Ident  # a limit
    cite: Names
    note: TextM | None = None


class BenefitM(_Model):
    """Indicative monthly benefit of the household."""

    monthly: Ident
    each: Ident | None = None  # the part of each member, where the law sets it by person
    formula: TextM
    starts: (
        Literal["month_of_application", "month_after_confirmation", "day_of_application"] | None
    ) = None
    exit: ExitM | None = None
    cite: Names
    notes: list[TextM] = Field(default_factory=list)


class ChargeM(_Model):
    """What the household would have to pay itself, once it is eligible: a contribution, a fee."""

    charge: Ident  # a household quantity of money
    formula: TextM
    cite: Names


class RulebookM(_Model):
    """A rulebook file."""

    rules_schema: Literal["verify.rules/1"] = Field(alias="schema")
    programme: Ident
    region: RegionCode
    title: TextM
    currency: Currency = "CNY"
    in_force_with: Ident  # the limit whose known dates are the dates of the rulebook
    income_window: Ident
    mandatory_sources: list[Ident] = Field(default_factory=list)
    auxiliary_sources: list[Ident] = Field(default_factory=list)  # signals; they decide nothing
    areas: dict[Ident, list[RegionCode]] = Field(default_factory=dict)  # zones by region code
    citations: dict[Ident, CitationM]
    windows: dict[Ident, WindowM]
    composition: list[ClauseM] = Field(min_length=1)
    facts: dict[Ident, FactM]
    limits: dict[Ident, LimitM]
    excluded: list[ExcludedM] = Field(default_factory=list)
    things: dict[Ident, QuantityM] = Field(default_factory=dict)
    supporters: dict[Ident, QuantityM] = Field(default_factory=dict)
    persons: dict[Ident, QuantityM] = Field(default_factory=dict)
    household: dict[Ident, QuantityM]
    tests: list[TestM] = Field(min_length=1)
    benefit: BenefitM | None = None
    charges: list[ChargeM] = Field(default_factory=list)
    notes: list[TextM] = Field(default_factory=list)
    not_covered: list[TextM] = Field(default_factory=list)


class RegionM(_Model):
    """One region; `became` names the code that replaced a merged or renamed one.

    `within`: a region between it and its country that has law of its own; for codes that do not
    show it, such as those of ISO 3166-2.
    """

    code: RegionCode
    zh: str
    en: str
    within: RegionCode | None = None
    became: RegionCode | None = None
    until: dt.date | None = None  # the last day of the old code
    note: str = ""

    @model_validator(mode="after")
    def _ended(self) -> RegionM:
        if (self.became is None) != (self.until is None):
            raise ValueError("a code that was replaced has both `became` and `until`")
        if self.within is not None and self.code.isdigit():
            raise ValueError("a GB/T 2260 code shows what it lies within")
        return self


class WordM(_Model):
    """One kind of a country's vocabulary that the shared one lacks."""

    nature: Literal["flow", "spending", "stock", "item", "number", "signal"]
    zh: str
    en: str


class VocabularyM(_Model):
    """`rules/<country>/vocabulary.yaml`: kinds of income, spending, property, circumstances."""

    vocabulary_schema: Literal["verify.vocabulary/1"] = Field(alias="schema")
    note: str = ""
    kinds: dict[Ident, WordM]


class RegionsM(_Model):
    """The region table."""

    regions_schema: Literal["verify.regions/1"] = Field(alias="schema")
    note: str = ""
    regions: list[RegionM] = Field(min_length=1)


class QuestionM(_Model):
    """Wording of the question that a doubt raises; `{person}`, `{source}`, `{things}` fill in."""

    kind: Literal["match", "missing", "stale", "conflict", "attestation", "annual_only"]
    code: str
    question: TextM
    remedy: TextM


class WordingM(_Model):
    """The words of questions, in content so that they can be reviewed."""

    wording_schema: Literal["verify.wording/1"] = Field(alias="schema")
    relations: dict[str, TextM]
    sources: dict[str, TextM]
    quantities: dict[str, TextM]
    questions: list[QuestionM]
    refer: QuestionTextM


class QuestionTextM(_Model):
    """Question and remedy alone; `{test}` and `{settles}` fill in."""

    question: TextM
    remedy: TextM


WordingM.model_rebuild()

ATTRIBUTES = ("age", "relation", "residence", "area_of_region", "counted")
THING_ATTRIBUTES = (
    "worth",
    "price",
    "debt",
    "area",
    "years_owned",
    "months_owned",
    "category",
    "basis",
    "danger",
    "purpose",
)
RESIDENCES = tuple(r.value for r in Residence)
