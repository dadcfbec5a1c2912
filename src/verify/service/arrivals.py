"""Answers that arrive together share a commit: sealed before judging, at a fraction of the cost.

Twenty answers of one household, kept one by one, were the largest part of the engine's own time.
No answer waits for another: whoever comes while a commit is under way is in the next one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from verify.service.clock import Clock
from verify.store import Claim, ExchangeAnswer, Store

MOST = 256
"""Answers in one commit at most."""


@dataclass(frozen=True)
class Arrival:
    """The end of one attempt at a question, and the raw bodies it brought."""

    claim: Claim
    source: str
    person: str
    answer: ExchangeAnswer
    bodies: Sequence[bytes] = field(repr=False)


class Arrivals:
    """Keeps answers for many threads at once."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._gate = threading.Lock()
        self._turn = threading.Lock()
        self._waiting: list[tuple[Arrival, Future[None]]] = []

    def save(self, arrival: Arrival) -> None:
        """Keep an answer durably, together with all that wait.

        Raises:
            LeaseLost: the claim no longer holds.
            Overloaded: the database could not take it.
        """
        done: Future[None] = Future()
        with self._gate:
            self._waiting.append((arrival, done))
        with self._turn:
            # Whoever had the turn before may have taken this one along.
            while not done.done():
                with self._gate:
                    batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                self._keep(batch)
        done.result()

    def _keep(self, batch: Sequence[tuple[Arrival, Future[None]]]) -> None:
        try:
            errors = self._store.save_answers(
                [(a.claim, a.source, a.person, a.answer, a.bodies) for a, _ in batch],
                self._clock(),
            )
        except BaseException as error:  # noqa: BLE001 - every waiting thread must hear of it
            for _, done in batch:
                done.set_exception(error)
            return
        for (_, done), error_ in zip(batch, errors, strict=True):
            if error_ is None:
                done.set_result(None)
            else:
                done.set_exception(error_)
