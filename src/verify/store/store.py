"""The store: verifications, evidence, verdicts and their ledger, durable and content-addressed.

One code for SQLite (embedded, one process writes, group commit) and PostgreSQL (many processes).
Every method that changes something returns only after its transaction is durable. Methods that
take a `Caller` are for the doors and apply the caller's regions in the query; those that take a
`Claim`, and `blob`, `exchanges` and `content`, are for the engine, which has no caller.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, select

from verify.domain.access import Caller
from verify.domain.errors import Conflict, NotFound, VerifyError
from verify.store import (
    blobs,
    callbacks,
    columns,
    erasing,
    leasing,
    reads,
    resealing,
    sealing,
    suites,
)
from verify.store.accepts import Accepts
from verify.store.blobs import Stored as StoredBlob
from verify.store.decisions import ClericalDecisions
from verify.store.keyring import Again, DataKeyRow, Keyring
from verify.store.keyring import every as every_data_key
from verify.store.keyring import in_use as keyring_in_use
from verify.store.log import Log
from verify.store.opening import Opened, open_database
from verify.store.publications import PublishedRules
from verify.store.rows import (
    Claim,
    ExchangeAnswer,
    ExchangeRow,
    Filters,
    LedgerRow,
    SealedVerdict,
    SealResult,
    SealStatus,
    VerdictRow,
    VerificationRow,
)
from verify.store.suites import SHA256, Suite
from verify.store.tables import exchanges
from verify.store.vault import MasterKeys, Sealer, no_master
from verify.store.vault import Opened as OpenedBody

T = TypeVar("T")
ALL = Filters()


class Store(Accepts, ClericalDecisions, PublishedRules):
    """An open store. Safe to use from many threads; a context manager that closes itself."""

    def __init__(
        self,
        opened: Opened,
        suite: Suite = SHA256,
        masters: MasterKeys | None = None,
        again: Again = lambda: None,
    ) -> None:
        super().__init__(opened)
        self.log = Log(self._read, self._writer.run, suite)
        self._again = again
        self.keyring = Keyring(masters, self._read, self._writer.run, again) if masters else None
        self._may_finish: Callable[[int], bool] = lambda _now: True

    # -- opening --------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        url: str,
        *,
        read_only: bool = False,
        log_hash: str = "sha256",
        masters: MasterKeys | None = None,
        again: Again = lambda: None,
    ) -> Store:
        """Open a database, creating or upgrading it unless `read_only`.

        `log_hash` names the hash of the log's tree, one for the life of the database. Without
        `masters` nothing is sealed, and nothing sealed is read. `again` reads them anew.

        Raises:
            Conflict: the URL is unusable; another process writes the SQLite file; the schema
                is newer than this code, or (read-only) not the one it reads.
            NotFound: read-only, and there is no such SQLite file.
            IntegrityError: the database could lose acknowledged commits (`verify.store.engines`).
            Overloaded: the database does not answer.
        """
        return cls(open_database(url, read_only=read_only), suites.suite(log_hash), masters, again)

    def protect(self, masters: MasterKeys) -> None:
        """Seal and open evidence with these master keys from now on.

        Raises:
            Conflict: there is evidence sealed under a master key that is none of them.
        """
        keyring = Keyring(masters, self._read, self._writer.run, self._again)
        keyring.require_masters()
        keyring.claim()
        self.keyring = keyring

    def seal_plain(self, now_ms: int) -> int:
        """Seal what an earlier version stored plainly (`verify.store.resealing`): how many cases.

        Raises:
            Conflict: the store was opened without its master key.
        """
        if (keyring := self.keyring) is None:
            raise no_master()
        done = resealing.everything(self._read, self._writer.run, keyring, now_ms)
        callbacks.hide(self._read, self._writer.run, now_ms)
        return done

    def require_no_sealed_evidence(self, where: str) -> None:
        """Raise `Conflict` if there is evidence under a master key, which then must be found."""
        if self._read(keyring_in_use):
            raise Conflict(
                "the master key is gone, and there is evidence sealed under it",
                where=where,
                remedy="restore it from where you keep its copy; a new key would open nothing",
            )

    def _sealer_of(self, claim: Claim, now_ms: int) -> Sealer:
        return self._sealer(claim.region, claim.programme, claim.created_at, now_ms)

    def data_keys(self) -> tuple[DataKeyRow, ...]:
        """Every data key as stored, by scope."""
        return self._read(every_data_key)

    def erase(self, scope: str, ground: str, now_ms: int) -> int:
        """Erase a scope's evidence for good (see `verify.store.erasing`); how many verifications.

        Raises:
            NotFound: no such scope.
            Conflict: a verification of it is still being worked on.
        """
        count = self._writer.run(lambda c: erasing.erase(c, scope, ground, now_ms))
        if self.keyring is not None:
            self.keyring.forget()
        self._writer.shed()  # also when it was erased before: a reader may have been in the way
        return count

    # -- working --------------------------------------------------------------------------

    def cancel(self, verification: str, caller: Caller, now_ms: int) -> None:
        """Stop a verification; what was sealed stays. Idempotent.

        Raises:
            NotFound: no such verification for this caller.
            Conflict: it is completed or failed.
        """
        self._writer.run(lambda c: leasing.cancel(c, verification, caller, now_ms))

    def claim(self, now_ms: int, limit: int, lease_ms: int, only: str = "") -> tuple[Claim, ...]:
        """Take up to `limit` due verifications that nobody holds, or `only` this, due or not."""
        return self._writer.run(lambda c: leasing.claim(c, now_ms, limit, lease_ms, only))

    def heartbeat(self, claim: Claim, now_ms: int, lease_ms: int) -> None:
        """Prolong a lease; raises `LeaseLost`."""
        self._writer.run(lambda c: leasing.heartbeat(c, claim, now_ms, lease_ms))

    def release(self, claim: Claim, due_at: int | None) -> None:
        """Give a verification back, due at `due_at` (or at once, if woken); raises `LeaseLost`."""
        self._writer.run(lambda c: leasing.release(c, claim, due_at))

    def fail(self, claim: Claim, code: str, now_ms: int) -> None:
        """End a verification that cannot be judged, with an error code; raises `LeaseLost`."""
        self._writer.run(lambda c: leasing.fail(c, claim, code, now_ms))

    def save_answer(  # noqa: PLR0917 - who, what, when: each has its own type
        self,
        claim: Claim,
        source: str,
        person: str,
        answer: ExchangeAnswer,
        bodies: Sequence[bytes],
        now_ms: int,
    ) -> None:
        """Keep a raw answer before anybody parses it: bodies, exchange and ledger entry.

        Raises:
            LeaseLost: the claim no longer holds.
            NotFound: the verification has no such question.
        """
        (error,) = self.save_answers([(claim, source, person, answer, bodies)], now_ms)
        if error is not None:
            raise error

    def save_answers(
        self,
        answers: Sequence[tuple[Claim, str, str, ExchangeAnswer, Sequence[bytes]]],
        now_ms: int,
    ) -> tuple[VerifyError | None, ...]:
        """`save_answer` for answers that arrived together, in one commit.

        Of each, `None` or the error that `save_answer` would raise.
        """
        ready = [
            (
                claim,
                sealing.Received.of(
                    claim.verification,
                    source,
                    person,
                    answer,
                    bodies,
                    self._sealer_of(claim, now_ms),
                ),
            )
            for claim, source, person, answer, bodies in answers
        ]
        return self._writer.run(lambda c: sealing.save_answers(c, ready, now_ms))

    def seal(self, sealed: SealedVerdict, now_ms: int) -> SealResult:
        """Seal a verdict with its ledger leaf and the verification's next state.

        The same evidence under the same rules again is a `duplicate`: the first one stands.

        Raises:
            LeaseLost: the claim no longer holds.
        """
        (result,) = self.seal_many([sealed], now_ms)
        if result.status is SealStatus.LOST:
            raise leasing.lease_lost(sealed.claim)
        return result

    def seal_many(self, sealed: Sequence[SealedVerdict], now_ms: int) -> tuple[SealResult, ...]:
        """Seal a batch in one commit; a lost lease is a result, and does not stop the others.

        Final verdicts are `held`, not sealed, while nobody outside witnesses them
        (`hold_finals`).
        """
        held = [s for s in sealed if s.final and not self._may_finish(now_ms)]
        ready = [
            sealing.Sealing.of(s, self._sealer_of(s.claim, now_ms)) for s in sealed if s not in held
        ]
        done = self._writer.run(lambda c: sealing.seal_many(c, ready, now_ms)) if ready else ()
        by_id = {r.verification: r for r in done}
        return tuple(
            by_id.get(v) or SealResult(v, 0, SealStatus.HELD)
            for v in (s.claim.verification for s in sealed)
        )

    def hold_finals(self, may_finish: Callable[[int], bool]) -> None:
        """Ask `may_finish(now_ms)` before every final verdict (fail closed, reliability I11)."""
        self._may_finish = may_finish

    def wake(self, verification: str, now_ms: int) -> None:
        """Make a verification and its open questions due now; ended ones stay ended."""
        self._writer.run(lambda c: leasing.wake(c, verification, now_ms))

    def wake_by_token(self, token: str, now_ms: int) -> str:
        """Wake by the token of a callback address; returns the verification's id.

        Raises:
            NotFound: no question has this token.
        """
        return self._writer.run(lambda c: leasing.wake_by_token(c, token, now_ms))

    def callback_token(self, verification: str, source: str, person: str) -> str:
        """The token of a question's callback address: the same for as long as it lives."""
        x = exchanges.c
        query = select(x.callback_token).where(
            x.verification == verification, x.source == source, x.person == person
        )
        stored = self._read(lambda c: c.execute(query).scalar())
        if stored is None:
            raise NotFound("this verification has no such question", where=f"{source}/{person}")
        return self.token_of(f"{verification}/{source}/{person}", str(stored))

    def token_of(self, question: str, stored: str) -> str:
        """A question's token by what is stored of it; empty where it cannot be known any more."""
        return callbacks.token_of(stored, question, self._blind)

    def exchanges(self, verification: str) -> tuple[ExchangeRow, ...]:
        """All questions of a verification, by source and person (for the engine)."""
        return self.exchanges_of([verification])[verification]

    def blob(self, digest: str) -> bytes:
        """Bytes by digest, verified (for the engine; doors use `document`).

        Raises:
            NotFound: no such blob.
            IntegrityError: the stored bytes do not have the digest.
        """
        return self._opened(digest, self._read(lambda c: blobs.fetch(c, digest))).body

    def blobs(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Several blobs by digest in one query, verified; raises as `blob`."""
        found = self._read(lambda c: blobs.fetch_many(c, digests))
        return {d: self._opened(d, found.get(d)).body for d in sorted(set(digests))}

    # -- looking --------------------------------------------------------------------------

    def verification(self, verification: str, caller: Caller) -> VerificationRow:
        """One verification. `NotFound` is the same for "does not exist" and "not yours"."""
        row = self._read(lambda c: reads.visible_row(c, verification, caller))
        return reads.verification(columns.shown("verifications", row, self.keyring, always=True))

    def list(
        self,
        caller: Caller,
        cursor: str | None = None,
        limit: int = 50,
        filters: Filters = ALL,
    ) -> tuple[tuple[VerificationRow, ...], str | None]:
        """A page of verifications, newest first, and the cursor of the next (`None` at the end).

        Raises:
            InputError: a cursor that no page gave out.
        """
        if filters.case_number and self.keyring is not None:
            hidden = self.keyring.blind(columns.CASE, filters.case_number)
            filters = replace(filters, case_blind=hidden)
        rows, following = self._read(lambda c: reads.page(c, caller, cursor, limit, filters))
        look = partial(columns.shown, "verifications", keyring=self.keyring, always=True)
        return tuple(reads.verification(look(row)) for row in rows), following

    def rows_of(self, verifications: Sequence[str], caller: Caller) -> tuple[VerificationRow, ...]:
        """Several verifications, newest first; of those that this caller may not see, none."""
        rows = self._read(lambda c: reads.rows_of(c, verifications, caller))
        look = partial(columns.shown, "verifications", keyring=self.keyring, always=True)
        return tuple(reads.verification(look(row)) for row in rows)

    def judged(self, caller: Caller) -> tuple[str, ...]:
        """Ids of the verifications of which anything stored says that they were judged."""
        return tuple(self._read(lambda c: reads.judged(c, caller)))

    def verdicts(self, verification: str, caller: Caller) -> tuple[VerdictRow, ...]:
        """All verdicts of a verification, oldest first."""

        def query(connection: Connection) -> tuple[VerdictRow, ...]:
            reads.visible_row(connection, verification, caller)
            return reads.verdict_rows(connection, verification)

        return self._read(query)

    def overview(
        self, verification: str, caller: Caller
    ) -> tuple[VerificationRow, tuple[ExchangeRow, ...], tuple[VerdictRow, ...]]:
        """A verification, its questions and its verdicts, all as they stood at one moment."""
        row, asked, verdicts = self._read(lambda c: reads.overview(c, verification, caller))
        shown = columns.shown("verifications", row, self.keyring, always=True)
        answers = (reads.exchange(columns.shown("exchanges", r, self.keyring)) for r in asked)
        return reads.verification(shown), tuple(answers), verdicts

    def latest_verdict(self, verification: str, caller: Caller) -> VerdictRow | None:
        """The verdict with the highest sequence, if there is one."""
        rows = self.verdicts(verification, caller)
        return rows[-1] if rows else None

    def ledger(self, verification: str, caller: Caller) -> tuple[LedgerRow, ...]:
        """The hash chain of a verification, oldest entry first."""

        def query(connection: Connection) -> tuple[LedgerRow, ...]:
            reads.visible_row(connection, verification, caller)
            return reads.ledger_rows(connection, verification)

        return self._read(query)

    def document(self, verification: str, digest: str, caller: Caller) -> bytes:
        """A document of a verification (application, raw answer, verdict, trace, sealed input).

        Raises:
            NotFound: the verification is not visible, or the document is not one of its own.
            IntegrityError: the stored bytes do not have the digest.
        """
        return self.sealed_document(verification, digest, caller).body

    def sealed_document(self, verification: str, digest: str, caller: Caller) -> OpenedBody:
        """A document with the salt that its digest includes; raises as `document`."""
        stored = self._read(lambda c: reads.document(c, verification, digest, caller))
        return self._opened(digest, stored)

    def _opened(self, digest: str, stored: StoredBlob | None) -> OpenedBody:
        return blobs.opened(digest, stored, self.keyring)
