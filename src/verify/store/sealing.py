"""Keep answers before they are parsed, and seal verdicts: each with its ledger entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from verify.domain.canonical import canonical_bytes, digest_bytes
from verify.domain.errors import NotFound
from verify.store import blobs, forms, ids
from verify.store.leasing import Row, first, hold, holds, idle, lease_lost, lock, record
from verify.store.rows import (
    Claim,
    EntryKind,
    ExchangeAnswer,
    ExchangeStatus,
    SealedVerdict,
    SealResult,
    SealStatus,
    State,
)
from verify.store.tables import exchanges, verdicts


@dataclass(frozen=True)
class Received:
    """One attempt at a question and the raw bodies it brought, hashed outside the transaction."""

    source: str
    person: str
    answer: ExchangeAnswer
    bodies: tuple[str, ...]  # digests in the order received
    found: Mapping[str, bytes]

    @classmethod
    def of(
        cls, source: str, person: str, answer: ExchangeAnswer, bodies: Sequence[bytes]
    ) -> Received:
        """Hash the bodies."""
        order = tuple(digest_bytes(body) for body in bodies)
        return cls(source, person, answer, order, dict(zip(order, bodies, strict=True)))

    @property
    def evidence(self) -> str:
        """Evidence id: `bank/p1`."""
        return f"{self.source}/{self.person}"

    def columns(self, before: Row, now_ms: int) -> dict[str, Any]:
        """The sealed columns of the exchange after this attempt."""
        return {
            "source": self.source,
            "person": self.person,
            "connector": before["connector"],
            "status": ExchangeStatus(self.answer.status).value,
            "transport": self.answer.transport.value,
            "asked_on": self.answer.asked_on,
            "letter": self.answer.letter,
            "bodies": canonical_bytes(list(self.bodies)).decode(),
            "detail": self.answer.detail,
            "ticket": self.answer.ticket,
            "attempts": before["attempts"] + 1,
            "updated_at": now_ms,
        }


def save_answer(connection: Connection, held: Claim, received: Received, now_ms: int) -> None:
    """Bodies, exchange and ledger entry of one attempt.

    Raises:
        LeaseLost: the claim no longer holds.
        NotFound: the verification has no such question.
    """
    answer = received.answer
    x = exchanges.c
    row = hold(connection, held)
    mine = (
        x.verification == held.verification,
        x.source == received.source,
        x.person == received.person,
    )
    before = first(connection, select(exchanges).where(*mine))
    if before is None:
        raise NotFound("this verification has no such question", where=received.evidence)
    after = received.columns(before, now_ms)
    # A callback that came in while the source was being asked must not be forgotten.
    again = before["woken"] and answer.worth_asking
    blobs.put(connection, received.found)
    connection.execute(
        update(exchanges)
        .where(*mine)
        .values(
            **after,
            worth_asking=answer.worth_asking,
            due_at=now_ms if again else answer.due_at,
            woken=False,
        )
    )
    done = answer.status == ExchangeStatus.DONE
    record(
        connection,
        row,
        EntryKind.ANSWERED if done else EntryKind.ASKED,
        {
            "evidence": received.evidence,
            "transport": after["transport"],
            "detail": answer.detail,
            "bodies": list(received.bodies),
            "exchange": forms.form_digest(forms.EXCHANGE, after),
        },
        now_ms,
    )


@dataclass(frozen=True)
class Sealing:
    """A verdict to seal with its digests, computed outside the transaction."""

    sealed: SealedVerdict
    sealed_digest: str
    verdict_digest: str
    trace_digest: str

    @classmethod
    def of(cls, sealed: SealedVerdict) -> Sealing:
        """Hash the three documents."""
        return cls(
            sealed,
            digest_bytes(sealed.bundle),
            digest_bytes(sealed.verdict),
            digest_bytes(sealed.trace),
        )

    @property
    def documents(self) -> dict[str, bytes]:
        """The documents by digest."""
        return {
            self.sealed_digest: self.sealed.bundle,
            self.verdict_digest: self.sealed.verdict,
            self.trace_digest: self.sealed.trace,
        }


def seal_many(
    connection: Connection, sealings: Sequence[Sealing], now_ms: int
) -> tuple[SealResult, ...]:
    """Seal a batch; rows are locked in the order of ids, so that batches cannot deadlock."""
    by_id = {s.sealed.claim.verification: s for s in sealings}
    if len(by_id) != len(sealings):
        raise ValueError("a batch seals each verification once")
    rows = {v: lock(connection, v) for v in sorted(by_id)}
    earlier = {v: _earlier(connection, by_id[v], row) for v, row in rows.items() if row}
    fresh = [v for v, row in rows.items() if row and _may(row, by_id[v]) and not earlier[v]]
    blobs.put(connection, {d: b for v in fresh for d, b in by_id[v].documents.items()})
    return tuple(_seal(connection, s, rows[v], earlier.get(v), now_ms) for v, s in by_id.items())


def _may(row: Row, sealing: Sealing) -> bool:
    return holds(row, sealing.sealed.claim)


def seal(connection: Connection, sealing: Sealing, now_ms: int) -> SealResult:
    """Seal one verdict.

    Raises:
        LeaseLost: the claim no longer holds; nothing was written.
    """
    (result,) = seal_many(connection, [sealing], now_ms)
    if result.status is SealStatus.LOST:
        raise lease_lost(sealing.sealed.claim)
    return result


def _seal(
    connection: Connection,
    sealing: Sealing,
    row: Row | None,
    earlier: Row | None,
    now_ms: int,
) -> SealResult:
    verification = sealing.sealed.claim.verification
    if row is None or row["lease_token"] != sealing.sealed.claim.token:
        return SealResult(verification, 0, SealStatus.LOST)
    if earlier is not None:
        if _may(row, sealing):
            _stands(connection, sealing.sealed, row, earlier, now_ms)
        # Otherwise the very same call is repeated after its commit: all was done then.
        return SealResult(verification, earlier["sequence"], SealStatus.DUPLICATE)
    if not _may(row, sealing):
        return SealResult(verification, 0, SealStatus.LOST)
    return SealResult(verification, _insert(connection, sealing, row, now_ms), SealStatus.SEALED)


def _earlier(connection: Connection, sealing: Sealing, row: Row) -> Row | None:
    query = select(verdicts).where(
        verdicts.c.verification == row["id"],
        verdicts.c.evidence_digest == sealing.sealed.evidence_digest,
        verdicts.c.rules_digest == row["rules_digest"],
    )
    return first(connection, query)


def _stands(
    connection: Connection,
    sealed: SealedVerdict,
    row: Row,
    earlier: Row,
    now_ms: int,
) -> None:
    """The same evidence under the same rules was judged before: that verdict stands."""
    state = State(sealed.state).value
    _ask_again(connection, sealed)
    record(
        connection,
        row,
        EntryKind.VERDICT_STANDS,
        {
            "sequence": earlier["sequence"],
            "verdict_digest": earlier["verdict_digest"],
            "state": state,
        },
        now_ms,
        **idle(row, state, sealed.due_at),
    )


def _insert(connection: Connection, sealing: Sealing, row: Row, now_ms: int) -> int:
    sealed = sealing.sealed
    sequence = int(row["verdict_count"]) + 1
    follows = ""
    if sequence > 1:
        follows = connection.execute(
            select(verdicts.c.verdict_digest).where(
                verdicts.c.verification == row["id"], verdicts.c.sequence == sequence - 1
            )
        ).scalar_one()
    verdict: dict[str, Any] = {
        "id": ids.verdict_id(now_ms),
        "verification": row["id"],
        "sequence": sequence,
        "follows": follows,
        "evidence_digest": sealed.evidence_digest,
        "rules_digest": row["rules_digest"],
        "sealed_digest": sealing.sealed_digest,
        "verdict_digest": sealing.verdict_digest,
        "trace_digest": sealing.trace_digest,
        "outcome": sealed.outcome,
        "final": sealed.final,
        "created_at": now_ms,
    }
    state = State(sealed.state).value
    connection.execute(insert(verdicts), verdict)
    _ask_again(connection, sealed)
    record(
        connection,
        row,
        EntryKind.VERDICT,
        forms.verdict_leaf(verdict, state),
        now_ms,
        verdict_count=sequence,
        **idle(row, state, sealed.due_at),
    )
    return sequence


def _ask_again(connection: Connection, sealed: SealedVerdict) -> None:
    """Schedule questions anew; one that a callback has just made due stays due now."""
    x = exchanges.c
    for source, person, due_at in sealed.ask_again:
        connection.execute(
            update(exchanges)
            .where(
                x.verification == sealed.claim.verification,
                x.source == source,
                x.person == person,
                x.woken.is_(False),
            )
            .values(worth_asking=True, due_at=due_at)
        )
