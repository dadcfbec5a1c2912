"""Put the questions of a claimed verification to its sources, and keep what comes back.

A verification is passed on to be judged as soon as all that can decide it has ended. Auxiliary
sources (signals, which decide nothing) get a moment's grace beyond that; what they say later is
kept all the same, and judged with the rest (ADR 0024).

Nor is any other source waited for beyond the time that is set for answers, however long it hangs
and however many questions to it wait: the verdict says so, and its answer makes a new one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import structlog

from verify import telemetry
from verify.connectors import Answer, Asker, Declaration
from verify.domain.access import LOCAL
from verify.domain.errors import Overloaded, VerifyError
from verify.domain.evidence import EvidenceState
from verify.domain.household import Application
from verify.service.arrivals import Arrival, Arrivals
from verify.service.bulkheads import Bulkheads
from verify.service.check_spans import CheckSpans
from verify.service.clock import Clock, day_of
from verify.service.contents import Contents
from verify.service.files import Files
from verify.service.questions import (
    as_question,
    asked_pause,
    doubled_pause,
    failed_pause,
    should_ask,
)
from verify.settings import Settings
from verify.store import Claim, ExchangeAnswer, ExchangeRow, LeaseLost, Store
from verify.store.leasing import ACTIVE

log = structlog.get_logger("verify.worker")

LEASE_MS = 60_000
OUT_PAUSE_MS = 30_000
"""When a check is looked at again whose auxiliary source is still being asked: should this process
end meanwhile, another one asks."""

MAX_OUT = 1000
"""Questions to auxiliary sources under way at most: what is beyond is asked after the verdict."""

_LATE_TRIES = 40
_LATE_PAUSE_SECONDS = 0.25

Key = tuple[str, str, str]


@dataclass
class Round:
    """The questions of one claim that were put together, and how many have not ended.

    `overdue_at`: it goes on to be judged then at the latest; `ripe_at`: when it has waited enough
    for auxiliary sources (both on the monotonic clock). `passed`: it has gone on to be judged.
    `unkept`: an answer could not be stored.
    """

    claim: Claim
    mandatory: int
    auxiliary: int
    overdue_at: float
    ripe_at: float = float("inf")
    passed: bool = False
    unkept: bool = False
    asked: list[Future[None]] = field(default_factory=list, repr=False)


@dataclass(frozen=True)
class _Put:
    """One question as it is put."""

    round: Round
    row: ExchangeRow
    application: Application
    declaration: Declaration
    version_set: str
    mandatory: bool

    @property
    def version(self) -> str:
        """The digest of the declaration where it is not the planned one."""
        return self.declaration.digest if self.version_set else ""

    @property
    def key(self) -> Key:
        return (self.row.verification, self.row.source, self.row.person)


class Questioning:
    """Asks for many verifications at once; a slow source holds up only questions to itself.

    `pass_on` takes a claim that can be judged, `give_back` one that is to be looked at again at an
    instant. Both are called from any thread.
    """

    def __init__(  # noqa: PLR0917 - its parts, each of its own type
        self,
        store: Store,
        contents: Contents,
        files: Files,
        asker: Asker,
        settings: Settings,
        clock: Clock,
        spans: CheckSpans,
        pass_on: Callable[[Claim], None],
        give_back: Callable[[Claim, int], None],
    ) -> None:
        self._store = store
        self._contents = contents
        self._files = files
        self.asker = asker
        self._settings = settings
        self._clock = clock
        self._spans = spans
        self._pass_on = pass_on
        self._give_back = give_back
        self._bulkheads = Bulkheads(settings.ask_threads)
        self._arrivals = Arrivals(store, clock)
        self._late = ThreadPoolExecutor(2, thread_name_prefix="late")
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._open: list[Round] = []
        self._out: set[Key] = set()

    def close(self) -> None:
        """Let the questions under way end; what has not begun is dropped."""
        self._closing.set()
        self._bulkheads.close()
        self._arrivals.close()  # before the late ones: it hands over to them
        self._late.shutdown(wait=True)

    def auxiliary(self, claim: Claim) -> frozenset[str]:
        """The sources that decide nothing in this verification."""
        book = self._contents.law_of(claim.rules_digest).find(claim.region, claim.programme)
        return frozenset(book.auxiliary_sources)

    def due_at(self, row: ExchangeRow, now: int) -> int | None:
        """When a question is to be put (again); one that is out is not put a second time."""
        if row.due_at is not None and self.is_out(row):
            return max(row.due_at, now + OUT_PAUSE_MS)
        return row.due_at

    def is_out(self, row: ExchangeRow) -> bool:
        """Whether this process is asking it now."""
        with self._lock:
            return (row.verification, row.source, row.person) in self._out

    def ask(self, claim: Claim, due: Sequence[ExchangeRow] | None) -> None:
        """Put every due question of a claim; the last one that can decide passes it on.

        `None`: its questions could not be read with the others'.
        """
        if due is None:
            now = self._clock()
            due = [r for r in self._store.exchanges(claim.verification) if should_ask(r, now)]
        due = [r for r in due if not self.is_out(r)]
        if not due:
            self._pass_on(claim)
            return
        application = self._files.application(claim)
        try:
            versions = {r.evidence: self._version(claim, r) for r in due}
            aside = self.auxiliary(claim)
        except Overloaded:
            raise  # the database is away: it is asked when that is back
        except VerifyError as error:
            log.error("worker.cannot_ask", verification=claim.verification, code=error.code)
            self._pass_on(claim)  # judging meets the same, and closes the case with its code
            return
        deadline = time.monotonic() + self._settings.answer_deadline_seconds
        if self._clock() >= claim.give_up_at:
            deadline = float("inf")  # what closes the case has asked everybody once more
        with self._lock:
            room = MAX_OUT - len(self._out)
        deciding = [r for r in due if r.source not in aside]
        others = [r for r in due if r.source in aside][: max(room, 0)]
        round_ = Round(claim, len(deciding), len(others), deadline)
        puts = [
            _Put(round_, row, application, declaration, version_set, r.source not in aside)
            for r in (*deciding, *others)
            for row, declaration, version_set in (versions[r.evidence],)
        ]
        with self._lock:
            self._open.append(round_)
        for put in puts:
            self._put(put)
        if not deciding:
            self._ended(round_)

    def _version(self, claim: Claim, row: ExchangeRow) -> tuple[ExchangeRow, Declaration, str]:
        """The question, the declaration to put it with, and the set that holds that one if it is
        not the planned one (ADR 0028).

        A first attempt is made with the version that the check was accepted with, a further one
        with the version in force, and what a source is working on is asked for with the version
        that it was submitted with, unless that one was rolled back: then it is submitted anew.
        """
        held_set = row.version_set or ""
        held = self._contents.connectors_of(held_set or claim.connectors_digest)
        declaration = held.declaration(row.source)
        current = self._contents.connectors
        if not row.attempts or row.source not in current.sources:
            return row, declaration, held_set
        live = current.declaration(row.source)
        if live.digest == declaration.digest:
            return row, declaration, held_set
        if row.ticket and not self._contents.withdrawn(row.source, declaration.digest):
            return row, declaration, held_set
        fresh = replace(row, ticket="")
        return fresh, live, "" if live.digest == row.connector else current.digest

    def tick(self) -> None:
        """Pass on what has waited long enough, for its auxiliary sources or for any."""
        now = time.monotonic()
        with self._lock:
            ripe = [r for r in self._open if min(r.ripe_at, r.overdue_at) <= now]
            for round_ in ripe:
                round_.passed = True
            self._open = [r for r in self._open if not r.passed]
        for round_ in ripe:
            if round_.mandatory:
                # What has not begun is put again after the verdict: it must not pile up before a
                # source that hangs. What is under way comes late.
                dropped = sum(asked.cancel() for asked in round_.asked)
                where = {"verification": round_.claim.verification, "dropped": dropped}
                log.info("worker.answers_overdue", **where)
            self._go(round_)

    # -- one question ---------------------------------------------------------------------

    def _put(self, put: _Put) -> None:
        with self._lock:
            self._out.add(put.key)

        def dropped(asked: Future[None]) -> None:
            # The service ends, or something stopped this thread's work: it stays open.
            if asked.cancelled() or asked.exception() is not None:
                self._over(put, kept=asked.cancelled())

        asked = self._bulkheads.of(put.declaration).submit(self._ask_one, put)
        put.round.asked.append(asked)
        asked.add_done_callback(dropped)

    def _over(self, put: _Put, *, kept: bool) -> None:
        """A question has ended: its answer was kept (or was not ours to keep), or it was not."""
        with self._lock:
            self._out.discard(put.key)
            put.round.unkept |= not kept
            put.round.mandatory -= put.mandatory
            put.round.auxiliary -= not put.mandatory
        self._ended(put.round)

    def _ended(self, round_: Round) -> None:
        """Pass a claim on when nothing that decides is out, and nothing else is waited for."""
        with self._lock:
            if round_.passed or round_.mandatory:
                return
            if round_.auxiliary:
                grace = float(self._settings.auxiliary_grace_seconds)
                round_.ripe_at = min(round_.ripe_at, time.monotonic() + grace)
                return
            round_.passed = True
            self._open = [r for r in self._open if r is not round_]
        self._go(round_)

    def _go(self, round_: Round) -> None:
        now = self._clock()
        later = now + failed_pause(round_.claim.created_at, now)
        if round_.unkept and later < round_.claim.answer_by:
            # Still open, and due: without a pause it would be asked again at once, for ever.
            self._give_back(round_.claim, later)
        else:
            self._pass_on(round_.claim)

    def _ask_one(self, put: _Put) -> None:
        """Ask, and have the answer kept. Nobody waits for the commit: `_kept` hears of it."""
        try:
            answer = self._answer(put)
            kept = self._outcome(put, answer, self._clock())
            claim, row = put.round.claim, put.row
            arrival = Arrival(claim, row.source, row.person, kept, answer.bodies)
            if not put.round.passed:
                self._arrivals.save(arrival, lambda error: self._kept(put, arrival, error))
                return
            self._keep_late(put, arrival)
        except Exception as error:  # noqa: BLE001 - the question stays open and is asked again
            self._not_kept(put, error)
            self._over(put, kept=False)
        else:
            self._over(put, kept=True)

    def _kept(self, put: _Put, arrival: Arrival, error: BaseException | None) -> None:
        """The answer is durable (`error` is None), or could not be kept."""
        if error is None:
            if put.round.passed:  # while it was being stored, and so judged without it
                self._late.submit(self._late_save, put, None)
        elif isinstance(error, LeaseLost):
            if put.mandatory and not put.round.passed:
                where = {"verification": put.row.verification, "source": put.row.source}
                log.info("worker.lease_lost", **where)
            else:
                self._keep_late(put, arrival)
        else:
            self._not_kept(put, error)
        self._over(put, kept=error is None or isinstance(error, LeaseLost))

    @staticmethod
    def _not_kept(put: _Put, error: BaseException) -> None:
        code, at = type(error).__name__, telemetry.place(error)
        log.error("worker.answer_not_kept", source=put.row.source, code=code, at=at)

    def _answer(self, put: _Put) -> Answer:
        try:
            callback = self._callback_url(put.row, put.declaration)
            question = as_question(
                put.row.verification, put.row, put.application, callback, put.version
            )
            return self._spans.asking(
                put.row.verification,
                put.row.source,
                lambda: self.asker.ask(question, put.application.authorisations, put.declaration),
            )
        except Exception as error:  # noqa: BLE001 - ours, but the source is unheard all the same
            code = type(error).__name__
            log.error(
                "worker.ask_failed", source=put.row.source, code=code, at=telemetry.place(error)
            )
            return Answer(EvidenceState.UNAVAILABLE, (), f"asking_failed:{code}", "")

    def _keep_late(self, put: _Put, arrival: Arrival) -> None:
        """An answer after its claim went on: kept under a claim of its own."""
        self._late.submit(self._late_save, put, arrival)

    def _late_save(self, put: _Put, arrival: Arrival | None) -> None:
        """Keep it if nobody else has asked meanwhile, and have the check judged with it."""
        where = {"verification": put.row.verification, "source": put.row.source}
        try:
            claim = self._claim_soon(put.row.verification)
            if claim is None:
                log.info("worker.late_dropped", **where)
                return
            if arrival is not None and self._attempts(put) == put.row.attempts:
                answer = (arrival.source, arrival.person, arrival.answer, arrival.bodies)
                self._store.save_answer(claim, *answer, self._clock())
            self._store.release(claim, self._clock())
        except LeaseLost:
            log.info("worker.late_dropped", **where)
        except Exception as error:  # noqa: BLE001 - the question stays open and is asked again
            self._not_kept(put, error)

    def _attempts(self, put: _Put) -> int:
        rows = self._store.exchanges(put.row.verification)
        key = (put.row.source, put.row.person)
        return next(r.attempts for r in rows if (r.source, r.person) == key)

    def _claim_soon(self, verification: str) -> Claim | None:
        """The claim on one verification once whoever judges it has let it go; None: it ended."""
        for _ in range(_LATE_TRIES):
            claims = self._store.claim(self._clock(), 1, LEASE_MS, only=verification)
            if claims:
                return claims[0]
            if self._store.verification(verification, LOCAL).state not in ACTIVE:
                return None
            if self._closing.wait(_LATE_PAUSE_SECONDS):
                break
        return None

    # -- what is asked, and what is remembered --------------------------------------------

    def _callback_url(self, row: ExchangeRow, declaration: Declaration) -> str:
        """Where an asynchronous source may say that its answer is ready (a hint, ADR 0009)."""
        if declaration.driver != "job":
            return ""
        token = self._store.token_of(f"{row.verification}/{row.evidence}", row.callback_token)
        # A token of before that is stored as a digest only: the source has its address already.
        return f"{self._settings.public_url}/v1/callbacks/{token}" if token else ""

    def _outcome(self, put: _Put, answer: Answer, now: int) -> ExchangeAnswer:
        """What to remember of an answer, and when to ask again if it is worth it."""
        row = put.row
        again = answer.pending or answer.state.worth_asking_again
        pause = self.pause(row.attempts)
        if answer.retry_after_seconds is not None:
            # The first time just as it asked: acceptance may be long ago through no fault of its.
            waited = now - put.round.claim.created_at if row.attempts else 0
            pause = asked_pause(answer.retry_after_seconds, waited)
        return ExchangeAnswer(
            status="pending" if answer.pending else "done",
            transport=EvidenceState.TIMEOUT if answer.pending else answer.state,
            asked_on=day_of(now).isoformat(),
            letter=answer.letter,
            detail="still_working" if answer.pending else answer.detail,
            ticket=answer.ticket,
            due_at=now + pause if again else None,
            worth_asking=again,
            version=put.version,
            version_set=put.version_set,
        )

    def pause(self, attempts: int) -> int:
        """Milliseconds before the next try of a source that named none."""
        return doubled_pause(self._settings.retry_seconds, attempts)
