"""How hard we press a source: so many requests at once, so many a second."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

from verify.connectors.http import Failure
from verify.domain.evidence import EvidenceState

RETRY_RESERVE = 20


class RetryBudget:
    """Retries come out of a budget that first attempts fill: at most `permille` of them.

    The reserve lets a quiet source be asked again at once; in an outage it is used up quickly,
    and then no more than the declared share of requests is added.
    """

    def __init__(self, permille: int) -> None:
        self._permille = permille
        self._left = RETRY_RESERVE * 1000
        self._lock = threading.Lock()

    def first(self) -> None:
        """A first attempt goes out."""
        with self._lock:
            self._left = min(self._left + self._permille, RETRY_RESERVE * 1000)

    def take(self) -> bool:
        """Whether one more retry may go out."""
        with self._lock:
            if self._left < 1000:
                return False
            self._left -= 1000
            return True


class Throttle:
    """Shared by all threads that ask one source.

    `turn` takes a turn of the rate that all processes share (`verify.connectors.rate`).
    """

    def __init__(
        self, concurrency: int, per_second: int, turn: Callable[[float], bool] | None = None
    ) -> None:
        self._turn = turn
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
            if self._turn is not None and not self._turn(until):
                raise Failure(EvidenceState.THROTTLED, "own_limit")
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
