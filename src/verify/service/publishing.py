"""Publish rules by two people: one proposes, another approves, a day starts them.

The steps are those of `verify.service.proposing`; the text of every proposed set stays in the store
under its digest. What a proposal changes in law is in its view, so that the second person approves
what they read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from verify.connectors import Connectors
from verify.content import ContentSet
from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, ContentError, InputError, Problem
from verify.rules import Law
from verify.rules.diff import diff_laws
from verify.service.clock import Clock, day_of, midnight
from verify.service.contents import Contents
from verify.service.in_force import InForce
from verify.service.proposing import Desk, Draft, Subject, find, note_faults, permit, refuse
from verify.service.rule_checks import Checks, check_rules
from verify.service.schedule import RULES, Proposal
from verify.store import Store

Plain = dict[str, Any]

READERS = (RoleName.POLICY, RoleName.AUDITOR, RoleName.ADMINISTRATOR)


class Publishing:
    """Propose, approve, withdraw; look at what was proposed."""

    def __init__(self, store: Store, contents: Contents, in_force: InForce, clock: Clock) -> None:
        self._store = store
        self._contents = contents
        self._clock = clock
        self._desk = Desk(store, in_force, clock)
        folder = contents.sets["rules"].digest
        self._subject = Subject(RULES, RoleName.POLICY, folder, "verify rules proposals")
        # By digest: the same text, with the same sources, always has the same faults and cases.
        self._check_once = lru_cache(maxsize=8)(self._check)

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
        permit(caller, (RoleName.POLICY,))
        now = self._clock()
        schedule = self._desk.schedule(self._subject)
        base = base or self._desk.live(self._subject, schedule, max(midnight(starts), now))
        self._contents.rules(base)
        refuse(_faults_of(content, starts, note, base, day_of(now)))
        self._store.keep_content(content.kind, content.digest, content.to_blob())
        checks = self._checked(content.digest).summary()
        draft = Draft(content.digest, base, starts.isoformat(), None, note, checks, {})
        return self.view(self._desk.propose(self._subject, draft, schedule, caller), caller)

    def approve(self, proposal: str, caller: Caller) -> Plain:
        """Approve another person's proposal: from its day on it is the law applied here.

        Raises:
            NotPermitted: the caller is not policy staff, or made the proposal.
            NotFound: no such proposal.
            Conflict: it is not open any more, fails its checks, or was written on a set that is
                not the one before it.
        """
        opened = self._desk.open(self._subject, proposal, caller)
        checks = self._checked(opened[1].digest)
        _require_sound(opened[1], checks)
        self._desk.approve(self._subject, opened, caller, checks.summary())
        return self.view(proposal, caller)

    def withdraw(self, proposal: str, caller: Caller) -> Plain:
        """Take a proposal back before its day; what was in force stays on record.

        Raises:
            NotPermitted: the caller is not policy staff.
            NotFound: no such proposal.
            Conflict: it is in force or was, or an approved one builds on it.
        """
        self._desk.withdraw(self._subject, proposal, caller)
        return self.view(proposal, caller)

    # -- looking --------------------------------------------------------------------------

    def view(self, proposal: str, caller: Caller) -> Plain:
        """A proposal, what it changes in law, its faults and failing cases, and its history."""
        permit(caller, READERS)
        schedule = self._desk.schedule(self._subject)
        found = find(schedule, self._subject, proposal)
        checks = self._checked(found.digest)
        return {
            **self._desk.summary(schedule, found),
            "faults": [f.plain() for f in checks.faults],
            "failed_cases": checks.failed_cases(),
            "changes": self._changes(found, checks),
            "events": self._desk.events(found.id),
        }

    def page(self, caller: Caller) -> Plain:
        """What is in force now and where it comes from; all proposals, newest first."""
        permit(caller, READERS)
        schedule = self._desk.schedule(self._subject)
        current = schedule.in_force(self._clock())
        newest = sorted(schedule.proposals.values(), key=lambda p: p.id, reverse=True)
        return {
            "in_force": {
                "digest": self._contents.digests.rules,
                "from": "store" if current is not None else "folder",
                "proposal": current.id if current is not None else None,
                "folder": self._contents.sets["rules"].digest,
            },
            "proposals": [self._desk.summary(schedule, p) for p in newest],
        }

    def sides(self, proposal: str, caller: Caller) -> tuple[ContentSet, Law]:
        """The rules a proposal was written on, and the law it would make.

        Raises:
            Conflict: it has faults, so there is no law to try.
        """
        permit(caller, READERS)
        found = find(self._desk.schedule(self._subject), self._subject, proposal)
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
        permit(caller, (RoleName.POLICY,))
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

    def _checked(self, digest: str) -> Checks:
        return self._check_once(digest, self._contents.connectors)

    def _check(self, digest: str, connectors: Connectors) -> Checks:
        return check_rules(self._contents.rules(digest), connectors)

    def _changes(self, found: Proposal, checks: Checks) -> Plain | None:
        """What it changes in law; None where one of the two cannot be read."""
        if checks.law is None:
            return None
        try:
            return diff_laws(self._contents.law_of(found.base), checks.law).plain()
        except ContentError:
            return None


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
    return problems + note_faults(note)
