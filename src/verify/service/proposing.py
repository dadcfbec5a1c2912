"""Two people and a clock: the steps that every published thing goes through.

Nothing is ever overwritten: each step is an event in one chain (`verify.store.rule_events`), read
as schedules (`verify.service.schedule`). What is published, and when it is fit for it, is for
`verify.service.publishing` (rules) and `verify.service.connector_publishing` (sources) to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, InputError, NotFound, NotPermitted, Problem
from verify.service.clock import Clock, iso
from verify.service.in_force import InForce
from verify.service.schedule import Proposal, ProposalState, Schedule, Step
from verify.store import Store
from verify.store.ids import proposal_id

Plain = dict[str, Any]
MAX_NOTE = 500


@dataclass(frozen=True)
class Subject:
    """Something that is published.

    `role` proposes, approves, withdraws and rolls back; `folder` is the digest of the version in
    the content folder, which counts until something is published (empty: there is none);
    `lists` names the command that lists proposals.
    """

    name: str
    role: RoleName
    folder: str
    lists: str


@dataclass(frozen=True)
class Draft:
    """What is proposed: the digests of text and base, from when on, why, what was checked."""

    digest: str
    base: str
    starts: str
    starts_at: int | None
    note: str
    checks: Mapping[str, Any]
    more: Mapping[str, Any]


class Desk:
    """Writes the steps, after checking that they may follow what is on record."""

    def __init__(self, store: Store, in_force: InForce, clock: Clock) -> None:
        self._store = store
        self._in_force = in_force
        self._clock = clock

    # -- the steps ------------------------------------------------------------------------

    def propose(self, subject: Subject, draft: Draft, schedule: Schedule, caller: Caller) -> str:
        """Record a proposal on the state `schedule` that its author has seen; returns its id."""
        payload: Plain = {
            "digest": draft.digest,
            "base": draft.base,
            "starts": draft.starts,
            "note": draft.note,
            "checks": dict(draft.checks),
            **draft.more,
        }
        if draft.starts_at is not None:
            payload |= {"subject": subject.name, "starts_at": draft.starts_at}
        made = proposal_id(self._clock())
        self._write(schedule.events, made, Step.PROPOSED, caller, payload)
        return made

    def open(self, subject: Subject, proposal: str, caller: Caller) -> tuple[Schedule, Proposal]:
        """A proposal that the caller may approve, and the state it was found in.

        Raises:
            NotPermitted: the caller has another role, or made the proposal.
            NotFound: no such proposal.
            Conflict: it is not open any more.
        """
        permit(caller, (subject.role,))
        schedule = self.schedule(subject)
        found = find(schedule, subject, proposal)
        state = schedule.state(found, self._clock())
        if state is not ProposalState.PROPOSED:
            raise Conflict(
                f"the proposal is {_words(state)}",
                where=found.id,
                remedy="only a proposal that is open can be approved",
            )
        if found.proposed_by == caller.subject:
            raise NotPermitted(
                "nobody approves their own proposal",
                where=found.id,
                remedy=f"have another person with the role `{subject.role}` read and approve it",
            )
        return schedule, found

    def approve(
        self, subject: Subject, opened: tuple[Schedule, Proposal], caller: Caller, checks: Plain
    ) -> None:
        """Approve what `open` gave: from its time on it counts.

        Raises:
            Conflict: it was written on another version than the one before it.
        """
        schedule, found = opened
        effect = max(found.starts_at, self._clock())
        self._require_place(subject, schedule, found, effect)
        payload = {"digest": found.digest, "takes_effect_at": effect, "checks": checks}
        self._write(schedule.events, found.id, Step.APPROVED, caller, payload)
        self._in_force.activate()

    def withdraw(self, subject: Subject, proposal: str, caller: Caller) -> None:
        """Take a proposal back before its time; what was in force stays on record.

        Raises:
            NotPermitted: the caller has another role.
            NotFound: no such proposal.
            Conflict: it is in force or was, or an approved one builds on it.
        """
        permit(caller, (subject.role,))
        schedule = self.schedule(subject)
        found = find(schedule, subject, proposal)
        state = schedule.state(found, self._clock())
        if state not in (ProposalState.PROPOSED, ProposalState.SCHEDULED):
            raise Conflict(
                f"the proposal is {_words(state)}; only one whose day has not come can be "
                "withdrawn",
                where=found.id,
                remedy="to go back, propose the earlier version again",
            )
        builds = [p for p in schedule.sequence if p.base == found.digest and p.id != found.id]
        if state is ProposalState.SCHEDULED and builds:
            raise Conflict(
                f"{builds[0].id} is approved and builds on it",
                where=found.id,
                remedy=f"withdraw {builds[0].id} first",
            )
        payload = {"digest": found.digest}
        self._write(schedule.events, found.id, Step.WITHDRAWN, caller, payload)

    def roll_back(self, subject: Subject, digest: str, note: str, caller: Caller) -> Proposal:
        """End the version in force; the one before it counts again from this instant on.

        One person may do so: what counts again was approved by two, or came with the folder.
        Approved versions that build on it fall with it. `digest` names the version meant, so
        that two who press at once do not go back two steps. Returns the ended proposal.

        Raises:
            NotPermitted: the caller has another role.
            Conflict: another version is in force, or there is none to go back to.
        """
        permit(caller, (subject.role,))
        refuse(note_faults(note))
        schedule = self.schedule(subject)
        now = self._clock()
        current = schedule.in_force(now)
        if current is None or current.digest != digest:
            raise Conflict(
                "this version is not a published one that is in force",
                where=subject.name,
                remedy="look at what is in force and name its digest",
            )
        before = schedule.before(current, now)
        back_to = before.digest if before is not None else subject.folder
        if not back_to:
            raise Conflict(
                "there is no earlier version to go back to",
                where=current.id,
                remedy="propose a corrected version",
            )
        position = schedule.events
        for later in reversed(schedule.after(now)):
            fallen = {"digest": later.digest, "because": current.id}
            position = self._write(position, later.id, Step.WITHDRAWN, caller, fallen)
        payload = {"digest": current.digest, "to": back_to, "note": note}
        self._write(position, current.id, Step.ROLLED_BACK, caller, payload)
        return current

    # -- looking --------------------------------------------------------------------------

    def schedule(self, subject: Subject) -> Schedule:
        """Straight from the store: what is decided on it must be the latest."""
        return Schedule.of(self._store.rule_events(), subject.name)

    def live(self, subject: Subject, schedule: Schedule, instant: int) -> str:
        """Digest of what counts at an instant: a published version, or the folder's."""
        found = schedule.in_force(instant)
        return found.digest if found is not None else subject.folder

    def events(self, proposal: str) -> list[Plain]:
        """What happened to a proposal, oldest first."""
        return [
            {
                "position": e.position,
                "kind": e.kind,
                "at": iso(e.at),
                "actor": e.actor,
                "hash": e.hash,
            }
            for e in self._store.rule_events()
            if e.proposal == proposal
        ]

    def summary(self, schedule: Schedule, p: Proposal) -> Plain:
        """A proposal and where it stands."""
        return {
            "id": p.id,
            "state": schedule.state(p, self._clock()).value,
            "digest": p.digest,
            "base": p.base,
            "starts": p.starts,
            "note": p.note,
            "checks": dict(p.checks),
            "proposed_by": p.proposed_by,
            "proposed_at": iso(p.proposed_at),
            "approved_by": p.approved_by or None,
            "approved_at": instant(p.approved_at),
            "takes_effect_at": instant(p.takes_effect_at),
            "withdrawn_by": p.withdrawn_by or None,
            "withdrawn_at": instant(p.withdrawn_at),
            "used_since": instant(p.used_since),
        }

    # -- inside ---------------------------------------------------------------------------

    def _write(self, after: int, proposal: str, step: Step, caller: Caller, payload: Plain) -> int:
        row = self._store.add_rule_event(
            after, proposal, step.value, caller.subject, payload, self._clock()
        )
        self._in_force.forget()
        return row.position

    def _require_place(
        self, subject: Subject, schedule: Schedule, found: Proposal, effect: int
    ) -> None:
        """Its base must be the version before it, and it the base of the one after it."""
        before = self.live(subject, schedule, effect)
        after = schedule.next_after(effect)
        if before != found.base:
            raise Conflict(
                "it was written on another version than the one in force before it starts; "
                "approving it would undo what was published since",
                where=found.id,
                remedy=f"bring its changes onto {before} and propose it again",
            )
        if after is not None and after.base != found.digest:
            raise Conflict(
                f"{after.id}, approved to start on {after.starts}, was not written on it",
                where=found.id,
                remedy=f"withdraw {after.id}, approve this one, and propose that one again on it",
            )


def find(schedule: Schedule, subject: Subject, proposal: str) -> Proposal:
    """A proposal of a subject.

    Raises:
        NotFound: the subject has none with this id.
    """
    if proposal not in schedule.proposals:
        raise NotFound(
            "there is no such proposal", where="proposal", remedy=f"`{subject.lists}` lists them"
        )
    return schedule.proposals[proposal]


def note_faults(note: str) -> list[Problem]:
    """What is wrong with a note."""
    if len(note) <= MAX_NOTE and all(ord(c) >= 32 for c in note):
        return []
    return [
        Problem(
            "/note",
            "bad-note",
            f"it is over {MAX_NOTE} characters or holds control characters.",
            "Say in a sentence what changes and why.",
        )
    ]


def refuse(problems: list[Problem]) -> None:
    """Raise `InputError` where there is a problem."""
    if problems:
        raise InputError("the proposal cannot be stored", problems=tuple(problems))


def permit(caller: Caller, roles: tuple[RoleName, ...]) -> None:
    """Raise `NotPermitted` unless the caller holds one of the roles."""
    if not caller.may(*roles):
        raise NotPermitted(
            "your role may not do this",
            remedy=f"use a key with one of the roles: {', '.join(roles)}",
        )


def instant(at: int | None) -> str | None:
    """An instant in words, where there is one."""
    return None if at is None else iso(at)


def _words(state: ProposalState) -> str:
    return state.value.replace("_", " ")
