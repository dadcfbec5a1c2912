"""Evidence: what a source was asked, what it answered, and how good the answer is."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass


class EvidenceState(enum.StrEnum):
    """How an exchange with a source ended.

    "Nobody answered" is never "nothing found": only `ok` and `confirmed_empty` are answers.
    """

    OK = "ok"
    CONFIRMED_EMPTY = "confirmed_empty"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    MALFORMED = "malformed"
    SCHEMA_MISMATCH = "schema_mismatch"
    PARTIAL = "partial"
    CONFLICTING = "conflicting"
    STALE = "stale"
    WRONG_SUBJECT = "wrong_subject"
    UNAUTHORISED = "unauthorised"
    THROTTLED = "throttled"
    CANCELLED = "cancelled"

    @property
    def answered(self) -> bool:
        """Whether the source gave a usable answer about the right person."""
        return self in (EvidenceState.OK, EvidenceState.CONFIRMED_EMPTY)

    @property
    def worth_asking_again(self) -> bool:
        """Whether the same question may be answered later without anyone changing anything."""
        return self in (
            EvidenceState.UNAVAILABLE,
            EvidenceState.TIMEOUT,
            EvidenceState.THROTTLED,
            EvidenceState.PARTIAL,
            EvidenceState.MALFORMED,
        )


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question to one source about one person, and the raw answer by digest.

    `transport` is how asking ended (`ok` when bytes came back); the final evidence state is
    decided by decoding those bytes (`verify.connectors.decode`). `bodies` are digests of the raw
    answer bodies in the order received (pages, banks).
    """

    source: str
    person: str
    transport: EvidenceState
    asked_on: dt.date
    connector: str  # digest of the connector declaration used
    letter: str = ""
    bodies: tuple[str, ...] = ()
    detail: str = ""  # a stable code, never personal data
    # Digest of the set that holds `connector`, where that is not the one that the case is pinned
    # to: the question was put again with a later version.
    connectors: str = ""

    @property
    def evidence(self) -> str:
        """Evidence id, unique in a verification: `bank/p1`."""
        return f"{self.source}/{self.person}"
