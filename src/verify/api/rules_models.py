"""The shapes of what the addresses under `/v1/rules` take and give."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from verify.api.models import Day, Digest, Instant, Out

RulePath = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9_-]{1,40}/){0,8}[A-Za-z0-9_-]{1,60}\.yaml$")
]
FileText = Annotated[str, StringConstraints(max_length=512_000)]
ProposalStateName = Literal["proposed", "scheduled", "in_force", "superseded", "withdrawn"]


class ProposalIn(BaseModel):
    """Rules to publish, as changes to a set that is stored here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts: dt.date = Field(description="First day on which they count.")
    note: Annotated[str, StringConstraints(max_length=500)] = Field(
        "", description="What changes, and why, in a sentence."
    )
    base: Digest | None = Field(
        None, description="The set that is changed; default: the one in force now."
    )
    files: dict[RulePath, FileText | None] = Field(
        min_length=1,
        max_length=2000,
        description="Path below `rules/` to the whole new text, or null to remove the file.",
    )


class ChecksView(Out):
    """Whether a set is fit to be approved, in numbers."""

    faults: int
    warnings: int
    cases: int
    failed: int
    passed: bool


class FlawView(Out):
    """A fault in a rulebook."""

    file: str
    line: int
    code: str
    level: Literal["error", "warning"]
    what: str
    why: str
    remedy: str


class FailedCase(Out):
    """A golden case that comes out differently."""

    title: str
    where: str
    differences: list[str]


class LawChange(Out):
    """One difference in law."""

    rulebook: str
    kind: str
    what: str
    from_: Day | None = Field(alias="from")
    to: Day | None
    before: str
    after: str


class TextChange(Out):
    """A place where only words differ."""

    in_: str = Field(alias="in")
    what: str


class LawDiffView(Out):
    """What a proposal changes in law, and what only in text."""

    before: Digest
    after: Digest
    same_law: bool
    changes: list[LawChange]
    text_only: list[TextChange]


class RuleEventView(Out):
    """One step of a proposal, as recorded."""

    position: int
    kind: Literal["proposed", "approved", "withdrawn", "in_force"]
    at: Instant
    actor: str
    hash: Digest


class ProposalSummary(Out):
    """A proposed set of rules and where it stands."""

    id: str
    state: ProposalStateName
    digest: Digest
    base: Digest
    starts: Day
    note: str
    checks: ChecksView
    proposed_by: str
    proposed_at: Instant
    approved_by: str | None
    approved_at: Instant | None
    takes_effect_at: Instant | None
    withdrawn_by: str | None
    withdrawn_at: Instant | None
    used_since: Instant | None


class ProposalView(ProposalSummary):
    """A proposal with everything a second person needs to decide on it."""

    faults: list[FlawView]
    failed_cases: list[FailedCase]
    changes: LawDiffView | None = Field(description="null: one of the two sets cannot be read.")
    events: list[RuleEventView]


class InForce(Out):
    """Which set is applied now, and where it comes from."""

    digest: Digest
    from_: Literal["store", "folder"] = Field(alias="from")
    proposal: str | None
    folder: Digest = Field(description="The set in the content folder of this installation.")


class ProposalPage(Out):
    """All proposals, newest first."""

    in_force: InForce
    proposals: list[ProposalSummary]


class ImpactFlips(Out):
    """Households whose outcome turns one way."""

    from_: str = Field(alias="from")
    to: str
    households: int


class DecisiveTest(Out):
    """A test that came out differently in households that turned."""

    rulebook: str
    test: str
    households: int


class Moved(Out):
    """Households whose monthly benefit moves one way."""

    households: int
    monthly: str


class ImpactBenefit(Out):
    """How the indicative benefit moves, in all."""

    raised: Moved
    lowered: Moved
    net_monthly: str
    largest_raise: str
    largest_cut: str
    not_known_exactly: int


class ImpactTest(Out):
    """A test before and after: state, value, limit."""

    test: str
    before: list[str]
    after: list[str]


class ImpactExample(Out):
    """One household that is judged or paid differently."""

    household: str
    rulebook: str
    from_: str = Field(alias="from")
    to: str
    benefit_before: str | None
    benefit_after: str | None
    tests: list[ImpactTest]


class ImpactOutcomes(Out):
    """How many households come out how."""

    before: dict[str, int]
    after: dict[str, int]


class ImpactView(Out):
    """What a proposal would do to a sample of households. Never stored, never a verdict."""

    before: Digest
    after: Digest
    sample: Literal["synthetic", "cases", "stored"]
    on: Day | None
    households: int
    days: list[Day]
    unchanged: int
    outcomes: ImpactOutcomes
    flips: list[ImpactFlips]
    tests: list[DecisiveTest]
    benefit: ImpactBenefit
    examples: list[ImpactExample] = Field(
        description="Empty for stored cases, unless the caller may read cases."
    )


class UnknownFigure(Out):
    """A figure that the law has and our sources do not."""

    limit: str
    days: list[Day | None]


class CoverageRow(Out):
    """How much of a programme's law is known, year by year."""

    rulebook: str
    region: str
    region_title: str
    programme: str
    known: list[list[Day | None]]
    goes_on: bool
    years: dict[str, Literal["known", "unknown", "part", "none"]]
    gaps: list[list[Day | None]]
    unknown: list[UnknownFigure]


class CoverageView(Out):
    """Which law is known."""

    digest: Digest
    rulebooks: list[CoverageRow]
