"""The verdict and everything a reader needs to believe or contest it."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any


class Outcome(enum.StrEnum):
    """A finding for the authority, never the decision itself (国务院令649号 article 58)."""

    ELIGIBLE = "eligible"
    INELIGIBLE = "ineligible"
    UNDETERMINED = "undetermined"


class FindingState(enum.StrEnum):
    """How one test of the rulebook came out."""

    SATISFIED = "satisfied"
    NOT_SATISFIED = "not_satisfied"
    UNDETERMINED = "undetermined"
    NOT_APPLICABLE = "not_applicable"


class Effect(enum.StrEnum):
    """What a test that is not satisfied does: fail the household, or refer it to a person."""

    FAIL = "fail"
    REFER = "refer"


class DoubtKind(enum.StrEnum):
    """Why something is not known."""

    MATCH = "match"  # does this record belong to this person?
    MISSING = "missing"  # a source did not answer
    STALE = "stale"  # it answered for too long ago
    CONFLICT = "conflict"  # two sources disagree
    ATTESTATION = "attestation"  # claimed without a document
    ANNUAL_ONLY = "annual_only"  # known per year where months are needed
    LAW = "law"  # the rulebook does not know a limit that is needed


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence in both languages of the reports."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed interval of integers (fen, counts); `None` is unbounded on that side."""

    lo: int | None
    hi: int | None

    @property
    def exact(self) -> bool:
        """Whether the value is known for certain."""
        return self.lo is not None and self.lo == self.hi


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a rule or value was published, and how sure we are of the text."""

    document: str
    number: str = ""
    article: str = ""
    confidence: str = "unverified"  # read | government | newspaper | archive | unverified
    note: str = ""


class ChangeKind(enum.StrEnum):
    """What would have to be different."""

    VALUE = "value"  # the value that is compared, however that comes about
    AMOUNT = "amount"  # money of one kind of one person
    THING = "thing"  # things owned: so many fewer
    CIRCUMSTANCE = "circumstance"  # something about a person
    COUNTED = "counted"  # whether a person counts as a member


@dataclass(frozen=True, slots=True)
class Change:
    """The smallest change of one input, all else as it is, with which a test would be met.

    `by` is the signed change in `unit` (fen of the whole window for income; items; for truths 1:
    it would hold, -1: it would not); the same change less one unit would not do. `None`: no
    change of this input alone would do.
    """

    kind: ChangeKind
    person: str  # empty: of the household
    quantity: str  # kind of statement, measure, or the quantity compared
    present: int | None  # what it is; None: not exactly known
    by: int | None
    unit: str
    text: Text


@dataclass(frozen=True, slots=True)
class Finding:
    """One test: what was compared with what, how it came out, and why.

    `value` and `limit` are in `unit` (`fen`, `fen_per_month`, `person`, `item`); `gap` is limit
    minus value. For per-member tests the display form is per member; the comparison is exact.
    """

    test: str
    title: Text
    state: FindingState
    effect: Effect
    value: Interval
    operator: str
    limit: Interval
    gap: Interval
    unit: str
    citations: tuple[Citation, ...]
    effective_from: str
    effective_to: str | None
    evidence: tuple[str, ...]
    doubts: tuple[str, ...]
    notes: tuple[Text, ...] = ()
    settles: Text | None = None  # for `refer`: the proof that would settle it
    changes: tuple[Change, ...] = ()  # of a test not met: what would meet it


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something not known, with what it touches.

    `weighs` is false for a record that agrees in name alone: it is kept and asked about but
    never widens a bound (invariant 2).
    """

    doubt: str
    kind: DoubtKind
    weighs: bool
    person: str
    source: str
    record: str
    evidence: str
    quantities: tuple[str, ...]
    code: str
    params: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DecisiveQuestion:
    """A doubt whose settlement can change the outcome, in words a caseworker can act on.

    `turns` counts, of the completions examined, those in which this answer alone changes the
    outcome; questions are asked in falling order of it.
    """

    doubt: str
    kind: DoubtKind
    person: str
    source: str
    record: str
    question: Text
    remedy: Text
    tests: tuple[str, ...]
    turns: int
    of: int


@dataclass(frozen=True, slots=True)
class Benefit:
    """Indicative monthly benefit of the household; the authority sets the real one.

    `parts`: person and amount, where the law sets it by person. `starts`: from when it is paid.
    `exit_months`: for how long it goes on once the household is above the line (gradual exit).
    """

    monthly: Interval
    formula: Text
    citations: tuple[Citation, ...]
    parts: tuple[tuple[str, Interval], ...] = ()
    starts: str = ""
    exit_months: Interval | None = None
    notes: tuple[Text, ...] = ()
    unit: str = "fen_per_month"


@dataclass(frozen=True, slots=True)
class Charge:
    """What the household would have to pay itself: a contribution, a fee. `unit` as in findings."""

    name: str
    title: Text
    value: Interval
    unit: str
    formula: Text
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class TraceNode:
    """One quantity in the reasoning: name, value, unit, where it came from, what it is made of."""

    name: str
    title: Text
    value: Interval
    unit: str
    period: str = ""
    citations: tuple[Citation, ...] = ()
    effective: str = ""
    evidence: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    children: tuple[TraceNode, ...] = ()
    note: Text | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the rules layer says about one household (before evidence summaries are added)."""

    household: str
    outcome: Outcome
    rulebook: str  # id of the rulebook version used, e.g. `cn/310000/dibao`
    rulebook_region: str
    composition: tuple[tuple[str, str, str], ...]  # person, counted|not_counted|unsure, reason code
    findings: tuple[Finding, ...]
    benefit: Benefit | None
    questions: tuple[DecisiveQuestion, ...]
    questions_complete: bool  # False: too many doubts to enumerate, the list is a superset
    advisories: tuple[DecisiveQuestion, ...]  # doubts that do not weigh or cannot change it
    notes: tuple[Text, ...]
    trace: tuple[TraceNode, ...]
    charges: tuple[Charge, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The sealed finding. `canonical_bytes(verdict)` is what is hashed, stored and replayed."""

    schema: str
    engine: str
    programme: str
    region: str
    residence: str
    as_of: str
    known_at: str
    digests: dict[str, str]  # application, rules, scoring, connectors, evidence, trace
    outcome: Outcome
    final: bool  # no mandatory source that could change it is still to be heard
    assessment: dict[str, Any]
    coverage: list[dict[str, Any]]
    matches: list[dict[str, Any]]
    discrepancies: list[dict[str, Any]]
    disclaimer: Text
    extras: dict[str, Any] = field(default_factory=dict)
