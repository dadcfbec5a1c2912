"""Questions as the worker sees them: whether one is due, when it is put again, what it is worth."""

from __future__ import annotations

import datetime as dt

from verify.connectors import Question
from verify.domain.evidence import EvidenceState, Exchange
from verify.domain.household import Application
from verify.rules import Rulebook
from verify.store import ExchangeRow

MAX_PAUSE_MS = 6 * 3_600_000
FAILED_PAUSE_MS = 5_000
MAX_FAILED_PAUSE_MS = 3_600_000


def doubled_pause(retry_seconds: int, attempts: int) -> int:
    """Milliseconds before the next try: doubled each time, six hours at most."""
    return int(min(retry_seconds * 1000 * 2 ** min(attempts, 12), MAX_PAUSE_MS))


def asked_pause(hint_seconds: int, waited_ms: int) -> int:
    """Milliseconds before the next try of a source that said, or declares, when to come again.

    Never sooner than it asked. Of one that takes days, also not sooner than a quarter of what the
    household has waited already, six hours at most: it is not polled every half minute for days,
    and an answer is fetched at most a quarter later than it was there.
    """
    return max(hint_seconds * 1000, min(waited_ms // 4, MAX_PAUSE_MS))


def failed_pause(accepted_at: int, now: int) -> int:
    """Milliseconds before the next look at a household that could not be read, asked about, judged
    or sealed: five seconds, later a tenth of what it has waited already, an hour at most.

    Thousands of them, under a key that is lost, say, must not take the time of all others.
    """
    # What cannot be read may be this very instant.
    waited = now - accepted_at if isinstance(accepted_at, int) else 0
    return max(FAILED_PAUSE_MS, min(waited // 10, MAX_FAILED_PAUSE_MS))


def deciding_questions(book: Rulebook, application: Application) -> list[tuple[str, str]]:
    """Source and person of every question whose answer can decide, in the rulebook's order.

    Where the rules look at what supporters earn or own, not asking would read as "nothing".
    """
    asked = application.persons if book.plan.looks_at_supporters else application.members
    return [(source, p.person) for source in book.mandatory_sources for p in asked]


def signal_questions(book: Rulebook, application: Application) -> list[tuple[str, str]]:
    """Source and person of every question to an auxiliary source.

    Signals are about the household that applies: supporters are not looked over for them.
    """
    return [(s, m.person) for s in book.auxiliary_sources for m in application.members]


def should_ask(row: ExchangeRow, now: int) -> bool:
    """Whether a question is open and its time has come, or one that ended is to be put again."""
    if row.status == "pending":
        return row.due_at is None or row.due_at <= now
    return row.due_at is not None and row.due_at <= now


def as_question(
    verification: str,
    row: ExchangeRow,
    application: Application,
    callback_url: str,
    version: str = "",
) -> Question:
    """What the source of a stored question is asked.

    `version` is the digest of another declaration than the planned one, if it is asked with one:
    that is another request, and the source must not take it for a repetition of the first.
    """
    person = next(p for p in application.persons if p.person == row.person)
    return Question(
        source=row.source,
        person=row.person,
        name=person.name,
        id_number=person.id_number,
        former_names=person.former_names,
        as_of=application.as_of,
        purpose=application.purpose,
        request_id=f"{verification}-{row.source}-{row.person}{_suffix(version)}",
        case_number=application.case_number,
        ticket=row.ticket,
        callback_url=callback_url,
    )


def _suffix(version: str) -> str:
    return f"-{version.partition(':')[2][:8]}" if version else ""


def as_evidence(row: ExchangeRow, today: str) -> Exchange:
    """The stored row as sealed evidence; a question not yet answered ended in a time-out so far."""
    return Exchange(
        source=row.source,
        person=row.person,
        transport=EvidenceState(row.transport or EvidenceState.TIMEOUT),
        asked_on=dt.date.fromisoformat(row.asked_on or today),
        connector=row.version or row.connector,
        letter=row.letter,
        bodies=tuple(row.bodies),
        detail=row.detail,
        connectors=row.version_set or "",
    )
