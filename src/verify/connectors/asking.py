"""Ask a source about a person: the only place from which requests leave.

Every ending is an evidence state; source trouble never raises. What came back is returned raw:
`verify.connectors.decoding` judges it later, and again in every replay.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from email.utils import parsedate_to_datetime

from verify.connectors import drivers
from verify.connectors.breaker import Breaker, Permit, wall_ms
from verify.connectors.catalogue import Connectors
from verify.connectors.channel import Channel
from verify.connectors.declaration import Declaration
from verify.connectors.decoding import DecodeContext, Decoded, decode
from verify.connectors.driving import DRIVER_ERROR, drive
from verify.connectors.egress import Egress
from verify.connectors.gate import Gate
from verify.connectors.health import HealthBook
from verify.connectors.hedging import both, first_good
from verify.connectors.observing import observe
from verify.connectors.opening import OpenSource
from verify.connectors.shared import MemoryState, SharedState
from verify.connectors.versions import OpenVersions, Version
from verify.connectors.watch import Watch
from verify.domain.errors import ContentError
from verify.domain.evidence import EvidenceState
from verify.domain.household import Authorisation
from verify.domain.period import add_months

REQUESTER_ENV = "VERIFY_REQUESTER"
DEFAULT_REQUESTER = "居民家庭经济状况核对机构"

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Question:
    """One question to one source about one person.

    `person` is the caller's key; `request_id` stays the same across retries, so that the source
    can recognise a repetition; `ticket` is the handle of an earlier, unfinished asking.
    """

    source: str
    person: str
    name: str
    id_number: str
    former_names: tuple[str, ...]
    as_of: dt.date
    purpose: str
    request_id: str
    case_number: str
    ticket: str = ""
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """How asking ended, and the raw bodies in the order received.

    `pending` means that the source is still working: ask again with `ticket`. `letter` names the
    authorisation letter used. `retry_after_seconds` is what the source asked for, capped.
    """

    state: EvidenceState
    bodies: tuple[bytes, ...]
    detail: str
    letter: str
    ticket: str = ""
    pending: bool = False
    retry_after_seconds: int | None = None


class Asker:
    """Holds connections, tokens and limits of all sources; used from many threads at once.

    `environment` holds endpoints and secrets by the names that the declarations give; `today`
    is the day on which letters are checked, asked at every send; `egress` says where requests
    may go (default: as the environment says, see `verify.connectors.egress`). `state` holds
    breakers, rates and quarantines; give all processes the same one.

    Raises:
        ContentError: an endpoint is not a plain base URL, would send personal data unencrypted,
            or is not on the allow-list.
    """

    def __init__(
        self,
        connectors: Connectors,
        environment: Mapping[str, str],
        today: Callable[[], dt.date],
        egress: Egress | None = None,
        state: SharedState | None = None,
    ) -> None:
        self._today = today
        shared = state or MemoryState()
        self.watch = Watch(shared)
        self.health = HealthBook(shared, wall_ms)
        egress = egress or Egress.from_environment(environment)
        self._requester = environment.get(REQUESTER_ENV, "") or DEFAULT_REQUESTER
        self._connectors = connectors
        self._opened = OpenVersions(environment, egress, shared)
        for source in connectors.sources:
            self._opened.open(connectors.declaration(source))
        # Two threads for each question to a source with two addresses; none otherwise.
        self._pairs = ThreadPoolExecutor(64, thread_name_prefix="second")

    @property
    def open_versions(self) -> Mapping[str, int]:
        """Source -> how many versions of it are open side by side."""
        return self._opened.count

    def close(self) -> None:
        """Let what is under way end, close all connections, write down how the sources did."""
        self._pairs.shutdown(wait=True)
        self.health.flush()
        self._opened.close()

    def ask(
        self,
        question: Question,
        authorisations: Sequence[Authorisation],
        declaration: Declaration | None = None,
    ) -> Answer:
        """Ask, within the source's total deadline.

        `declaration` is the version to ask with: the one that the question is pinned to, while
        others already ask with the next (default: the version this asker was made with).

        The letter is checked before every request: each attempt, page, part and poll. Without
        one that covers person, source, purpose and day, nothing is sent (`unauthorised`).
        """
        if declaration is None and question.source in self._connectors.sources:
            declaration = self._connectors.declaration(question.source)
        if declaration is None or declaration.id != question.source:
            return Answer(EvidenceState.UNAUTHORISED, (), "unknown_source", "")
        with ExitStack() as stack:
            try:
                version = stack.enter_context(self._opened.using(declaration))
            except ContentError:
                # Published since this process started, with an address that it may not use.
                return Answer(EvidenceState.UNAVAILABLE, (), "address_refused", "")
            return self._ask_version(version, question, authorisations)

    def _ask_version(
        self, version: Version, question: Question, authorisations: Sequence[Authorisation]
    ) -> Answer:
        source, second = version.first, version.second
        if not source.address:
            return Answer(EvidenceState.UNAVAILABLE, (), "not_configured", "")
        if self.watch.quarantined(source.declaration):
            return Answer(EvidenceState.UNAVAILABLE, (), "quarantined", "")
        spec = source.declaration.second
        if second is None or spec is None:
            return self._ask(source, question, authorisations)

        def first_one() -> Answer:
            return self._ask(source, question, authorisations)

        def second_one() -> Answer:
            return self._ask(second, question, authorisations)

        if spec.compare:
            answers = both(self._pairs, first_one, second_one)
            return self._compared(source.declaration, question, *answers)
        after = float(spec.after_seconds)
        return first_good(self._pairs, first_one, second_one, after_seconds=after, good=_answered)

    def _ask(
        self, source: OpenSource, question: Question, authorisations: Sequence[Authorisation]
    ) -> Answer:
        """Ask one address."""
        permit = source.breaker.enter()
        if not permit.allowed:
            return _held_back(permit)
        gate = self._gate(source.declaration, question, authorisations)
        started = time.monotonic()
        try:
            channel = self._channel(source, question, gate)
            outcome = drive(channel, source.declaration, question.ticket)
        except BaseException:
            source.breaker.left(permit)
            raise
        pause = _pause(source.declaration, outcome)
        _tell(source.breaker, permit, outcome, pause)
        took = int((time.monotonic() - started) * 1000)
        self._look(source.declaration, question, outcome, took)
        return Answer(
            state=outcome.state,
            bodies=tuple(outcome.bodies),
            detail=outcome.detail,
            letter=gate.letter,
            ticket=outcome.ticket,
            pending=outcome.pending,
            retry_after_seconds=pause,
        )

    @staticmethod
    def _compared(declaration: Declaration, question: Question, one: Answer, two: Answer) -> Answer:
        """Two addresses of one register must say the same; the day of their data may differ."""
        if not (_answered(one) and _answered(two)):
            return one if _answered(one) or not _answered(two) else two
        context = _context(question)
        said = [decode(declaration, a.bodies, context) for a in (one, two)]
        if all(d.state.answered for d in said) and _facts(said[0]) != _facts(said[1]):
            return replace(one, state=EvidenceState.CONFLICTING, detail="second_source_differs")
        return one if said[0].state.answered else two

    def _gate(
        self, declaration: Declaration, question: Question, letters: Sequence[Authorisation]
    ) -> Gate:
        return Gate(
            letters,
            person=question.person,
            source=question.source,
            purpose=question.purpose,
            declared=declaration.serves(question.purpose),
            today=self._today,
        )

    def _channel(self, source: OpenSource, question: Question, gate: Gate) -> Channel:
        return Channel(
            declaration=source.declaration,
            address=source.address,
            client=source.client,
            egress=source.egress,
            secrets=source.secrets,
            credentials=source.credentials,
            throttle=source.throttle,
            retries=source.retries,
            gate=gate,
            values=self._values(question, source.declaration),
            request_id=question.request_id,
            until=time.monotonic() + float(source.declaration.deadline_seconds),
        )

    def _look(
        self, declaration: Declaration, question: Question, outcome: drivers.Outcome, took: int
    ) -> None:
        """Count an answer: how the source does, and whether it still is like itself."""
        source = declaration.id
        state = "pending" if outcome.pending else outcome.state.value
        if outcome.detail.startswith(DRIVER_ERROR):
            state = DRIVER_ERROR  # ours to mend: an outage would be looked for at the source
        if outcome.state is not EvidenceState.OK or not self.watch.wants(declaration):
            self.health.note(source, state, took)
            return
        decoded = decode(declaration, outcome.bodies, _context(question, asked_on=self._today()))
        age = (question.as_of - decoded.as_of).days if decoded.as_of else None
        seen = observe(declaration, outcome.bodies)
        self.health.note(
            source,
            decoded.state.value,
            took,
            rows=len(decoded.rows),
            age_days=age,
            fields=(sum(seen.filled.values()), sum(seen.asked.values())),
        )
        self.watch.note(declaration, decoded.state, seen)

    def _values(self, question: Question, declaration: Declaration) -> dict[str, object]:
        return {
            "name": question.name,
            "id_number": question.id_number,
            "former_names": list(question.former_names),
            "as_of": question.as_of,
            "window_start": add_months(question.as_of, -declaration.lookback_months),
            "window_end": question.as_of,
            "purpose": question.purpose,
            "requester": self._requester,
            "case_number": question.case_number,
            "request_id": question.request_id,
            "callback_url": question.callback_url,
            "page": 1,
            "page_size": 0,
            "part": "",
            "offset": 0,
            "cursor": "",
        }


def _answered(answer: Answer) -> bool:
    return answer.state is EvidenceState.OK


def _context(question: Question, asked_on: dt.date | None = None) -> DecodeContext:
    return DecodeContext(
        household="",
        evidence="",
        person=question.person,
        name=question.name,
        id_number=question.id_number,
        as_of=question.as_of,
        asked_on=asked_on,
    )


def _facts(decoded: Decoded) -> list[str]:
    """What an answer says, whatever the day it says it of."""
    return sorted(
        str(sorted((k, str(v)) for k, v in row.items() if k not in ("record", "as_of")))
        for row in decoded.rows
    )


def _held_back(permit: Permit) -> Answer:
    """Nothing was sent: the source is in trouble, or asked to be left alone."""
    slow = permit.reason == "slow_down"
    return Answer(
        EvidenceState.THROTTLED if slow else EvidenceState.UNAVAILABLE,
        (),
        permit.reason,
        "",
        retry_after_seconds=max(1, math.ceil(permit.wait_ms / 1000)),
    )


def _tell(breaker: Breaker, permit: Permit, outcome: drivers.Outcome, pause: int | None) -> None:
    """What this asking says about the source: alive, dead, or nothing."""
    state = outcome.state
    if state is EvidenceState.THROTTLED and outcome.detail == "slow_down" and pause:
        breaker.pause(pause * 1000)
    elif outcome.detail in ("own_limit", "redirected") or (
        state is EvidenceState.UNAUTHORISED and not outcome.detail.startswith("source_refused")
    ):
        breaker.left(permit)
    elif state in (EvidenceState.UNAVAILABLE, EvidenceState.TIMEOUT) and not outcome.pending:
        breaker.failed(permit)
    else:
        breaker.succeeded()


def _pause(declaration: Declaration, outcome: drivers.Outcome) -> int | None:
    """Seconds to wait, as the source asked or the connector declares; capped."""
    cap = declaration.timing.retry_after_max_seconds
    text = outcome.retry_after
    if _SECONDS.fullmatch(text):
        return min(int(text), cap)
    if text:
        return _until_date(text, cap)
    if outcome.pause is not None:
        return min(max(1, math.ceil(Decimal(outcome.pause))), cap)
    return None


def _until_date(text: str, cap: int) -> int | None:
    """A Retry-After that is a date (RFC 9110 section 10.2.3); nonsense is ignored."""
    try:
        moment = parsedate_to_datetime(text)
        seconds = int(moment.timestamp() - time.time())
    except (ValueError, OverflowError, OSError):
        return None
    return min(max(1, seconds), cap)
