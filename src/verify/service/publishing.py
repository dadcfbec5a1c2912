"""Publish rules by two people: one proposes, another approves, a day starts them.

Nothing is ever overwritten: each step is an event in a chain (`verify.store.rule_events`), and
the text of every proposed set stays in the store under its digest. What a proposal changes in
law is in its view, so that the second person approves what they read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from verify.content import ContentSet
from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, ContentError, InputError, NotFound, NotPermitted, Problem
from verify.rules import Law
from verify.rules.diff import diff_laws
from verify.service.clock import CHINA, Clock, day_of, iso
from verify.service.contents import Contents
from verify.service.in_force import RulesInForce
from verify.service.rule_checks import Checks, check_rules
from verify.service.schedule import Proposal, ProposalState, Schedule, Step
from verify.store import Store
from verify.store.ids import proposal_id

Plain = dict[str, Any]

READERS = (RoleName.POLICY, RoleName.AUDITOR, RoleName.ADMINISTRATOR)
MAX_NOTE = 500


class Publishing:
    """Propose, approve, withdraw; look at what was proposed."""

    def __init__(
        self, store: Store, contents: Contents, in_force: RulesInForce, clock: Clock
    ) -> None:
        self._store = store
        self._contents = contents
        self._in_force = in_force
        self._clock = clock
        # By digest: the same text always has the same faults and cases.
        self._checked = lru_cache(maxsize=8)(self._check)

    # -- the three steps ------------------------------------------------------------------

    def propose(
        self,
        content: ContentSet,
        starts: dt.date,
        caller: Caller,
        *,
        note: str = "",
        base: str | None = None,
    ) -> Plain:
        """Store a set of rules as a proposal, checked, to start on a day.

        `base` is the digest of the set it was written on; by default the one that will be in
        force when it starts. A proposal with faults is stored too, but cannot be approved.

        Raises:
            NotPermitted: the caller is not policy staff.
            InputError: the day is past, the set changes nothing, or the note is too long.
            NotFound: there is no set with the digest `base` here.
            Conflict: somebody else did something at the same moment.
        """
        _permit(caller, (RoleName.POLICY,))
        now = self._clock()
        schedule = self._schedule()
        base = base or self._before(schedule, max(_midnight(starts), now))
        self._contents.rules(base)
        _refuse(_faults_of(content, starts, note, base, day_of(now)))
        self._store.keep_content(content.kind, content.digest, content.to_blob())
        checks = self._checked(content.digest)
        payload = {
            "digest": content.digest,
            "base": base,
            "starts": starts.isoformat(),
            "note": note,
            "checks": checks.summary(),
        }
        made = proposal_id(now)
        self._write(schedule, made, Step.PROPOSED, caller, payload)
        return self.view(made, caller)

    def approve(self, proposal: str, caller: Caller) -> Plain:
        """Approve another person's proposal: from its day on it is the law applied here.

        Raises:
            NotPermitted: the caller is not policy staff, or made the proposal.
            NotFound: no such proposal.
            Conflict: it is not open any more, fails its checks, or was written on a set that is
                not the one before it.
        """
        _permit(caller, (RoleName.POLICY,))
        schedule = self._schedule()
        found = _find(schedule, proposal)
        now = self._clock()
        _open(schedule, found, now)
        if found.proposed_by == caller.subject:
            raise NotPermitted(
                "nobody approves their own proposal",
                where=found.id,
                remedy="have another person with the role `policy` read and approve it",
            )
        checks = self._checked(found.digest)
        _require_sound(found, checks)
        effect = max(_midnight(found.starts), now)
        self._require_place(schedule, found, effect)
        payload = {
            "digest": found.digest,
            "takes_effect_at": effect,
            "checks": checks.summary(),
        }
        self._write(schedule, found.id, Step.APPROVED, caller, payload)
        self._in_force.activate()
        return self.view(proposal, caller)

    def withdraw(self, proposal: str, caller: Caller) -> Plain:
        """Take a proposal back before its day; what was in force stays on record.

        Raises:
            NotPermitted: the caller is not policy staff.
            NotFound: no such proposal.
            Conflict: it is in force or was, or an approved one builds on it.
        """
        _permit(caller, (RoleName.POLICY,))
        schedule = self._schedule()
        found = _find(schedule, proposal)
        state = schedule.state(found, self._clock())
        if state not in (ProposalState.PROPOSED, ProposalState.SCHEDULED):
            raise Conflict(
                f"the proposal is {state.value.replace('_', ' ')}; only one whose day has not "
                "come can be withdrawn",
                where=found.id,
                remedy="to go back, propose the earlier rules again",
            )
        builds = [p for p in schedule.sequence if p.base == found.digest and p.id != found.id]
        if state is ProposalState.SCHEDULED and builds:
            raise Conflict(
                f"{builds[0].id} is approved and builds on it",
                where=found.id,
                remedy=f"withdraw {builds[0].id} first",
            )
        self._write(schedule, found.id, Step.WITHDRAWN, caller, {"digest": found.digest})
        return self.view(proposal, caller)

    # -- looking --------------------------------------------------------------------------

    def view(self, proposal: str, caller: Caller) -> Plain:
        """A proposal, what it changes in law, its faults and failing cases, and its history."""
        _permit(caller, READERS)
        schedule = self._schedule()
        found = _find(schedule, proposal)
        checks = self._checked(found.digest)
        return {
            **self._summary(schedule, found),
            "faults": [f.plain() for f in checks.faults],
            "failed_cases": checks.failed_cases(),
            "changes": self._changes(found, checks),
            "events": [
                {
                    "position": e.position,
                    "kind": e.kind,
                    "at": iso(e.at),
                    "actor": e.actor,
                    "hash": e.hash,
                }
                for e in self._store.rule_events()
                if e.proposal == found.id
            ],
        }

    def page(self, caller: Caller) -> Plain:
        """What is in force now and where it comes from; all proposals, newest first."""
        _permit(caller, READERS)
        schedule = self._schedule()
        current = schedule.in_force(self._clock())
        newest = sorted(schedule.proposals.values(), key=lambda p: p.id, reverse=True)
        return {
            "in_force": {
                "digest": self._contents.digests.rules,
                "from": "store" if current is not None else "folder",
                "proposal": current.id if current is not None else None,
                "folder": self._contents.sets["rules"].digest,
            },
            "proposals": [self._summary(schedule, p) for p in newest],
        }

    def sides(self, proposal: str, caller: Caller) -> tuple[ContentSet, Law]:
        """The rules a proposal was written on, and the law it would make.

        Raises:
            Conflict: it has faults, so there is no law to try.
        """
        _permit(caller, READERS)
        found = _find(self._schedule(), proposal)
        law = self._checked(found.digest).law
        if law is None:
            raise Conflict(
                "the proposal has faults, so nothing can be judged by it",
                where=found.id,
                remedy="correct the rules and propose them again",
            )
        return self._contents.rules(found.base), law

    def patched(
        self, base: str | None, files: Mapping[str, str | None], caller: Caller
    ) -> tuple[str, ContentSet]:
        """A set of rules as changes to another one: path to its new text, or None to remove it.

        Raises:
            NotPermitted: the caller is not policy staff.
            NotFound: there is no set of rules with that digest here.
            InputError: it removes a file that is not there.
        """
        _permit(caller, (RoleName.POLICY,))
        base = base or self._contents.digests.rules
        before = dict(self._contents.rules(base).files)
        if any(text is None and path not in before for path, text in files.items()):
            raise InputError(
                "it removes a file that the base does not have",
                problems=(
                    Problem(
                        "/files", "no-such-file", "a file to remove is not there.", "Leave it out."
                    ),
                ),
            )
        after = {**before, **files}
        return base, ContentSet("rules", {p: t for p, t in sorted(after.items()) if t is not None})

    # -- inside ---------------------------------------------------------------------------

    def _check(self, digest: str) -> Checks:
        return check_rules(self._contents.rules(digest), self._contents.connectors)

    def _schedule(self) -> Schedule:
        """Straight from the store: what is decided on it must be the latest."""
        return Schedule.of(self._store.rule_events())

    def _write(
        self, schedule: Schedule, proposal: str, step: Step, caller: Caller, payload: Plain
    ) -> None:
        self._store.add_rule_event(
            schedule.events, proposal, step.value, caller.subject, payload, self._clock()
        )
        self._in_force.forget()

    def _before(self, schedule: Schedule, instant: int) -> str:
        found = schedule.in_force(instant)
        return found.digest if found is not None else self._contents.sets["rules"].digest

    def _require_place(self, schedule: Schedule, found: Proposal, effect: int) -> None:
        """Its base must be the set before it, and it the base of the set after it."""
        before = self._before(schedule, effect)
        after = schedule.next_after(effect)
        if before != found.base:
            raise Conflict(
                "it was written on other rules than those in force before it starts; approving "
                "it would undo what was published since",
                where=found.id,
                remedy=f"bring its changes onto {before} and propose it again",
            )
        if after is not None and after.base != found.digest:
            raise Conflict(
                f"{after.id}, approved to start on {after.starts}, was not written on it",
                where=found.id,
                remedy=f"withdraw {after.id}, approve this one, and propose that one again on it",
            )

    def _summary(self, schedule: Schedule, p: Proposal) -> Plain:
        return {
            "id": p.id,
            "state": schedule.state(p, self._clock()).value,
            "digest": p.digest,
            "base": p.base,
            "starts": p.starts.isoformat(),
            "note": p.note,
            "checks": dict(p.checks),
            "proposed_by": p.proposed_by,
            "proposed_at": iso(p.proposed_at),
            "approved_by": p.approved_by or None,
            "approved_at": _instant(p.approved_at),
            "takes_effect_at": _instant(p.takes_effect_at),
            "withdrawn_by": p.withdrawn_by or None,
            "withdrawn_at": _instant(p.withdrawn_at),
            "used_since": _instant(p.used_since),
        }

    def _changes(self, found: Proposal, checks: Checks) -> Plain | None:
        """What it changes in law; None where one of the two cannot be read."""
        if checks.law is None:
            return None
        try:
            return diff_laws(self._contents.law_of(found.base), checks.law).plain()
        except ContentError:
            return None


def _find(schedule: Schedule, proposal: str) -> Proposal:
    if proposal not in schedule.proposals:
        raise NotFound(
            "there is no such proposal",
            where="proposal",
            remedy="`verify rules proposals` lists them",
        )
    return schedule.proposals[proposal]


def _open(schedule: Schedule, found: Proposal, now: int) -> None:
    state = schedule.state(found, now)
    if state is not ProposalState.PROPOSED:
        raise Conflict(
            f"the proposal is {state.value.replace('_', ' ')}",
            where=found.id,
            remedy="only a proposal that is open can be approved",
        )


def _require_sound(found: Proposal, checks: Checks) -> None:
    if checks.passed:
        return
    first = checks.faults[0].sentence() if checks.faults else checks.failed_cases()[0]["title"]
    raise Conflict(
        f"it has {len(checks.faults)} fault(s) and {checks.failed} of {checks.cases} golden cases "
        f"come out differently; the first: {first}",
        where=found.id,
        remedy="correct the rules and propose them again",
    )


def _faults_of(
    content: ContentSet, starts: dt.date, note: str, base: str, today: dt.date
) -> list[Problem]:
    problems = []
    if starts < today:
        problems.append(
            Problem(
                "/starts",
                "past-day",
                "the day is past; verdicts already given are not judged anew.",
                "Give today or a later day. Law that applies from an earlier day says so in its "
                "own `effective_from`.",
            )
        )
    if content.digest == base:
        problems.append(
            Problem("/files", "no-change", "it is the set it is based on.", "Change something.")
        )
    if len(note) > MAX_NOTE or any(ord(c) < 32 for c in note):
        problems.append(
            Problem(
                "/note",
                "bad-note",
                f"it is over {MAX_NOTE} characters or holds control characters.",
                "Say in a sentence what changes and why.",
            )
        )
    return problems


def _refuse(problems: list[Problem]) -> None:
    if problems:
        raise InputError("the proposal cannot be stored", problems=tuple(problems))


def _permit(caller: Caller, roles: tuple[RoleName, ...]) -> None:
    if not caller.may(*roles):
        raise NotPermitted(
            "your role may not do this",
            remedy=f"use a key with one of the roles: {', '.join(roles)}",
        )


def _midnight(day: dt.date) -> int:
    """The first instant of a legal day."""
    return int(dt.datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp()) * 1000


def _instant(at: int | None) -> str | None:
    return None if at is None else iso(at)
