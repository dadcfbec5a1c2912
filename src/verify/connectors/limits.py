"""How hard we press a source: so many requests at once, so many a second."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from verify.connectors.http import Failure
from verify.domain.evidence import EvidenceState


class Throttle:
    """Shared by all threads that ask one source."""

    def __init__(self, concurrency: int, per_second: int) -> None:
        self._slots = threading.BoundedSemaphore(concurrency)
        self._gap = 1 / per_second
        self._lock = threading.Lock()
        self._next = 0.0

    @contextlib.contextmanager
    def slot(self, until: float) -> Iterator[None]:
        """Wait for a turn, until the point `until` of `time.monotonic()` at the latest.

        Raises:
            Failure: the turn would come too late (`throttled`, our own limit), or the time is
                already over (`timeout`).
        """
        if time.monotonic() >= until:
            raise Failure(EvidenceState.TIMEOUT, "no_answer_in_time")
        if not self._slots.acquire(timeout=max(0.0, until - time.monotonic())):
            raise Failure(EvidenceState.THROTTLED, "own_limit")
        try:
            self._pace(until)
            yield
        finally:
            self._slots.release()

    def _pace(self, until: float) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            if turn > until:
                raise Failure(EvidenceState.THROTTLED, "own_limit")
            self._next = turn + self._gap
        if turn > now:
            time.sleep(turn - now)
