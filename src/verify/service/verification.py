"""Accept a verification and let its owner see it: the verbs of the front door.

Asking and judging happen in `verify.service.worker`; this module never waits for a source.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from verify import telemetry
from verify.connectors import Connectors
from verify.domain.access import Caller, RoleName
from verify.domain.canonical import canonical_bytes, digest_bytes
from verify.domain.errors import Conflict, InputError, NotFound, NotPermitted, Problem
from verify.domain.household import Application
from verify.service.answers import Content
from verify.service.clock import Clock, day_of, iso
from verify.service.contents import Contents
from verify.service.intake import ApplicationIn, read_application
from verify.service.questions import deciding_questions, signal_questions
from verify.service.report import build_report
from verify.service.sealed import Digests, application_bytes, read_application_bytes
from verify.settings import Settings
from verify.store import (
    Accepted,
    ExchangeRow,
    LedgerRow,
    NewVerification,
    PlannedExchange,
    Store,
    VerdictRow,
    VerificationRow,
)

Plain = dict[str, Any]
Note = Callable[[Caller, str, str, str], None]
NoteList = Callable[[Caller, str, Sequence[str]], None]

SUBMITTERS = (RoleName.CALLER, RoleName.CASEWORKER)
CALLBACK_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,100}", re.ASCII)
READERS = (RoleName.CALLER, RoleName.CASEWORKER, RoleName.AUDITOR)


@dataclass(frozen=True)
class Documents:
    """A verification with its latest verdict and the documents that belong to it."""

    row: VerificationRow
    application: Application
    verdict: Plain
    verdict_bytes: bytes
    trace_bytes: bytes
    verdict_row: VerdictRow


class Verifications:
    """Submit, look at, cancel. Every read is limited to the caller's regions by the store."""

    def __init__(
        self,
        store: Store,
        contents: Contents,
        settings: Settings,
        clock: Clock,
        *,
        wake_worker: Callable[[], None] = lambda: None,
        proof: Callable[[str, int, Caller], Plain | None] = lambda *_: None,
        note: Note = lambda *_: None,
        note_list: NoteList = lambda *_: None,
    ) -> None:
        self._store = store
        self._contents = contents
        self._settings = settings
        self._clock = clock
        self._wake_worker = wake_worker
        self._proof = proof
        self._note = note
        self._note_list = note_list

    def submit(
        self, body: ApplicationIn, caller: Caller, idempotency_key: str | None = None
    ) -> Accepted:
        """Accept an application for verification, durably, or refuse it whole.

        The same key with the same body is the same verification, however often and late it comes.

        Raises:
            InputError: something in the application is wrong (see `read_application`), the
                region or programme is unknown, or no rule is in force on the day.
            NotPermitted: the caller may not submit, or not for this region.
            Conflict: the idempotency key was used before with another body.
        """
        _permit(caller, SUBMITTERS)
        # The key is bound to what the caller sent, not to what we made of it; and what was
        # accepted is not judged by the letters and the law of the day of its repetition.
        key = (idempotency_key, _body_digest(body)) if idempotency_key else None
        if key is not None and (earlier := self._store.repeated(caller, key)) is not None:
            telemetry.CHECKS.labels("repeated").inc()
            return earlier
        now = self._clock()
        application = read_application(body, day_of(now))
        # One look: the law that is asked and the version that is pinned are the same, also when
        # published rules come into force at this moment.
        current = self._contents.current()
        rulebook = current.law.rulebook(
            application.region, application.programme, application.as_of, application.known_at
        )
        _check_sources(application, current.connectors)
        raw = application_bytes(application)
        digests = current.digests
        wanted = deciding_questions(rulebook, application) + signal_questions(rulebook, application)
        planned = tuple(
            PlannedExchange(
                source=source,
                person=person,
                connector=current.connectors.declaration(source).digest,
            )
            for source, person in sorted(wanted, key=lambda one: one[0])
        )
        new = NewVerification(
            region=application.region,
            programme=application.programme,
            case_number=application.case_number,
            application=raw,
            rules_digest=digests.rules,
            scoring_digest=digests.scoring,
            connectors_digest=digests.connectors,
            engine=digests.engine,
            as_of=application.as_of.isoformat(),
            known_at=application.known_at.isoformat(),
            answer_by=now + self._settings.answer_deadline_seconds * 1000,
            give_up_at=now + self._settings.retry_days * 86_400_000,
            exchanges=planned,
            people=tuple((p.person, p.id_number) for p in application.persons if p.id_number),
        )
        accepted = self._store.accept(new, caller, key, now)
        telemetry.CHECKS.labels("accepted" if accepted.created else "repeated").inc()
        self._wake_worker()
        return accepted

    def view(self, verification: str, caller: Caller) -> Plain:
        """State of a verification: where it stands, whom it waits for, what it found so far."""
        _permit(caller, READERS)
        row, exchanges, verdicts = self._store.overview(verification, caller)
        latest = verdicts[-1] if verdicts else None
        return {
            "id": row.id,
            "state": row.state,
            "programme": row.programme,
            "region": row.region,
            "case_number": row.case_number,
            "as_of": row.as_of,
            "created_at": iso(row.created_at),
            "updated_at": iso(row.updated_at),
            "sources": [_exchange_view(e) for e in exchanges],
            "verdict": None
            if latest is None
            else {
                "sequence": latest.sequence,
                "outcome": latest.outcome,
                "final": latest.final,
                "digest": latest.verdict_digest,
                "follows": latest.follows,
                "created_at": iso(latest.created_at),
            },
        }

    def shown(self, view: Plain, caller: Caller) -> Plain:
        """The view, on record as a read of the caller's: of the verdict, once there is one."""
        verdict = view["verdict"]
        self._note(caller, view["id"], "state", verdict["digest"] if verdict else "")
        return view

    def page(
        self, caller: Caller, cursor: str | None, limit: int
    ) -> tuple[list[Plain], str | None]:
        """The caller's verifications, newest first, and the cursor of the next page."""
        _permit(caller, READERS)
        rows, following = self._store.list(caller, cursor=cursor, limit=limit)
        self._note_list(caller, "list", [row.id for row in rows])
        return [
            {
                "id": r.id,
                "state": r.state,
                "programme": r.programme,
                "region": r.region,
                "case_number": r.case_number,
                "as_of": r.as_of,
                "created_at": iso(r.created_at),
                **self._latest(r, caller),
            }
            for r in rows
        ], following

    def _latest(self, row: VerificationRow, caller: Caller) -> Plain:
        latest = self._store.latest_verdict(row.id, caller) if row.verdict_count else None
        return {
            "outcome": latest.outcome if latest else None,
            "final": latest.final if latest else None,
        }

    def wait(self, verification: str, caller: Caller, seconds: float) -> Plain:
        """Like `view`, but wait up to `seconds` until there is a verdict or nothing to wait for."""
        deadline = time.monotonic() + seconds
        while True:
            view = self.view(verification, caller)
            if view["verdict"] or view["state"] in ("completed", "cancelled", "failed"):
                return view
            if time.monotonic() >= deadline:
                return view
            time.sleep(0.02)

    def documents(
        self,
        verification: str,
        caller: Caller,
        sequence: int | None = None,
        what: str = "verdict",
    ) -> Documents:
        """The latest (or a given) verdict with its trace and application.

        `what` is what the caller gets to see of it, for the access trail.

        Raises:
            NotFound: no such verification for this caller, or no verdict yet.
        """
        _permit(caller, READERS)
        row = self._store.verification(verification, caller)
        verdicts = self._store.verdicts(verification, caller)
        chosen = [v for v in verdicts if sequence is None or v.sequence == sequence]
        if not chosen:
            raise _no_verdict(row)
        verdict = chosen[-1]
        self._note(caller, verification, what, verdict.verdict_digest)
        body = self._store.document(verification, verdict.verdict_digest, caller)
        return Documents(
            row=row,
            application=read_application_bytes(
                self._store.document(verification, row.application_digest, caller)
            ),
            verdict=json.loads(body),
            verdict_bytes=body,
            trace_bytes=self._store.document(verification, verdict.trace_digest, caller),
            verdict_row=verdict,
        )

    def content(self, row: VerificationRow) -> Content:
        """The content sets a verification is pinned to."""
        return self._contents.pinned(
            Digests(row.rules_digest, row.scoring_digest, row.connectors_digest, row.engine)
        )

    def report(self, verification: str, caller: Caller) -> Plain:
        """The readable report of the latest verdict."""
        found = self.documents(verification, caller, what="report")
        return build_report(
            verification,
            found.verdict,
            found.application,
            self.content(found.row),
            json.loads(found.trace_bytes)["records"],
        )

    def evidence(self, verification: str, caller: Caller) -> Plain:
        """Every exchange, negatives included, with the raw answers by digest."""
        _permit(caller, READERS)
        self._store.verification(verification, caller)
        self._note(caller, verification, "evidence", "")
        return {
            "verification": verification,
            "evidence": [
                {**_exchange_view(e), "bodies": list(e.bodies), "letter": e.letter}
                for e in self._store.exchanges(verification)
            ],
        }

    def raw_answer(self, verification: str, digest: str, caller: Caller) -> tuple[bytes, bytes]:
        """One raw answer, as received, and the salt that goes before it in its digest."""
        _permit(caller, (RoleName.CASEWORKER, RoleName.AUDITOR))
        self._store.verification(verification, caller)
        known = {d for e in self._store.exchanges(verification) for d in e.bodies}
        if digest not in known:
            raise NotFound(
                "no such answer in this verification",
                where=verification,
                remedy="take a digest that its evidence lists (`bodies`)",
            )
        self._note(caller, verification, "raw answer", digest)
        found = self._store.sealed_document(verification, digest, caller)
        return found.body, found.salt

    def events(self, verification: str, caller: Caller) -> list[Plain]:
        """The verification's ledger, oldest first."""
        _permit(caller, READERS)
        entries = self._store.ledger(verification, caller)
        self._note(caller, verification, "events", "")
        return [_ledger_view(entry) for entry in entries]

    def receipt(self, verification: str, caller: Caller) -> Plain:
        """What a caller keeps to prove later which verdict was sealed, and that others saw it.

        The ledger leaf, and its proof in a witnessed checkpoint: null until it is witnessed, at
        most moments after the verdict (`verify.service.audit_receipt`).
        """
        found = self.documents(verification, caller, what="receipt")
        entries = self._store.ledger(verification, caller)
        leaves = [_ledger_view(e) for e in entries if e.kind == "verdict"]
        return {
            "verification": verification,
            "verdict": found.verdict_row.verdict_digest,
            "sequence": found.verdict_row.sequence,
            "leaf": leaves[-1],
            "proof": self._proof(verification, leaves[-1]["position"], caller),
        }

    def called_back(self, token: str) -> None:
        """A source says that an answer is ready: ask it again now. A hint, never evidence.

        Silent for tokens that no question has, so that nothing can be learned by guessing.
        """
        if CALLBACK_TOKEN.fullmatch(token) is None:
            return
        with contextlib.suppress(NotFound, Conflict):
            self._store.wake_by_token(token, self._clock())
            self._wake_worker()

    def cancel(self, verification: str, caller: Caller) -> Plain:
        """Stop asking. What was sealed stays sealed."""
        _permit(caller, SUBMITTERS)
        self._store.cancel(verification, caller, self._clock())
        telemetry.CHECKS.labels("cancelled").inc()
        return self.shown(self.view(verification, caller), caller)


def _no_verdict(row: VerificationRow) -> NotFound:
    if row.state in ("failed", "cancelled"):
        return NotFound(
            f"there is no verdict: the verification {row.state}",
            where=row.id,
            remedy="its events say why (the last entry holds the code); submit it again",
        )
    return NotFound(
        "there is no verdict yet, or none with that sequence number",
        where=row.id,
        remedy="ask again while the state is `asking`, or wait with `Prefer: wait=30`",
    )


def _check_sources(application: Application, connectors: Connectors) -> None:
    known = set(connectors.sources)
    problems = tuple(
        Problem(
            f"/authorisations/{i}/sources",
            "unknown-source",
            "it names a source that is not connected.",
            f"Use: {', '.join(sorted(known))}.",
        )
        for i, letter in enumerate(application.authorisations)
        if not known.issuperset(letter.sources)
    )
    if problems:
        raise InputError("a letter names an unknown source", problems=problems)


def _permit(caller: Caller, roles: tuple[RoleName, ...]) -> None:
    if not caller.may(*roles):
        raise NotPermitted(
            "your role may not do this",
            remedy=f"use a key with one of the roles: {', '.join(roles)}",
        )


def _body_digest(body: ApplicationIn) -> str:
    return digest_bytes(canonical_bytes(body.model_dump(mode="json")))


def _exchange_view(e: ExchangeRow) -> Plain:
    return {
        "evidence": f"{e.source}/{e.person}",
        "source": e.source,
        "person": e.person,
        "status": e.status,
        "state": e.transport,
        "detail": e.detail,
        "attempts": e.attempts,
        "asked_on": e.asked_on,
    }


def _ledger_view(e: LedgerRow) -> Plain:
    return {
        "position": e.position,
        "kind": e.kind,
        "at": iso(e.at),
        "payload": e.payload,
        "previous": e.previous,
        "hash": e.hash,
    }
