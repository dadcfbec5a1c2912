"""Try a source, or a draft of its declaration, without anybody's data and without effect.

Nothing is stored, and nothing leaves with a declaration that only one person has seen: a draft
reads answers (recorded, pasted, or fetched with the version in force), it does not ask. The only
identity numbers used, in questions and in pasted answers, belong to nobody.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.connectors import Answer, Asker, Connectors, Declaration, Question
from verify.connectors.recordings import recordings_of
from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, ContentError, InputError, Problem
from verify.domain.evidence import EvidenceState
from verify.domain.household import Authorisation
from verify.domain.identifiers import check_digit, is_synthetic, real_looking
from verify.service import wording
from verify.service.clock import Clock, day_of
from verify.service.connector_publishing import ConnectorPublishing
from verify.service.contents import Contents
from verify.service.preview import mapping_of, preview
from verify.service.proposing import permit

Plain = dict[str, Any]

NOBODY_17 = "10000019000101001"
NOBODY_NAME = "连通测试"
NOBODY = NOBODY_17 + check_digit(NOBODY_17)
"""Its form and check digit are right, so every source can look it up and find nothing."""
MOST_REPLIES = 50


@dataclass(frozen=True)
class Subject:
    """Whom a trial asks about: nobody, by a name and a number that belong to nobody."""

    name: str = NOBODY_NAME
    id_number: str = NOBODY
    as_of: dt.date | None = None


class SourceTrials:
    """Ask one question; show what a declaration makes of an answer."""

    def __init__(
        self,
        contents: Contents,
        publishing: ConnectorPublishing,
        environment: Mapping[str, str],
        ranges: Sequence[str],
        clock: Clock,
    ) -> None:
        self._contents = contents
        self._publishing = publishing
        self._environment = environment
        self._ranges = tuple(ranges)
        self._clock = clock

    def test(
        self, source: str, subject: Subject, caller: Caller, proposal: str | None = None
    ) -> Plain:
        """Ask a source one question with the version in force, or with an approved one.

        Raises:
            NotPermitted: the caller is no administrator.
            NotFound: no such source or proposal.
            InputError: the number might be somebody's.
            Conflict: nobody else has approved the proposal.
        """
        permit(caller, (RoleName.ADMINISTRATOR,))
        declaration = self._contents.connectors.declaration(source)
        if proposal is not None:
            text, _, approved = self._publishing.draft(source, proposal, caller)
            if not approved:
                raise Conflict(
                    "nothing is sent with a declaration that only one person has seen",
                    where=proposal,
                    remedy="preview it on recorded answers, or have it approved for a later time",
                )
            declaration = self._publishing.readable(source, text)
        today = self._today(subject)
        return try_source(declaration, self._environment, subject, self._ranges, today)

    def preview(  # noqa: PLR0917 - which declaration, which answer, about whom, for whom
        self,
        source: str,
        text: str | None,
        replies: str | None,
        bodies: Sequence[bytes] | None,
        subject: Subject | None,
        caller: Caller,
    ) -> Plain:
        """How a declaration reads answers: mapping, units, what is refused and why, evidence.

        `text` is a draft (default: the version in force). The answers are the pasted `bodies` of
        one answer about `subject`; or, with a subject alone, what the source answers now about
        it to the version in force; or, without both, the recorded `replies` (default: those of
        the version in force).

        Raises:
            NotPermitted: the caller is no administrator.
            NotFound: no such source.
            InputError: the draft does not load, or a number in it all might be somebody's.
        """
        permit(caller, (RoleName.ADMINISTRATOR,))
        live = self._contents.connectors
        declaration = (
            self._publishing.readable(source, text)
            if text is not None
            else live.declaration(source)
        )
        if subject is None:
            shown = self._recorded(source, declaration, replies)
        else:
            require_nobody(subject.id_number, self._ranges)
            title = "pasted" if bodies is not None else "fetched"
            if bodies is None:
                answer, _ = self._asked(live.declaration(source), subject)
                bodies = answer.bodies
                if not bodies:
                    return _previewed(declaration, [_unanswered(declaration, answer)])
            self._hold_nobody(bodies)
            shown = [(title, bodies, subject)]
        found = [self._read(declaration, *one) for one in shown]
        if subject is not None:
            self._show_nobody(found)
        return _previewed(declaration, found)

    # -- inside ---------------------------------------------------------------------------

    def _today(self, subject: Subject) -> dt.date:
        return subject.as_of or day_of(self._clock())

    def _read(
        self, declaration: Declaration, title: str, bodies: Sequence[bytes], about: Subject
    ) -> Plain:
        read = preview(
            declaration,
            bodies,
            name=about.name,
            id_number=about.id_number,
            as_of=self._today(about),
        )
        return {"title": title, **read}

    def _recorded(
        self, source: str, declaration: Declaration, replies: str | None
    ) -> list[tuple[str, Sequence[bytes], Subject]]:
        text = replies if replies is not None else self._publishing.replies(source)
        try:
            recorded = recordings_of(f"replies/{declaration.id}/replies.yaml", text or "")
        except ContentError as error:
            raise InputError(
                "the recorded replies cannot be read",
                where=error.where,
                problems=(
                    Problem(
                        "/replies",
                        "replies-unreadable",
                        f"{error.where}: {error.reason}",
                        error.remedy or "Give a file of recorded replies.",
                    ),
                ),
            ) from None
        return [
            (r.title, r.bodies, Subject(r.name, r.id_number, r.as_of))
            for r in recorded[:MOST_REPLIES]
        ]

    def _hold_nobody(self, bodies: Sequence[bytes]) -> None:
        if any(real_looking(b.decode("utf-8", "replace"), self._ranges) for b in bodies):
            raise InputError("the answer speaks of somebody", problems=(_might_be_real("/bodies"),))

    def _show_nobody(self, found: list[Plain]) -> None:
        """Numbers that only decoding brings to light: packed, encrypted or encoded bodies."""
        texts = [str(v) for reply in found for r in reply["records"] for v in r.values()]
        if any(real_looking(text, self._ranges) for text in texts):
            raise InputError("the answer speaks of somebody", problems=(_might_be_real("/bodies"),))

    def _asked(self, declaration: Declaration, subject: Subject) -> tuple[Answer, int]:
        return ask_nobody(declaration, self._environment, subject, self._today(subject))


def _previewed(declaration: Declaration, replies: list[Plain]) -> Plain:
    return {
        "source": declaration.id,
        "connector": declaration.digest,
        "mapping": mapping_of(declaration),
        "replies": replies,
    }


def _unanswered(declaration: Declaration, answer: Answer) -> Plain:
    """There is nothing to read: how asking ended."""
    state = EvidenceState.TIMEOUT if answer.pending else answer.state
    return {
        "title": "fetched",
        "source": declaration.id,
        "connector": declaration.digest,
        "state": state.value,
        "words": wording.word(wording.STATE, state.value),
        "detail": "still_working" if answer.pending else answer.detail,
        "signals": [],
        "as_of": None,
        "bodies": [],
        "records": [],
    }


def try_source(
    declaration: Declaration,
    environment: Mapping[str, str],
    subject: Subject,
    ranges: Sequence[str],
    today: dt.date,
) -> Plain:
    """Ask one question about nobody, and say how it ended.

    Raises:
        InputError: the number might be somebody's, or the address may not be used.
    """
    require_nobody(subject.id_number, ranges)
    answer, took = ask_nobody(declaration, environment, subject, today)
    return _told(declaration, answer, took, subject, today)


def require_nobody(number: str, ranges: Sequence[str]) -> None:
    """Raise `InputError` unless a number lies in a range declared to belong to nobody."""
    if not is_synthetic(number, ranges):
        raise InputError(
            "sources are tried only with identity numbers that belong to nobody",
            problems=(_might_be_real("/id_number"),),
        )


def ask_nobody(
    declaration: Declaration, environment: Mapping[str, str], subject: Subject, today: dt.date
) -> tuple[Answer, int]:
    """Put one question, with a letter for it alone; returns the answer and milliseconds.

    Breaker and quarantine are left aside: this is how one sees whether a source is well again.

    Raises:
        InputError: the source's address may not be used.
    """
    purpose = declaration.purposes[0].purpose
    connectors = Connectors({declaration.id: declaration}, declaration.digest)
    started = time.monotonic_ns()
    try:
        asker = Asker(connectors, environment, today=lambda: today)
    except ContentError as error:
        raise InputError(error.reason, where=error.where, remedy=error.remedy) from None
    question = Question(
        source=declaration.id,
        person="p1",
        name=subject.name,
        id_number=subject.id_number,
        former_names=(),
        as_of=today,
        purpose=purpose,
        request_id=f"connectivity-test-{started}",
        case_number="connectivity-test",
    )
    try:
        answer = asker.ask(question, [_letter(declaration.id, purpose, today)])
    finally:
        asker.close()
    return answer, (time.monotonic_ns() - started) // 1_000_000


def _told(
    declaration: Declaration, answer: Answer, took: int, subject: Subject, today: dt.date
) -> Plain:
    """How asking ended: states, counts and signals; never what was said."""
    state, detail, records = answer.state, answer.detail, 0
    signals: list[str] = []
    if answer.bodies:
        read = preview(
            declaration,
            answer.bodies,
            name=subject.name,
            id_number=subject.id_number,
            as_of=today,
        )
        if answer.state.answered:
            state, detail = EvidenceState(read["state"]), read["detail"]
        signals, records = read["signals"], len(read["records"])
    if answer.pending:
        state, detail = EvidenceState.TIMEOUT, "still_working"
    return {
        "source": declaration.id,
        "connector": declaration.digest,
        "state": state.value,
        "words": wording.word(wording.STATE, state.value),
        "detail": detail,
        "signals": signals,
        "records": records,
        "bodies": len(answer.bodies),
        "milliseconds": took,
    }


def _might_be_real(pointer: str) -> Problem:
    return Problem(
        pointer,
        "real-looking-id",
        "a number in it could be a real person's.",
        "Use a number that begins with 10 and has a right check digit, or one of the ranges in "
        "VERIFY_SYNTHETIC_IDS.",
    )


def _letter(source: str, purpose: str, today: dt.date) -> Authorisation:
    return Authorisation(
        letter="connectivity-test",
        person="p1",
        sources=(source,),
        purposes=(purpose,),
        signed_on=today,
        valid_from=today,
        valid_until=today,
    )
