"""How each source did, hour by hour: what it answered, how fast, how fresh; and how its records
were judged. No personal data.

Counts are kept in memory and added to the shared state every few seconds, so that several
processes add up to one picture.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping

from verify.connectors.shared import SharedState, Value, change

FLUSH_SECONDS = 5.0
HOUR_MS = 3_600_000
# Upper edges of the latency classes, in milliseconds; the last is open.
CLASSES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000)
Clock = Callable[[], int]


def key(source: str, hour: int) -> str:
    """Where an hour of a source is kept."""
    return f"health/{source}/{hour:09d}"


def judged_key(source: str, hour: int) -> str:
    """Where it is kept how the records of a source were judged in an hour."""
    return f"judged/{source}/{hour:09d}"


class HealthBook:
    """Counts askings by source and hour. Safe from any thread."""

    def __init__(self, state: SharedState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._counts: dict[str, Counter[str]] = {}
        self._lock = threading.Lock()
        self._flushed = time.monotonic()

    def note(
        self,
        source: str,
        state: str,
        milliseconds: int,
        *,
        rows: int | None = None,
        age_days: int | None = None,
        fields: tuple[int, int] = (0, 0),
    ) -> None:
        """One asking ended; `rows` and `age_days` where the answer was looked at.

        `fields` counts the values that the declaration expects (`expectations.fill`): how many
        were filled, of how many.
        """
        hour = self._clock() // HOUR_MS
        edge = next((str(c) for c in CLASSES if milliseconds <= c), "more")
        with self._lock:
            counts = self._counts.setdefault(key(source, hour), Counter())
            counts["asked"] += 1
            counts[f"state.{state}"] += 1
            counts[f"ms.{edge}"] += 1
            counts["ms"] += milliseconds
            if rows is not None:
                counts["looked"] += 1
                counts["found"] += rows > 0
                counts["rows"] += rows
            if age_days is not None:
                counts["dated"] += 1
                counts["age_days"] += age_days
            if fields[1]:
                counts["filled"] += fields[0]
                counts["fields"] += fields[1]
            due = time.monotonic() - self._flushed > FLUSH_SECONDS
        if due:
            self.flush()

    def judged(self, source: str, judgements: Mapping[str, int]) -> None:
        """Records of this source were judged in a verdict just sealed: how many of them how."""
        place = judged_key(source, self._clock() // HOUR_MS)
        with self._lock:
            self._counts.setdefault(place, Counter()).update(judgements)

    def flush(self) -> None:
        """Add what was counted to the shared state."""
        with self._lock:
            self._flushed = time.monotonic()
            counted, self._counts = self._counts, {}
        for place, counts in counted.items():

            def add(value: Value, counts: Counter[str] = counts) -> Value:
                return {**value, **{k: value.get(k, 0) + n for k, n in counts.items()}}

            change(self._state, place, add)
