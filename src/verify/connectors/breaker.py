"""A breaker per source: after some failures in a row nothing is sent for a while, then one probe.

Its state is shared by all processes, and taking the probe is a compare-and-set: however many
threads find the pause over at the same moment, exactly one request goes out. The libraries we
tried let every waiting thread through.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from verify.connectors.shared import SharedState, Value, change

MAX_OPEN_MS = 600_000
Clock = Callable[[], int]


def wall_ms() -> int:
    """Milliseconds since 1970: the one clock that several processes share."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Permit:
    """Whether a request may go out now. `wait_ms` is set where it may not."""

    allowed: bool
    probe: bool = False
    wait_ms: int = 0
    reason: str = ""


class Breaker:
    """Opens after `failures` failures in a row, for `open_ms`, doubled at each failed probe.

    `probe_ms` is how long a probe may take before another process may send one in its place.
    """

    def __init__(
        self,
        state: SharedState,
        source: str,
        *,
        failures: int,
        open_ms: int,
        probe_ms: int,
        clock: Clock = wall_ms,
    ) -> None:
        self._state = state
        self._key = f"breaker/{source}"
        self._failures = failures
        self._open_ms = open_ms
        self._probe_ms = probe_ms
        self._clock = clock

    def enter(self) -> Permit:
        """Ask to send. A permit that was given is ended with `succeeded`, `failed` or `left`."""
        version, value = self._state.get(self._key)
        if not value.get("until"):
            return Permit(True)
        now = self._clock()
        wait = max(value["until"], value.get("probe_until", 0)) - now
        if wait <= 0:
            probing = {**value, "probe_until": now + self._probe_ms}
            if self._state.put(self._key, version, probing):
                return Permit(True, probe=True)
            wait = self._probe_ms
        return Permit(False, wait_ms=wait, reason=value.get("reason", "breaker_open"))

    def succeeded(self) -> None:
        """The source is alive."""
        change(self._state, self._key, lambda value: {} if value else None)

    def failed(self, permit: Permit) -> None:
        """The source did not answer."""
        now = self._clock()

        def next_value(value: Value) -> Value | None:
            count = value.get("failures", 0) + 1
            if not permit.probe:
                if value.get("until", 0) > now:
                    return None  # open already: a straggler changes nothing
                if count < self._failures:
                    return {**value, "failures": count}
            rounds = value.get("rounds", 0)
            pause = min(self._open_ms * 2 ** min(rounds, 10), MAX_OPEN_MS)
            return {
                "failures": count,
                "rounds": rounds + 1,
                "until": now + pause,
                "reason": "breaker_open",
            }

        change(self._state, self._key, next_value)

    def left(self, permit: Permit) -> None:
        """Nothing was learned about the source; a probe is free again."""
        if permit.probe:
            change(self._state, self._key, lambda value: {**value, "probe_until": 0})

    def pause(self, milliseconds: int) -> None:
        """The source asked to be left alone: nobody sends before that, then one probe."""
        until = self._clock() + milliseconds
        change(
            self._state,
            self._key,
            lambda value: {**value, "until": until, "probe_until": 0, "reason": "slow_down"},
        )
