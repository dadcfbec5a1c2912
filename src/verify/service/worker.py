"""The engine room: ask every source, then judge, then seal; again when a late source returns.

A verification is its own state machine in the store; any worker may pick it up after a crash.
Nothing here decides anything: answers are stored raw before they are parsed, and `judge` is the
pure path that replay uses.

    asking ──all that decide answered, or answer_by passed──▶ judged ──▶ completed
                                                    │
                       a source is missing and could change the outcome, or is a signal
                                                    ▼
                                                 waiting ──due──▶ asking again
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import structlog
from opentelemetry.context import Context

from verify import telemetry
from verify.connectors import Asker
from verify.domain.errors import Overloaded, VerifyError
from verify.domain.evidence import EvidenceState
from verify.service.check_spans import CheckSpans, count_sealed
from verify.service.clock import Clock, day_of
from verify.service.contents import Contents
from verify.service.files import Files, Ready
from verify.service.judging import Judged, judge, match_counts
from verify.service.questioning import LEASE_MS, Questioning
from verify.service.questions import FAILED_PAUSE_MS, failed_pause, should_ask
from verify.service.sealed import Digests, versions_of
from verify.settings import Settings
from verify.store import (
    Claim,
    ExchangeRow,
    LeaseLost,
    SealedVerdict,
    SealStatus,
    Store,
)

log = structlog.get_logger("verify.worker")

T = TypeVar("T")

HEARTBEAT_SECONDS = 15
MAX_UNDER_WAY = 200
HELD_PAUSE_MS = 2_000
UNCHANGED_PAUSE_MS = 1_000

LINGER_SECONDS = 0.03
"""So long an answered household waits for others at most, while batches follow one another."""
BUSY_SECONDS = 0.25
"""Batches that begin so soon after one another are load."""

_PASSING = (Overloaded, MemoryError, OSError)
"""Trouble of the machine or the database, and of no household: it is tried again."""


class Worker:
    """Claims due verifications, has their sources asked, judges them in batches, seals them.

    Three threads: *dispatch* claims and hands questions to a pool, so that a slow source holds
    up only its own households; *judge* takes whatever is ready, up to a batch, and judges it
    together; *heartbeat* keeps the leases of what is under way.
    """

    def __init__(  # noqa: PLR0917 - its parts, each of its own type
        self,
        store: Store,
        contents: Contents,
        asker: Asker,
        settings: Settings,
        clock: Clock,
        activate: Callable[[], object] = lambda: None,
    ) -> None:
        self._store = store
        self._activate = activate
        self._contents = contents
        self._asker = asker
        self._settings = settings
        self._clock = clock
        self._files = Files(store)
        self._spans = CheckSpans()
        self._answered: queue.SimpleQueue[tuple[Claim, float]] = queue.SimpleQueue()
        self._judged_at = float("-inf")
        self._questioning = Questioning(
            store,
            contents,
            self._files,
            asker,
            settings,
            clock,
            self._spans,
            pass_on=self._is_answered,
            give_back=self._give_back,
        )
        self._under_way: dict[str, Claim] = {}
        self._carrying = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to work in the background."""
        for name, body in (
            ("dispatch", self._dispatch_loop),
            ("judge", self._judge_loop),
            ("heartbeat", self._heartbeat_loop),
        ):
            thread = threading.Thread(target=body, name=f"worker-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    @property
    def alive(self) -> bool:
        """Whether none of its threads has ended since it began to work."""
        return all(thread.is_alive() for thread in self._threads)

    def ask_with(self, asker: Asker) -> None:
        """Put questions to another asker from now on: one that records, or that answers itself."""
        self._asker = asker
        self._questioning.asker = asker

    def wake(self) -> None:
        """There may be work now."""
        self._wake.set()

    def close(self) -> None:
        """Stop claiming, let the questions under way end, give back what is not judged."""
        self._stop.set()
        self._wake.set()
        for thread in self._threads[:1]:
            thread.join(timeout=30)  # first: it puts questions, and none may begin any more
        self._questioning.close()
        for thread in self._threads:
            thread.join(timeout=30)
        for claim in list(self._under_way.values()):
            self._give_back(claim, self._clock())

    # -- the three loops ------------------------------------------------------------------

    def _dispatch_loop(self, idle_seconds: float = 0.1) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            claimed = 0
            try:
                self._activate()  # what was published and whose time has come
                claimed = self._dispatch()
            except Exception as error:  # noqa: BLE001 - the thread goes on
                # The queue is in the store: nothing is lost by trying again after a pause.
                log.error("worker.dispatch_failed", **telemetry.told(error))
            if not claimed:
                self._wake.wait(idle_seconds)

    def _judge_loop(self) -> None:
        while not self._stop.is_set():
            batch = self._next_batch()
            if not batch or self._stop.is_set():
                continue  # what a stop has dropped is not answered: it is given back, due now
            try:
                self._judge_batch(batch)
            except BaseException as error:  # noqa: BLE001 - a panic of Polars is no Exception
                log.error("worker.judge_failed", **telemetry.told(error))
                for claim in batch:
                    self._give_back(claim, self._clock() + FAILED_PAUSE_MS)

    def _heartbeat_loop(self) -> None:
        while not self._stop.wait(HEARTBEAT_SECONDS):
            for claim in list(self._under_way.values()):
                try:
                    self._store.heartbeat(claim, self._clock(), LEASE_MS)
                except LeaseLost:
                    self._let_go(claim, "lost")
                except Exception as error:  # noqa: BLE001 - tried again at the next beat
                    log.error("worker.heartbeat_failed", **telemetry.told(error))

    def _next_batch(self) -> list[Claim]:
        """Wait for one answered claim, then take all others that are ready too, or soon will be.

        Judging fifty households together costs little more than one. Under load, while others are
        still being asked, the first one waits a moment for them; a household that is alone, or
        that waited while the batch before was judged, does not.
        """
        try:
            first, since = self._answered.get(timeout=0.2)
        except queue.Empty:
            return []
        batch = [first]
        until = since + LINGER_SECONDS if since - self._judged_at < BUSY_SECONDS else since
        with contextlib.suppress(queue.Empty):
            while len(batch) < self._settings.judge_batch:
                left = until - time.monotonic() if len(self._under_way) > len(batch) else 0
                batch.append(self._answered.get(timeout=max(left, 0))[0])
        self._judged_at = time.monotonic()
        return batch

    def _is_answered(self, claim: Claim) -> None:
        self._answered.put((claim, time.monotonic()))

    # -- asking ---------------------------------------------------------------------------

    def _dispatch(self) -> int:
        self._questioning.tick()
        room = MAX_UNDER_WAY - len(self._under_way)
        if room <= 0:
            return 0
        claims = self._store.claim(self._clock(), min(room, self._settings.judge_batch), LEASE_MS)
        for claim in claims:
            with self._carrying:
                self._under_way[claim.verification] = claim
            self._spans.begin(claim.verification)
        questions, now = self._files.questions(claims), self._clock()
        self._files.applications([c for c in claims if questions.get(c.verification)])
        for claim in claims:
            try:
                rows = questions.get(claim.verification)
                due = None if rows is None else [r for r in rows if should_ask(r, now)]
                self._questioning.ask(claim, due)
            except Exception as error:  # noqa: BLE001 - one household's trouble stays its own
                # Still held it would be held for good: the heartbeat would keep its lease.
                log.error("worker.ask_failed", **telemetry.told(error))
                self._give_back(claim, now + failed_pause(claim.created_at, now))
        return len(claims)

    # -- judging --------------------------------------------------------------------------

    def _judge_batch(self, claims: Sequence[Claim]) -> None:
        # One whose lease ran out meanwhile may have been claimed anew, also by this worker.
        current = [c for c in claims if self._under_way.get(c.verification) == c]
        by_digests: dict[Digests, list[Ready]] = {}
        for item in self._ready(current):
            by_digests.setdefault(item.case.digests, []).append(item)
        for digests, items in by_digests.items():
            self._judge_group(digests, items)

    def _ready(self, claims: Sequence[Claim]) -> list[Ready]:
        """Those that can be judged, with their sealed cases; the others are put back."""
        now = self._clock()
        questions = self._files.questions(claims)
        going = [
            c
            for c in claims
            if self._read(c, lambda c: self._may_be_judged(c, questions[c.verification], now), now)
        ]
        self._files.applications(going)
        rows = [row for c in going for row in questions[c.verification]]
        bodies = self._files.bodies(rows)
        ready = [
            self._read(c, lambda c: self._readiness(c, questions[c.verification], bodies, now), now)
            for c in going
        ]
        return [item for item in ready if item is not None]

    def _read(self, claim: Claim, look: Callable[[Claim], T], now: int) -> T | None:
        """What is found of a household; one that cannot be read is put back, and only that one."""
        try:
            return look(claim)
        except Exception as error:  # noqa: BLE001 - one household's trouble stays its own
            log.error(
                "worker.cannot_read", verification=claim.verification, at=telemetry.place(error)
            )
            self._give_back(claim, now + failed_pause(claim.created_at, now))
            return None

    def _may_be_judged(self, claim: Claim, rows: Sequence[ExchangeRow], now: int) -> bool:
        """Whether all is answered, or the time to answer is over; if not, it is put back."""
        if now < claim.answer_by and (waiting := self._undecided(claim, rows)):
            due = [d for r in waiting if (d := self._questioning.due_at(r, now)) is not None]
            self._give_back(claim, min([*due, claim.answer_by]))
            return False
        return True

    def _undecided(self, claim: Claim, rows: Sequence[ExchangeRow]) -> list[ExchangeRow]:
        """Open questions that can decide: an auxiliary source is never waited for."""
        pending = [r for r in rows if r.status == "pending"]
        aside = self._aside(claim) if pending else ()
        return [r for r in pending if r.source not in aside]

    def _aside(self, claim: Claim) -> frozenset[str]:
        try:
            return self._questioning.auxiliary(claim)
        except VerifyError:
            return frozenset()  # judging meets the same, and closes the case with its code

    def _readiness(
        self,
        claim: Claim,
        rows: tuple[ExchangeRow, ...],
        bodies: Mapping[str, bytes],
        now: int,
    ) -> Ready | None:
        """The sealed case, unless nothing new was learned: then put back."""
        today = day_of(now).isoformat()
        case = self._files.case(claim, rows, bodies, today, closed=now >= claim.give_up_at)
        if claim.last_evidence_digest == case.evidence_digest:
            # Asked again and learned nothing new: the verdict that stands still stands.
            due = [d for r in rows if (d := self._questioning.due_at(r, now)) is not None]
            # What is due this very moment was just tried, or has no room: not at once again.
            self._give_back(claim, max(min([*due, claim.give_up_at]), now + UNCHANGED_PAUSE_MS))
            return None
        return Ready(claim, case, rows)

    def _judge_group(self, digests: Digests, items: Sequence[Ready]) -> None:
        """Judge together what is pinned to the same content; seal all in one commit."""
        started = time.perf_counter_ns()
        try:
            with (
                telemetry.span("judge", parent=self._parent(items), households=len(items)),
                telemetry.JUDGE_SECONDS.time(),
            ):
                judged = judge(
                    [i.case for i in items],
                    self._contents.pinned(digests, versions_of(i.case for i in items)),
                )
        except BaseException as error:  # noqa: BLE001 - a panic of Polars is no Exception
            self._isolate(digests, items, error)
            return
        log.info(
            "worker.judged",
            households=len(items),
            micros=(time.perf_counter_ns() - started) // 1000,
        )
        telemetry.JUDGED.observe(len(items))
        self._seal(items, judged)

    def _seal(self, items: Sequence[Ready], judged: Sequence[Judged]) -> None:
        """Seal all in one commit; where that is refused, each by itself."""
        now = self._clock()
        try:
            results = self._store.seal_many(
                [self._sealed(i, j, now) for i, j in zip(items, judged, strict=True)], now
            )
        except _PASSING:
            raise
        except Exception as error:  # noqa: BLE001 - one household's trouble stays its own
            if len(items) > 1:
                for item, one in zip(items, judged, strict=True):
                    self._seal([item], [one])
                return
            [claim] = [item.claim for item in items]
            log.error(
                "worker.cannot_seal", verification=claim.verification, at=telemetry.place(error)
            )
            self._give_back(claim, now + failed_pause(claim.created_at, now))
            return
        for item, one, result in zip(items, judged, results, strict=True):
            if result.status is SealStatus.HELD:
                self._give_back(item.claim, now + HELD_PAUSE_MS)
            elif result.status is SealStatus.SEALED:
                count_sealed(one.verdict, now - item.claim.created_at)
                for source, judgements in match_counts(one.verdict).items():
                    self._asker.health.judged(source, judgements)
            self._let_go(item.claim, result.status.value)

    def _isolate(self, digests: Digests, items: Sequence[Ready], error: BaseException) -> None:
        """One household that cannot be judged must not hold up the others of its batch."""
        if isinstance(error, _PASSING):
            raise error  # all are put back: none of them is closed for it
        if len(items) > 1:
            for item in items:
                self._judge_group(digests, [item])
            return
        claim = items[0].claim
        code = error.code if isinstance(error, VerifyError) else type(error).__name__
        # The traceback may quote a value; only its place is logged, never its text.
        log.error(
            "worker.cannot_judge",
            verification=claim.verification,
            code=code,
            at=telemetry.place(error),
        )
        with contextlib.suppress(LeaseLost):  # it was cancelled, or somebody else carries it
            self._store.fail(claim, code, self._clock())
            telemetry.CHECKS.labels("failed").inc()
        self._let_go(claim, "failed")

    def _sealed(self, item: Ready, result: Judged, now: int) -> SealedVerdict:
        final = result.verdict.final
        again = () if final else self._again(item, result, now)
        due = [due for _, _, due in again] + self._still_out(item, result, now)
        over = final and not due
        return SealedVerdict(
            claim=item.claim,
            bundle=item.case.bundle(),
            verdict=result.verdict_bytes,
            trace=result.trace_bytes,
            evidence_digest=item.case.evidence_digest,
            outcome=result.verdict.outcome.value,
            final=final,
            state="completed" if over else "waiting",
            due_at=None if over else min([item.claim.give_up_at, *due]),
            ask_again=again,
        )

    def _still_out(self, item: Ready, result: Judged, now: int) -> list[int]:
        """When to look for auxiliary sources that have not said yet whether they answer."""
        if item.case.closed:
            return []
        aside = {c["source"] for c in result.verdict.coverage if c.get("auxiliary")}
        rows = [r for r in item.rows if r.status == "pending" and r.source in aside]
        dues = [self._questioning.due_at(r, now) for r in rows]
        return [max(due or 0, now + UNCHANGED_PAUSE_MS) for due in dues]

    def _again(self, item: Ready, result: Judged, now: int) -> tuple[tuple[str, str, int], ...]:
        """Whom to ask again, and when: also sources whose bytes turned out to be unreadable."""
        states = {
            (c["source"], c["person"]): EvidenceState(c["state"]) for c in result.verdict.coverage
        }
        return tuple(
            (
                r.source,
                r.person,
                r.due_at if r.due_at is not None else now + self._questioning.pause(r.attempts),
            )
            for r in item.rows
            if states[(r.source, r.person)].worth_asking_again
        )

    def _give_back(self, claim: Claim, due_at: int) -> None:
        """Let go of a claim; if the database is away, its lease runs out by itself."""
        self._let_go(claim, "given_back")
        try:
            self._store.release(claim, due_at)
        except LeaseLost:
            pass
        except Exception as error:  # noqa: BLE001 - whoever gives back goes on
            code = error.code if isinstance(error, VerifyError) else type(error).__name__
            log.warning("worker.release_failed", code=code)

    def _let_go(self, claim: Claim, state: str) -> None:
        with self._carrying:
            if self._under_way.get(claim.verification) != claim:
                return  # an older claim than the one that is carried now
            del self._under_way[claim.verification]
        self._files.close(claim.verification)
        self._spans.end(claim.verification, state)

    def _parent(self, items: Sequence[Ready]) -> Context | None:
        """The span above a batch: the check's own where there is one check only."""
        return self._spans.context(items[0].claim.verification) if len(items) == 1 else None
