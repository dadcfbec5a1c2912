"""The published rules in force at this moment, as this process knows them."""

from __future__ import annotations

import contextlib
import threading

from verify.domain.errors import Conflict
from verify.service.clock import Clock
from verify.service.schedule import Proposal, Schedule, Step
from verify.store import Store

FRESH_MS = 1000
"""How old the schedule may be: another process's approval is known here a second later.

The change on a scheduled day needs no such second: the schedule is known long before.
"""

AHEAD_MS = 600_000
"""So long before its first day a set is compiled, so that midnight costs nobody a wait."""


class RulesInForce:
    """Reads the schedule from the store now and then; which set counts is decided by the clock."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._schedule: Schedule | None = None
        self._read_at = 0

    def digest(self) -> str | None:
        """Digest of the published rules in force now; None while nothing is published."""
        now = self._clock()
        found = self.schedule(now).in_force(now)
        return found.digest if found is not None else None

    def schedule(self, now: int) -> Schedule:
        """The schedule, at most `FRESH_MS` old."""
        with self._lock:
            fresh = self._schedule is not None and 0 <= now - self._read_at < FRESH_MS
            if self._schedule is None or (
                not fresh and self._store.rule_event_count() != self._schedule.events
            ):
                self._schedule = Schedule.of(self._store.rule_events())
            if not fresh:
                self._read_at = now
            return self._schedule

    def upcoming(self) -> str | None:
        """Digest of the set that takes effect within `AHEAD_MS`; None where none does."""
        now = self._clock()
        coming = self.schedule(now).next_after(now)
        soon = coming is not None and (coming.takes_effect_at or 0) - now <= AHEAD_MS
        return coming.digest if coming is not None and soon else None

    def forget(self) -> None:
        """Read the schedule anew next time: something was just written."""
        with self._lock:
            self._schedule = None

    def activate(self) -> Proposal | None:
        """Record that the set in force is in use, once; returns it where this call did so.

        The set counts from its day on whether or not this was recorded: the record says when
        the first process knew.
        """
        now = self._clock()
        schedule = self.schedule(now)
        current = schedule.in_force(now)
        if current is None or current.used_since is not None:
            return None
        payload = {"digest": current.digest, "starts": current.starts.isoformat()}
        with contextlib.suppress(Conflict):  # another process was first
            self._store.add_rule_event(
                schedule.events, current.id, Step.IN_FORCE.value, "system", payload, now
            )
            self.forget()
            return current
        self.forget()
        return None
