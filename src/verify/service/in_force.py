"""The published versions in force at this moment, as this process knows them."""

from __future__ import annotations

import contextlib
import threading

from verify.domain.errors import Conflict
from verify.service.clock import Clock
from verify.service.schedule import (
    RULES,
    STORED,
    Proposal,
    ProposalState,
    Schedule,
    Schedules,
    Step,
    source_of,
)
from verify.store import Store

FRESH_MS = 1000
"""How old the schedule may be: another process's approval is known here a second later.

The change at a scheduled time needs no such second: the schedule is known long before.
"""

AHEAD_MS = 600_000
"""So long before its first day a set of rules is compiled, so that midnight costs nobody a wait."""


class InForce:
    """Reads the schedule from the store now and then; which version counts the clock decides."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._schedules: Schedules | None = None
        self._read_at = 0

    def rules(self) -> str | None:
        """Digest of the published rules in force now; None while nothing is published."""
        now = self._clock()
        found = self.schedule(now).in_force(now)
        return found.digest if found is not None else None

    def connectors(self) -> dict[str, str]:
        """Source -> stored set that holds its published declaration in force now, if any."""
        now = self._clock()
        found = {
            source: str(current.more[STORED])
            for subject, schedule in self.schedules(now).by_subject.items()
            if (source := source_of(subject)) and (current := schedule.in_force(now))
        }
        return dict(sorted(found.items()))

    def rolled_back(self, source: str, digest: str) -> bool:
        """Whether a version of a source was rolled back and has not been published again since."""
        now = self._clock()
        schedules = self.schedules(now).by_subject.items()
        found = [
            p
            for subject, schedule in schedules
            if source_of(subject) == source
            for p in schedule.proposals.values()
            if p.digest == digest and p.counts
        ]
        return bool(found) and all(p.rolled_back_at is not None for p in found)

    def schedule(self, now: int, subject: str = RULES) -> Schedule:
        """One subject's schedule, at most `FRESH_MS` old."""
        return self.schedules(now).of_subject(subject)

    def schedules(self, now: int) -> Schedules:
        """All schedules, at most `FRESH_MS` old."""
        with self._lock:
            fresh = self._schedules is not None and 0 <= now - self._read_at < FRESH_MS
            if self._schedules is None or (
                not fresh and self._store.rule_event_count() != self._schedules.events
            ):
                self._schedules = Schedules.of(self._store.rule_events())
            if not fresh:
                self._read_at = now
            return self._schedules

    def standing(self) -> list[tuple[Proposal, ProposalState]]:
        """Every proposed set of rules and where it stands now, the oldest first."""
        now = self._clock()
        schedule = self.schedule(now)
        found = sorted(schedule.proposals.values(), key=lambda p: (p.proposed_at, p.id))
        return [(proposal, schedule.state(proposal, now)) for proposal in found]

    def upcoming(self) -> str | None:
        """Digest of the rules that take effect within `AHEAD_MS`; None where none do."""
        now = self._clock()
        coming = self.schedule(now).next_after(now)
        soon = coming is not None and (coming.takes_effect_at or 0) - now <= AHEAD_MS
        return coming.digest if coming is not None and soon else None

    def forget(self) -> None:
        """Read the schedule anew next time: something was just written."""
        with self._lock:
            self._schedules = None

    def activate(self) -> list[Proposal]:
        """Record that the versions in force are in use, each once; returns those recorded here.

        A version counts from its time on whether or not this was recorded: the record says when
        the first process knew.
        """
        now = self._clock()
        schedules = self.schedules(now)
        current = [s.in_force(now) for s in schedules.by_subject.values()]
        return [p for p in current if p is not None and p.used_since is None and self._record(p)]

    def _record(self, proposal: Proposal) -> bool:
        now = self._clock()
        schedules = self.schedules(now)
        known = schedules.of_subject(proposal.subject)
        current = known.in_force(now)
        if current is None or current.id != proposal.id or current.used_since is not None:
            return False
        payload = {"digest": proposal.digest, "starts": proposal.starts}
        recorded = False
        with contextlib.suppress(Conflict):  # another process was first
            self._store.add_rule_event(
                schedules.events, proposal.id, Step.IN_FORCE.value, "system", payload, now
            )
            recorded = True
        self.forget()
        return recorded
