"""One rate per source for all processes together.

Each second of a source has so many turns. A process takes a handful at a time from the shared
state, so that the state is not written at every request.
"""

from __future__ import annotations

import threading
import time

from verify.connectors.shared import SharedState


class SharedRate:
    """At most `per_second` turns in any calendar second, over all processes."""

    def __init__(self, state: SharedState, source: str, per_second: int) -> None:
        self._state = state
        self._key = f"rate/{source}"
        self._per_second = per_second
        self._handful = max(1, per_second // 10)
        self._lock = threading.Lock()
        self._second = 0
        self._mine = 0

    def turn(self, until: float) -> bool:
        """Wait for a turn, until the point `until` of `time.monotonic()`; says whether it came."""
        while not self._take():
            pause = 1 - time.time() % 1 + 0.001
            if time.monotonic() + pause > until:
                return False
            time.sleep(pause)
        return True

    def _take(self) -> bool:
        second = int(time.time())
        with self._lock:
            if self._second != second:
                self._second, self._mine = second, 0
            if self._mine == 0:
                self._mine = self._fetch(second)
            if self._mine == 0:
                return False
            self._mine -= 1
            return True

    def _fetch(self, second: int) -> int:
        """Take a handful of this second's turns, as many as are left."""
        while True:
            version, value = self._state.get(self._key)
            used = value.get("used", 0) if value.get("second") == second else 0
            take = min(self._handful, self._per_second - used)
            if take <= 0:
                return 0
            if self._state.put(self._key, version, {"second": second, "used": used + take}):
                return take
