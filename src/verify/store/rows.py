"""What goes into the store and what comes out: plain frozen values, no database types.

Instants are epoch milliseconds, days ISO 8601 text, digests `sha256:<64 hex>`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from verify.domain.errors import Conflict
from verify.domain.evidence import EvidenceState


class LeaseLost(Conflict):
    """Another worker carries the verification now, or it was cancelled; nothing was written."""

    code, title = "lease-lost", "The lease on this verification has moved on"


class State(enum.StrEnum):
    """Where a verification stands; only the first two are ever claimed by a worker."""

    ASKING = "asking"
    WAITING = "waiting"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class ExchangeStatus(enum.StrEnum):
    """Whether a question to a source has ended, well or badly."""

    PENDING = "pending"
    DONE = "done"


class EntryKind(enum.StrEnum):
    """What a ledger entry records."""

    ACCEPTED = "accepted"
    ASKED = "asked"  # a source took the question and has not answered yet
    ANSWERED = "answered"
    VERDICT = "verdict"
    VERDICT_STANDS = "verdict_stands"  # an earlier verdict covers the evidence known now
    CANCELLED = "cancelled"
    FAILED = "failed"
    RESEALED = "resealed"  # what was stored plainly by an earlier version is sealed now
    ERASED = "erased"  # retention ended: the evidence's key is gone


@dataclass(frozen=True, slots=True)
class PlannedExchange:
    """A question that a verification must put to a source."""

    source: str
    person: str
    connector: str  # digest of the connector's declaration


@dataclass(frozen=True, slots=True)
class NewVerification:
    """A verification to accept. `application` is its canonical bytes."""

    region: str
    programme: str
    case_number: str
    application: bytes = field(repr=False)
    rules_digest: str
    scoring_digest: str
    connectors_digest: str
    engine: str
    as_of: str
    known_at: str
    answer_by: int
    give_up_at: int
    exchanges: tuple[PlannedExchange, ...]
    # Person keys and id numbers, to be found by blind index only.
    people: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The verification that now stands for a submission; `created` is false for a repeat."""

    id: str
    created: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on one verification until `lease_until`.

    `token` grows with every claim: a write under an older token is refused (fencing), so a
    worker that was paused past its lease can do no harm. `last_evidence_digest` is that of the
    latest verdict, `None` before the first.
    """

    verification: str
    token: int
    lease_until: int
    state: str
    attempts: int
    region: str
    programme: str
    application_digest: str
    rules_digest: str
    scoring_digest: str
    connectors_digest: str
    engine: str
    as_of: str
    known_at: str
    created_at: int
    answer_by: int
    give_up_at: int
    verdict_count: int
    last_evidence_digest: str | None


@dataclass(frozen=True, slots=True)
class ExchangeAnswer:
    """How one attempt at a question ended. `due_at` is when to ask again if `worth_asking`."""

    status: str
    transport: EvidenceState
    asked_on: str
    letter: str = ""
    detail: str = ""
    ticket: str = ""
    due_at: int | None = None
    worth_asking: bool = False
    # The declaration it was asked with, and the set that holds it, where not the planned one.
    version: str = ""
    version_set: str = ""


@dataclass(frozen=True, slots=True)
class SealedVerdict:
    """A verdict to seal, under the claim that allows it, and what the verification does next."""

    claim: Claim
    bundle: bytes = field(repr=False)
    verdict: bytes = field(repr=False)
    trace: bytes = field(repr=False)
    evidence_digest: str
    outcome: str
    final: bool
    state: str
    due_at: int | None
    # Questions to put again although they ended (their bytes could not be read, say):
    # source, person, and when. Only judging can tell, so it comes with the verdict.
    ask_again: tuple[tuple[str, str, int], ...] = ()


class SealStatus(enum.StrEnum):
    """What became of a verdict handed in for sealing."""

    SEALED = "sealed"
    DUPLICATE = "duplicate"  # the same evidence under the same rules was sealed before
    LOST = "lost"  # the lease had moved on; nothing was written
    HELD = "held"  # nobody outside witnesses the log now, so nothing final is sealed


@dataclass(frozen=True, slots=True)
class SealResult:
    """Outcome of sealing: `sequence` is 0 where nothing was written."""

    verification: str
    sequence: int
    status: SealStatus


@dataclass(frozen=True, slots=True)
class VerificationRow:
    """A verification as stored."""

    id: str
    caller: str
    region: str
    programme: str
    case_number: str
    application_digest: str
    rules_digest: str
    scoring_digest: str
    connectors_digest: str
    engine: str
    as_of: str
    known_at: str
    state: str
    due_at: int | None
    attempts: int
    created_at: int
    answer_by: int
    give_up_at: int
    updated_at: int
    verdict_count: int


@dataclass(frozen=True, slots=True)
class ExchangeRow:
    """One question of a verification and how it stands."""

    verification: str
    source: str
    person: str
    status: str
    transport: str | None
    asked_on: str | None
    connector: str
    letter: str
    bodies: tuple[str, ...]
    detail: str
    ticket: str
    attempts: int
    due_at: int | None
    worth_asking: bool
    updated_at: int
    callback_token: str = field(repr=False)  # as stored, see `verify.store.callbacks`
    version: str | None = None
    version_set: str | None = None

    @property
    def evidence(self) -> str:
        """Evidence id, unique in a verification: `bank/p1`."""
        return f"{self.source}/{self.person}"


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """A sealed verdict; `follows` is the digest of the verdict before it, empty for the first."""

    id: str
    verification: str
    sequence: int
    follows: str
    evidence_digest: str
    rules_digest: str
    sealed_digest: str
    verdict_digest: str
    trace_digest: str
    outcome: str
    final: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """One link of a verification's hash chain; `payload` holds digests and codes only."""

    verification: str
    position: int
    kind: str
    at: int
    payload: dict[str, Any]
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key; of the secret only its hash is known."""

    key_id: str
    secret_hash: str = field(repr=False)
    label: str
    roles: tuple[str, ...]
    regions: tuple[str, ...]
    created_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a listing is narrowed to; an empty field does not narrow."""

    state: str = ""
    programme: str = ""
    region: str = ""  # a GB/T 2260 code covers its subtree
    case_number: str = ""
    case_blind: str = ""  # blind index of the case number, where there is a master key


@dataclass(frozen=True, slots=True)
class Fault:
    """A stored thing that is not what was sealed, and in which way."""

    thing: str
    reason: str
