"""Answers that arrive together share a commit: sealed before judging, at a fraction of the cost.

Twenty answers of one household, kept one by one, were the largest part of the engine's own time.
One thread keeps them: whatever comes while a commit is under way is in the next one. Whoever
asked does not wait for it, because waking a thread for each answer cost as much as keeping it.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from verify import telemetry
from verify.domain.errors import Overloaded
from verify.service.clock import Clock
from verify.store import Claim, ExchangeAnswer, Store

log = structlog.get_logger("verify.worker")

MOST = 256
"""Answers in one commit at most."""

Kept = Callable[[BaseException | None], None]
"""Told once an answer is durable (`None`), or why it could not be kept."""


@dataclass(frozen=True)
class Arrival:
    """The end of one attempt at a question, and the raw bodies it brought."""

    claim: Claim
    source: str
    person: str
    answer: ExchangeAnswer
    bodies: Sequence[bytes] = field(repr=False)


class Arrivals:
    """Keeps answers that many threads bring. Its thread begins with the first one."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._gate = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[Arrival, Kept] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def save(self, arrival: Arrival, kept: Kept) -> None:
        """Have an answer kept; `kept` is called on another thread, after the commit.

        It is told `None`, `LeaseLost` (the claim no longer holds), `Overloaded` (the database
        could not take it) or whatever else went wrong.
        """
        with self._gate:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="arrivals", daemon=True)
                self._thread.start()
        self._waiting.put((arrival, kept))

    def close(self) -> None:
        """Keep what has come, then end; nothing may come any more."""
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(timeout=30)

    def _loop(self) -> None:
        going = True
        while going:
            batch, going = self._next()
            if batch:
                self._keep(batch)

    def _next(self) -> tuple[list[tuple[Arrival, Kept]], bool]:
        """Everything that waits now (blocking for the first), and whether to go on."""
        batch: list[tuple[Arrival, Kept]] = []
        item = self._waiting.get()
        while item is not None:
            batch.append(item)
            if len(batch) == MOST:
                return batch, True
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _keep(self, batch: Sequence[tuple[Arrival, Kept]]) -> None:
        errors: Sequence[BaseException | None]
        try:
            errors = self._store.save_answers(
                [(a.claim, a.source, a.person, a.answer, a.bodies) for a, _ in batch],
                self._clock(),
            )
        except BaseException as error:  # noqa: BLE001 - everyone who waits must hear of it
            if len(batch) > 1 and not isinstance(error, Overloaded):
                for one in batch:  # what ails one household must not cost the others' answers
                    self._keep([one])
                return
            errors = [error] * len(batch)
        for (_, kept), error_ in zip(batch, errors, strict=True):
            try:
                kept(error_)
            except Exception as error:  # noqa: BLE001 - the others must hear of theirs
                log.error("worker.keep_failed", at=telemetry.place(error))
