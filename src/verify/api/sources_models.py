"""The shapes of what the addresses under `/v1/connectors/{source}` take and give."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from verify.api.models import Day, Digest, Instant, Out, Titled
from verify.domain.evidence import EvidenceState

# How long a text may be the request as a whole and the reading of it limit.
DeclarationText = Annotated[str, StringConstraints(min_length=1)]
Note = Annotated[str, StringConstraints(max_length=500)]
ProposalRef = Annotated[str, StringConstraints(pattern=r"^p_[0-9a-hjkmnp-tv-z]{26}$")]
Number = Annotated[str, StringConstraints(pattern=r"^[0-9]{17}[0-9X]$")]
StateName = Literal["proposed", "scheduled", "in_force", "superseded", "withdrawn", "rolled_back"]


class In(BaseModel):
    """Base of all bodies here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceProposalIn(In):
    """A changed declaration to publish."""

    declaration: DeclarationText = Field(
        description="The whole new text of `connectors/<source>.yaml`."
    )
    replies: DeclarationText | None = Field(
        None,
        description="Its recorded replies (synthetic), as `fixtures/replies/<source>/replies.yaml`;"
        " default: those of the version before it.",
    )
    starts: AwareDatetime | None = Field(
        None, description="From when on it counts; default: from its approval on."
    )
    note: Note = Field("", description="What changes, and why, in a sentence.")
    base: Digest | None = Field(
        None, description="The version it was written on; default: the one in force by then."
    )


class RollbackIn(In):
    """Which version is to end."""

    digest: Digest = Field(description="The published version in force, so that nobody errs.")
    note: Note = Field("", description="Why.")


class NobodyIn(In):
    """An identity that belongs to nobody; default: one that no place can have given out."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    id_number: Number | None = Field(
        None, description="Refused unless it lies in a range declared to belong to nobody."
    )
    as_of: dt.date | None = Field(None, description="The day in question; default: today.")


class TrialIn(NobodyIn):
    """One question to a source."""

    proposal: ProposalRef | None = Field(
        None, description="Ask with this approved version instead of the one in force."
    )


class EncodedBody(In):
    """A body that is no text."""

    base64: str


class DraftIn(In):
    """A draft: its text, or a proposal; with neither, the version in force."""

    declaration: DeclarationText | None = None
    proposal: ProposalRef | None = None


class PreviewIn(DraftIn):
    """A declaration, and answers to read with it.

    Without `asked`, the recorded replies are read. With it, the pasted `bodies` of one answer
    about this person; or, without `bodies`, what the source answers now.
    """

    replies: DeclarationText | None = None
    asked: NobodyIn | None = None
    bodies: list[str | EncodedBody] | None = Field(None, min_length=1, max_length=200)


class ShadowIn(DraftIn):
    """A draft to run beside the version in force."""

    limit: Annotated[int, Field(ge=1, le=200)] = Field(
        50, description="So many of the newest verdicts that used the source."
    )


class MatchHour(Out):
    """How a source's records were judged in the verdicts sealed in an hour."""

    model_config = ConfigDict(populate_by_name=True)
    since: str = Field(alias="from", description="Beginning of the hour.")
    records: int
    positive_permille: int = Field(description="Surely of a person of the household.")
    unsure_permille: int = Field(description="A person must say whose they are.")
    negative_permille: int = Field(description="Somebody else's.")


class SourceHour(Out):
    """One hour of a source."""

    model_config = ConfigDict(populate_by_name=True)
    since: str = Field(alias="from", description="Beginning of the hour.")
    asked: int
    states: dict[str, int] = Field(description="How askings ended, by evidence state.")
    mean_ms: int
    p95_ms_at_most: int | None = Field(description="95 of 100 askings took at most so long.")
    error_permille: int = Field(description="Askings that ended without an answer.")
    filled_permille: int | None = Field(
        description="Values in the fields that the declaration expects to be filled."
    )
    found_permille: int | None = Field(description="Answers with at least one record.")
    mean_age_days: int | None = Field(description="Age of the data against the day in question.")


class SourceHealthView(Out):
    """A source now and over the last hours."""

    id: str
    title: Titled
    connector: Digest
    state: Literal["asked", "breaker_open", "slow_down", "quarantined"]
    reason: str = Field(description="Which expectation it broke; empty if it is not quarantined.")
    held_until: str | None
    hours: list[SourceHour]
    matches: list[MatchHour]


class SourcesHealth(Out):
    """All sources."""

    at: str
    sources: list[SourceHealthView]


class DraftChecksView(Out):
    """What was checked, in numbers."""

    faults: int
    contract: int = Field(description="Checks of the contract that were run.")
    passed: bool


class DraftFault(Out):
    """Why a draft cannot be used: where, and what to do."""

    where: str = Field(description="`file:line`.")
    code: str
    what: str
    remedy: str


class SourceStep(Out):
    """One step of a proposal, as recorded."""

    position: int
    kind: Literal["proposed", "approved", "withdrawn", "in_force", "rolled_back"]
    at: Instant
    actor: str
    hash: Digest


class SourceProposalSummary(Out):
    """A proposed declaration and where it stands."""

    id: str
    state: StateName
    digest: Digest = Field(description="Named in every verdict that used it.")
    base: Digest | None
    starts: Instant
    note: str
    checks: DraftChecksView
    proposed_by: str
    proposed_at: Instant
    approved_by: str | None
    approved_at: Instant | None
    takes_effect_at: Instant | None
    withdrawn_by: str | None
    withdrawn_at: Instant | None
    used_since: Instant | None
    rolled_back_by: str | None
    rolled_back_at: Instant | None
    rolled_back_to: Digest | None


class SourceProposalView(SourceProposalSummary):
    """A proposal with everything a second person needs to decide on it."""

    declaration: str
    changes: list[str] = Field(description="Unified diff against its base.")
    faults: list[DraftFault] = Field(description="What would refuse its approval now.")
    events: list[SourceStep]


class VersionInForce(Out):
    """Which version counts now, and where it comes from."""

    digest: Digest | None
    from_: Literal["store", "folder"] = Field(alias="from")
    proposal: str | None
    since: Instant | None
    folder: Digest | None = Field(description="The version in the content folder here.")


class SourceView(Out):
    """A source's version in force with its text, and all proposals, newest first."""

    source: str
    in_force: VersionInForce
    declaration: str | None
    proposals: list[SourceProposalSummary]


class SourceVersionView(Out):
    """One version, by the digest that verdicts name."""

    source: str
    digest: Digest
    folder: bool = Field(description="It is the one in the content folder here.")
    declaration: str
    proposals: list[SourceProposalSummary] = Field(description="Who brought it about.")


class TrialView(Out):
    """How one question ended: states and counts, never what was said."""

    source: str
    connector: Digest
    state: EvidenceState
    words: dict[str, str]
    detail: str
    signals: list[str]
    records: int
    bodies: int
    milliseconds: int


class PreviewReply(Out):
    """One answer as the declaration reads it."""

    title: str
    source: str
    connector: Digest
    state: EvidenceState
    words: dict[str, str]
    detail: str = Field(description="Why it is refused, where it is.")
    signals: list[str]
    as_of: Day | None
    bodies: list[Digest] = Field(description="Under which the bodies would be evidence.")
    records: list[dict[str, Any]]


class PreviewView(Out):
    """The mapping, and each answer read with it."""

    source: str
    connector: Digest
    mapping: list[dict[str, Any]]
    replies: list[PreviewReply]


class Compared(Out):
    """How much was compared, or differs."""

    verdicts: int
    answers: int


class StateChange(Out):
    """Answers that are read as one state now and as another with the draft."""

    live: EvidenceState
    draft: EvidenceState
    answers: int


class OutcomeChange(Out):
    """Verdicts that would turn."""

    live: str
    draft: str
    verdicts: int


class FactsChange(Out):
    """Statements of one kind that only one side makes."""

    kind: str
    lost: int
    gained: int


class ShadowView(Out):
    """What a draft would change. Nothing is asked, stored or decided."""

    source: str
    live: Digest
    draft: Digest
    compared: Compared
    differ: Compared
    states: list[StateChange]
    flips: list[OutcomeChange]
    facts: list[FactsChange]
    answers: list[dict[str, Any]] = Field(
        description="One by one; empty unless the caller may read cases."
    )
    verdicts: list[dict[str, Any]] = Field(
        description="One by one; empty unless the caller may read cases."
    )
