"""The shapes of answers, for the published description.

Handlers answer with the service's own data, not through these models; the tests hold both
together by validating real answers against them, with unknown fields forbidden.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from verify.domain.access import Purpose
from verify.domain.evidence import EvidenceState
from verify.domain.match import Judgement, Reason
from verify.domain.verdict import (
    Benefit,
    Charge,
    DecisiveQuestion,
    Finding,
    Outcome,
    Text,
    TraceNode,
)

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
State = Annotated[
    Literal["asking", "waiting", "completed", "cancelled", "failed"],
    Field(
        description="`waiting`: there is a verdict, and a source may still be heard: one that "
        "could decide, or, where the verdict is final, one that only gives signals."
    ),
]


class Out(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid")


class ProblemField(Out):
    """One fault: where, why, and what to do."""

    pointer: str = Field(
        description="JSON pointer into the body, or `query:limit`, `header:Idempotency-Key`."
    )
    code: str
    reason: str
    remedy: str


class ProblemDocument(Out):
    """RFC 9457 problem details. Values that were sent are never repeated."""

    type: str = Field(description="`/problems/<code>`: a page of this service on the problem.")
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable; the same as in `type`.")
    remedy: str
    errors: list[ProblemField]


class SourceProgress(Out):
    """One question to one source about one person, and how it stands."""

    evidence: str = Field(description="`source/person`.")
    source: str
    person: str
    status: Literal["pending", "done"]
    state: EvidenceState | None
    detail: str = Field(description="A stable code, never personal data.")
    attempts: int
    asked_on: Day | None


class VerdictSummary(Out):
    """The latest verdict of a verification."""

    sequence: int
    outcome: Outcome
    final: bool = Field(description="False while a source that could change it may still answer.")
    digest: Digest
    follows: str = Field(description="Digest of the verdict before it; empty for the first.")
    created_at: Instant


class VerificationSummary(Out):
    """A verification in a list."""

    id: str
    state: State
    programme: str
    region: str
    case_number: str
    as_of: Day
    created_at: Instant
    outcome: Outcome | None = Field(description="Of the latest verdict.")
    final: bool | None


class Verification(Out):
    """Where a verification stands, whom it waits for, what it found so far."""

    id: str
    state: State
    programme: str
    region: str
    case_number: str
    as_of: Day
    created_at: Instant
    updated_at: Instant
    sources: list[SourceProgress]
    verdict: VerdictSummary | None


class VerificationPage(Out):
    """Verifications, newest first."""

    verifications: list[VerificationSummary]
    next: str | None = Field(description="Cursor of the next page: `?cursor=`; null on the last.")


class AssessmentBody(Out):
    """What the rules say of a household."""

    outcome: Outcome
    rulebook: str
    rulebook_region: str
    composition: list[list[str]] = Field(
        description="Per person: key, `counted`, `not_counted` or `unsure`, and the reason's code."
    )
    findings: list[Finding]
    benefit: Benefit | None
    charges: list[Charge] = Field(
        default_factory=list, description="What the household would have to pay itself."
    )
    questions: list[DecisiveQuestion]
    questions_complete: bool
    advisories: list[DecisiveQuestion]
    notes: list[Text]


class Coverage(Out):
    """How one source answered about one person."""

    evidence: str
    source: str
    person: str
    auxiliary: bool = Field(
        default=False, description="A signal: nothing of it enters a fact, its silence opens none."
    )
    state: EvidenceState
    detail: str
    as_of: Day | None = Field(description="The day the source's data are of.")
    asked_on: Day | None = Field(
        description="Null for a mandatory source that was never asked (detail `never_asked`): such "
        "a verdict is neither final nor in the family's favour."
    )
    letter: str
    records: int
    signals: list[str] = Field(description="What was odd about the answer, as stable codes.")
    bodies: list[Digest]
    connector: Digest | None
    connectors: Digest | None = Field(
        default=None,
        description="The set that holds `connector`, where the question was put again with a later "
        "version than the check was accepted with.",
    )
    instead_of: Digest | None = Field(
        default=None, description="The version that it would have been asked with otherwise."
    )


class Match(Out):
    """Whose a record was judged to be, and why; rejected candidates stay listed."""

    record: str
    evidence: str
    kind: str
    person: str
    judgement: Judgement
    weighs: bool
    rule: str
    score: int = Field(description="Milli-bits: prior plus the reasons' weights.")
    prior: int
    reasons: list[Reason]


class VerdictDocument(Out):
    """The sealed verdict. Its bytes are canonical JSON; their SHA-256 is the `ETag`."""

    schema_: str = Field(alias="schema")
    engine: str
    programme: str
    region: str
    residence: Literal["urban", "rural"]
    as_of: Day
    known_at: Day
    digests: dict[str, Digest]
    outcome: Outcome
    final: bool
    assessment: AssessmentBody
    coverage: list[Coverage]
    matches: list[Match]
    discrepancies: list[dict[str, Any]]
    disclaimer: Text
    extras: dict[str, Any]


class TraceDocument(Out):
    """The reasoning as a tree, with the facts and the decoded records it rests on."""

    schema_: str = Field(alias="schema")
    trace: list[TraceNode]
    facts: list[dict[str, Any]]
    records: list[dict[str, Any]]


class Exchange(SourceProgress):
    """One exchange with a source, and its raw answers by digest."""

    bodies: list[Digest]
    letter: str


class EvidenceDocument(Out):
    """Every exchange of a verification, those without an answer included."""

    verification: str
    evidence: list[Exchange]


class LedgerEntry(Out):
    """One link of the verification's hash chain."""

    position: int
    kind: str
    at: Instant
    payload: dict[str, Any]
    previous: str
    hash: str


class Events(Out):
    """The verification's ledger, oldest first."""

    verification: str
    events: list[LedgerEntry]


class SealedEntry(Out):
    """A ledger entry as it is hashed; `at` is in epoch milliseconds."""

    position: int
    kind: str
    at: int
    payload: dict[str, Any]
    previous: str
    hash: Digest


class InclusionProof(Out):
    """Proof that ledger entries stand in a witnessed checkpoint; check it offline."""

    schema_: Literal["verify.receipt/1"] = Field(alias="schema")
    verification: str
    entries: list[SealedEntry] = Field(
        description="From the entry that is proven to the one that the log's leaf names."
    )
    leaf: int = Field(description="Number of the log's leaf, from 0.")
    inclusion: list[str] = Field(description="RFC 6962 inclusion proof, base64.")
    checkpoint: str = Field(description="The signed note of the checkpoint.")


class ConsistencyProof(Out):
    """Proof that a log only grew between two sizes."""

    from_: int = Field(alias="from")
    to: int
    proof: list[str] = Field(description="RFC 6962 consistency proof, base64.")


class Access(Out):
    """One read of personal data."""

    id: str
    at: Instant
    caller: str
    roles: list[str]
    verification: str | None = Field(description="Null for a list or a search.")
    purpose: Purpose | None = Field(description="What for; null in entries of before it was asked.")
    stated: bool = Field(description="The reader said what for; otherwise their role says it.")
    what: str
    document: Digest | None
    shown: list[str] = Field(description="Verifications that a list or a search showed.")
    in_log: bool = Field(description="Whether it has its leaf in the log; moments later it does.")


class AccessPage(Out):
    """Reads, newest first."""

    accesses: list[Access]
    next: str | None = Field(description="Cursor of the next page.")


class Receipt(Out):
    """What to keep to prove later which verdict was sealed."""

    verification: str
    verdict: Digest
    sequence: int
    leaf: LedgerEntry
    proof: InclusionProof | None = Field(description="Null until the entry is witnessed.")


class Difference(Out):
    """One place where the replayed verdict differs from the sealed one."""

    pointer: str
    sealed: str
    replayed: str


class StoredFault(Out):
    """A stored thing that is not what was sealed."""

    thing: str
    reason: str


class Erasure(Out):
    """Evidence erased when its retention ended, as the ledger recorded it."""

    scope: str = Field(description="Region, programme and month of the erased data key.")
    ground: str = Field(description="The retention term.")
    at: Instant
    entry: int = Field(description="The ledger entry that says so.")
    engine: str = Field(description="What the verification was accepted with.")
    gone: list[str] = Field(description="What can no longer be read.")


class Replay(Out):
    """What a replay found."""

    verification: str
    sequence: int
    identical: bool = Field(description="The same bytes, and no stored thing differs.")
    verdict_digest: Digest
    trace_digest: Digest
    engine_sealed: str
    engine_now: str
    faults: list[StoredFault]
    differences: list[Difference]
    erased: Erasure | None = Field(
        None, description="Why it could not be replayed, where its evidence was erased on purpose."
    )


class GivenAssessment(AssessmentBody):
    """The assessment of one given household."""

    index: int = Field(description="Place in the list that was sent, from 0.")
    rules: Digest = Field(description="The rules it was assessed with.")
    trace: list[TraceNode]


class Assessments(Out):
    """Assessments in the order of the households."""

    assessments: list[GivenAssessment]


class Titled(Out):
    """A title in both languages."""

    zh: str
    en: str


class ProgrammeInForce(Out):
    """A rulebook version and the days it is known for."""

    id: str
    region: str
    region_title: Titled
    programme: str
    title: Titled
    sources: list[str] = Field(description="Sources that must be heard.")
    auxiliary_sources: list[str] = Field(
        description="Sources that are asked for signals; they decide nothing."
    )
    known: list[list[Day | None]] = Field(
        description="Ranges of days (first, last; null: open) for which law is known."
    )
    changes: list[Day] = Field(description="Days on which the rules change.")


class RulesInUse(Out):
    """The rules in use now."""

    digest: Digest
    rulebooks: list[ProgrammeInForce]


class ConnectorInUse(Out):
    """A connected source."""

    id: str
    title: Titled
    digest: Digest
    yields: list[str]
    purposes: list[str]
    max_age_days: int
    lookback_months: int


class ConnectorsInUse(Out):
    """The sources connected now; addresses and credentials are not shown."""

    digest: Digest
    connectors: list[ConnectorInUse]


class Health(Out):
    """The process is up."""

    status: Literal["ok"]


class Readiness(Out):
    """Whether the service can do its work, per part it depends on."""

    status: Literal["ok", "failing"]
    checks: dict[str, Literal["ok", "failing", "absent"]]
    oldest_due_seconds: int | None
