"""Which published version counts when: a pure reading of the chain of publishing events.

What is published is a *subject*: the rules as a whole (`rules`), or the declaration of one source
(`connectors/tax`). All subjects share one chain of events and one way of life of a proposal:

    proposed ──approved by another person──▶ scheduled ──its time comes──▶ in force ──▶ superseded
        └────────────── withdrawn ◀──────────────┘                            │
                                                              rolled back ◀───┘

A version replaces the one before it as a whole. So that nobody's change is undone unseen, every
proposal names the version it was written on (`base`), and it can only be approved into a place in
the sequence where that version is the one before it. A rolled-back version counts no more from
that instant on; the one before it does. What counted at a past instant never changes.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from verify.service.clock import midnight
from verify.store import RuleEventRow

RULES = "rules"
STORED, REPLIES = "stored", "replies"
"""What the proposal of a declaration names beside it: the stored sets that hold its text, and the
recorded replies that it was checked against."""
_CONNECTORS = "connectors/"


def connector_subject(source: str) -> str:
    """The subject that the declaration of a source is."""
    return _CONNECTORS + source


def source_of(subject: str) -> str | None:
    """The source whose declaration a subject is; None for the rules."""
    return subject.removeprefix(_CONNECTORS) if subject.startswith(_CONNECTORS) else None


class Step(enum.StrEnum):
    """What an event records."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    IN_FORCE = "in_force"  # the first use of an approved version at or after its time
    ROLLED_BACK = "rolled_back"


class ProposalState(enum.StrEnum):
    """Where a proposal stands."""

    PROPOSED = "proposed"
    SCHEDULED = "scheduled"
    IN_FORCE = "in_force"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True)
class Proposal:
    """A proposed version and what became of it; instants in epoch milliseconds.

    `starts` is as it was given (a day, or an instant), `starts_at` the instant meant; `more`
    holds what only this kind of subject records.
    """

    id: str
    subject: str
    digest: str
    base: str
    starts: str
    starts_at: int
    note: str
    checks: Mapping[str, Any]
    proposed_by: str
    proposed_at: int
    more: Mapping[str, Any] = field(default_factory=dict)
    approved_by: str = ""
    approved_at: int | None = None
    takes_effect_at: int | None = None
    place: int = 0  # position of its approval: of two with the same start the later one counts
    withdrawn_by: str = ""
    withdrawn_at: int | None = None
    used_since: int | None = None
    rolled_back_by: str = ""
    rolled_back_at: int | None = None
    rolled_back_to: str = ""

    @property
    def counts(self) -> bool:
        """Whether it is, was or will be in force."""
        return self.takes_effect_at is not None and self.withdrawn_at is None

    def in_force(self, at: int) -> bool:
        """Whether it has started by an instant and was not rolled back by then."""
        started = self.takes_effect_at is not None and self.takes_effect_at <= at
        over = self.rolled_back_at is not None and self.rolled_back_at <= at
        return self.counts and started and not over


@dataclass(frozen=True)
class Schedule:
    """The proposals of one subject by id, and how many events the whole chain had."""

    proposals: Mapping[str, Proposal]
    events: int

    @classmethod
    def of(cls, events: Iterable[RuleEventRow], subject: str = RULES) -> Schedule:
        """Read one subject's part of the chain from its beginning."""
        return Schedules.of(events).of_subject(subject)

    @property
    def sequence(self) -> list[Proposal]:
        """The approved versions in the order in which they take effect."""
        approved = [p for p in self.proposals.values() if p.counts]
        return sorted(approved, key=lambda p: (p.takes_effect_at or 0, p.place))

    def in_force(self, at: int) -> Proposal | None:
        """The published version in force at an instant; None: nothing published counts then."""
        due = [p for p in self.sequence if p.in_force(at)]
        return due[-1] if due else None

    def before(self, proposal: Proposal, at: int) -> Proposal | None:
        """What would be in force at an instant without a proposal."""
        due = [p for p in self.sequence if p.in_force(at) and p.id != proposal.id]
        return due[-1] if due else None

    def after(self, at: int) -> list[Proposal]:
        """The versions that take effect after an instant, in their order."""
        return [p for p in self.sequence if (p.takes_effect_at or 0) > at]

    def next_after(self, at: int) -> Proposal | None:
        """The version that takes effect next after an instant."""
        later = self.after(at)
        return later[0] if later else None

    def state(self, proposal: Proposal, at: int) -> ProposalState:
        """Where a proposal stands at an instant."""
        if proposal.withdrawn_at is not None:
            return ProposalState.WITHDRAWN
        if proposal.rolled_back_at is not None and proposal.rolled_back_at <= at:
            return ProposalState.ROLLED_BACK
        if proposal.takes_effect_at is None:
            return ProposalState.PROPOSED
        if proposal.takes_effect_at > at:
            return ProposalState.SCHEDULED
        now = self.in_force(at)
        same = now is not None and now.id == proposal.id
        return ProposalState.IN_FORCE if same else ProposalState.SUPERSEDED


@dataclass(frozen=True)
class Schedules:
    """The schedules of all subjects, and how many events they were read from."""

    by_subject: Mapping[str, Schedule]
    events: int

    @classmethod
    def of(cls, events: Iterable[RuleEventRow]) -> Schedules:
        """Read the chain from its beginning."""
        found: dict[str, Proposal] = {}
        last = 0
        for event in events:
            found[event.proposal] = _after(found.get(event.proposal), event)
            last = event.position
        subjects: dict[str, dict[str, Proposal]] = {}
        for proposal in found.values():
            subjects.setdefault(proposal.subject, {})[proposal.id] = proposal
        return cls({s: Schedule(ps, last) for s, ps in sorted(subjects.items())}, last)

    def of_subject(self, subject: str) -> Schedule:
        """The schedule of one subject; without proposals where nothing was ever proposed."""
        return self.by_subject.get(subject, Schedule({}, self.events))


_COMMON = frozenset({"subject", "digest", "base", "starts", "starts_at", "note", "checks"})


def _after(before: Proposal | None, event: RuleEventRow) -> Proposal:
    payload = event.payload
    if event.kind == Step.PROPOSED:
        return _proposed(event)
    if before is None:
        raise ValueError(f"event {event.position} is about a proposal that was never made")
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
    if event.kind == Step.ROLLED_BACK:
        return replace(
            before,
            rolled_back_by=event.actor,
            rolled_back_at=event.at,
            rolled_back_to=payload["to"],
        )
    return replace(before, used_since=event.at)


def _proposed(event: RuleEventRow) -> Proposal:
    payload = event.payload
    starts = payload["starts"]
    # Rules start on a day and were published before anything else was: the early events name
    # neither a subject nor an instant.
    at = payload.get("starts_at")
    return Proposal(
        id=event.proposal,
        subject=payload.get("subject", RULES),
        digest=payload["digest"],
        base=payload["base"],
        starts=starts,
        starts_at=midnight(dt.date.fromisoformat(starts)) if at is None else at,
        note=payload["note"],
        checks=payload["checks"],
        proposed_by=event.actor,
        proposed_at=event.at,
        more={k: v for k, v in payload.items() if k not in _COMMON},
    )
