"""The form of a rulebook file: what policy staff write, field by field.

docs/reference/rules.md explains every field with an example. Unknown fields are refused, so that
a misspelt condition is an error and never a rule that silently does not exist.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from verify.domain import verdict
from verify.domain.household import Residence
from verify.domain.vocabulary import Circumstance, StatementKind

Ident = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Formula = Annotated[str, StringConstraints(min_length=1, max_length=600)]
RegionCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
Operator = Literal["<", "<=", ">", ">=", "=", "<>"]
Confidence = Literal["read", "government", "newspaper", "archive", "unverified"]
NumberText = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,13}(\.[0-9]{1,2})?$")]
NamedUnit = Literal["fen", "fen_per_month", "person", "item", "dm2", "years", "truth"]


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


class EntryM(Dated):
    """One dated value of a limit, as published."""

    value: NumberText | Literal["true", "false"] | None = None
    unknown: UnknownM | None = None
    check: Formula | None = None  # plain arithmetic that must give `value`
    cite: Names
    note: TextM | None = None


class LimitM(_Model):
    """A published figure with its history."""

    title: TextM
    unit: NamedUnit
    entries: list[EntryM] = Field(min_length=1)


class WindowM(_Model):
    """The whole calendar months before the month of application over which flows are added."""

    title: TextM
    months: int = Field(ge=1, le=36)
    before: Literal["month_of_application"]
    cite: Names
    note: TextM | None = None


class AbsentM(_Model):
    """What it means that nothing is said about a circumstance: unknown, not absent."""

    unknown: UnknownM
    arises_with: Names  # fact measures: only persons who have such facts are asked about


class FactM(_Model):
    """A measure of facts, per person."""

    title: TextM
    of: Literal["amount", "count", "area", "truth"]
    quantities: list[StatementKind | Circumstance] = Field(min_length=1)
    window: Ident | None = None
    # Amounts known per year only: they widen the upper end, and are never spread over months.
    annual: Literal["upper_bound_only"] | None = None
    except_categories: list[str] = Field(default_factory=list)
    only_categories: list[str] = Field(default_factory=list)
    grades: list[int] = Field(default_factory=list)
    absent: AbsentM | None = None


class QuantityM(_Model):
    """A named quantity: an expression over others."""

    title: TextM
    unit: NamedUnit
    formula: Formula = Field(alias="is")
    cite: list[Ident] = Field(default_factory=list)
    note: TextM | None = None


class ClauseM(_Model):
    """One clause of the composition; clauses are tried in order, the first that holds decides."""

    code: Ident
    counts: bool
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


class BenefitM(_Model):
    """Indicative monthly benefit of the household."""

    monthly: Ident
    formula: TextM
    cite: Names


class RulebookM(_Model):
    """A rulebook file."""

    rules_schema: Literal["verify.rules/1"] = Field(alias="schema")
    programme: Ident
    region: RegionCode
    title: TextM
    in_force_with: Ident  # the limit whose known dates are the dates of the rulebook
    income_window: Ident
    mandatory_sources: list[Ident] = Field(min_length=1)
    citations: dict[Ident, CitationM]
    windows: dict[Ident, WindowM]
    composition: list[ClauseM] = Field(min_length=1)
    facts: dict[Ident, FactM]
    limits: dict[Ident, LimitM]
    persons: dict[Ident, QuantityM] = Field(default_factory=dict)
    household: dict[Ident, QuantityM]
    tests: list[TestM] = Field(min_length=1)
    benefit: BenefitM | None = None
    notes: list[TextM] = Field(default_factory=list)
    not_covered: list[TextM] = Field(default_factory=list)


class RegionM(_Model):
    """One GB/T 2260 region."""

    code: RegionCode
    zh: str
    en: str


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

ATTRIBUTES = ("age", "relation", "residence", "counted")
RESIDENCES = tuple(r.value for r in Residence)
