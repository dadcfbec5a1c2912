"""Which published rules are in force when: a pure reading of the chain of rule events.

    proposed ──approved by another person──▶ scheduled ──its day comes──▶ in force ──▶ superseded
        └────────────── withdrawn ◀──────────────┘

A set of rules replaces the one before it as a whole. So that nobody's change is undone unseen,
every proposal names the set it was written on (`base`), and it can only be approved into a place
in the sequence where that set is the one before it.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from verify.store import RuleEventRow


class Step(enum.StrEnum):
    """What a rule event records."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    IN_FORCE = "in_force"  # the first use of an approved set on or after its day


class ProposalState(enum.StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    SCHEDULED = "scheduled"
    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Proposal:
    """A proposed set of rules and what became of it; instants in epoch milliseconds."""

    id: str
    digest: str
    base: str
    starts: dt.date
    note: str
    checks: Mapping[str, Any]
    proposed_by: str
    proposed_at: int
    approved_by: str = ""
    approved_at: int | None = None
    takes_effect_at: int | None = None
    place: int = 0  # position of its approval: of two with the same start the later one counts
    withdrawn_by: str = ""
    withdrawn_at: int | None = None
    used_since: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it is, was or will be in force."""
        return self.takes_effect_at is not None and self.withdrawn_at is None


@dataclass(frozen=True)
class Schedule:
    """All proposals by id, and how many events they were read from."""

    proposals: Mapping[str, Proposal]
    events: int

    @classmethod
    def of(cls, events: Iterable[RuleEventRow]) -> Schedule:
        """Read the chain from its beginning."""
        found: dict[str, Proposal] = {}
        last = 0
        for event in events:
            found[event.proposal] = _after(found.get(event.proposal), event)
            last = event.position
        return cls(found, last)

    @property
    def sequence(self) -> list[Proposal]:
        """The approved sets in the order in which they take effect."""
        approved = [p for p in self.proposals.values() if p.counts]
        return sorted(approved, key=lambda p: (p.takes_effect_at or 0, p.place))

    def in_force(self, at: int) -> Proposal | None:
        """The published set in force at an instant; None: nothing was published by then."""
        due = [p for p in self.sequence if (p.takes_effect_at or 0) <= at]
        return due[-1] if due else None

    def next_after(self, at: int) -> Proposal | None:
        """The set that takes effect next after an instant."""
        later = [p for p in self.sequence if (p.takes_effect_at or 0) > at]
        return later[0] if later else None

    def state(self, proposal: Proposal, at: int) -> ProposalState:
        """Where a proposal stands at an instant."""
        if proposal.withdrawn_at is not None:
            return ProposalState.WITHDRAWN
        if proposal.takes_effect_at is None:
            return ProposalState.PROPOSED
        if proposal.takes_effect_at > at:
            return ProposalState.SCHEDULED
        now = self.in_force(at)
        same = now is not None and now.id == proposal.id
        return ProposalState.IN_FORCE if same else ProposalState.SUPERSEDED


def _after(before: Proposal | None, event: RuleEventRow) -> Proposal:
    payload = event.payload
    if event.kind == Step.PROPOSED:
        return Proposal(
            id=event.proposal,
            digest=payload["digest"],
            base=payload["base"],
            starts=dt.date.fromisoformat(payload["starts"]),
            note=payload["note"],
            checks=payload["checks"],
            proposed_by=event.actor,
            proposed_at=event.at,
        )
    if before is None:
        raise ValueError(f"rule event {event.position} is about a proposal that was never made")
    if event.kind == Step.APPROVED:
        return replace(
            before,
            approved_by=event.actor,
            approved_at=event.at,
            takes_effect_at=payload["takes_effect_at"],
            place=event.position,
        )
    if event.kind == Step.WITHDRAWN:
        return replace(before, withdrawn_by=event.actor, withdrawn_at=event.at)
    return replace(before, used_since=event.at)
