"""Keep answers before they are parsed, and seal verdicts: each with its ledger entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from verify.domain.canonical import canonical_bytes
from verify.domain.errors import NotFound, VerifyError
from verify.store import blobs, columns, forms, ids
from verify.store.leasing import (
    Row,
    Step,
    holds,
    idle,
    lease_lost,
    lock_many,
    step,
    take,
)
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
from verify.store.vault import Sealed, Sealer

_x = exchanges.c
_MINE = (
    _x.verification == bindparam("v"),
    _x.source == bindparam("s"),
    _x.person == bindparam("p"),
)
_EXCHANGES = select(
    _x.verification, _x.source, _x.person, _x.connector, _x.attempts, _x.woken
).where(_x.verification.in_(bindparam("wanted", expanding=True)))
_UPDATE_EXCHANGE = update(exchanges).where(*_MINE)
# One that a callback has just made due stays due now.
_ASK_AGAIN = (
    update(exchanges)
    .where(*_MINE, _x.woken.is_(False))
    .values(worth_asking=True, due_at=bindparam("due_at"))
)
_VERDICTS = (
    select(verdicts)
    .where(verdicts.c.verification.in_(bindparam("wanted", expanding=True)))
    .order_by(verdicts.c.verification, verdicts.c.sequence)
)
_INSERT_VERDICTS = insert(verdicts)


@dataclass(frozen=True)
class Received:
    """One attempt at a question and the raw bodies it brought, hashed outside the transaction."""

    source: str
    person: str
    answer: ExchangeAnswer
    bodies: tuple[str, ...]  # digests in the order received
    found: tuple[Sealed, ...]
    letter: str
    ticket: str

    @classmethod
    def of(  # noqa: PLR0917 - where, what, how: each has its own type
        cls,
        verification: str,
        source: str,
        person: str,
        answer: ExchangeAnswer,
        bodies: Sequence[bytes],
        sealer: Sealer,
    ) -> Received:
        """Seal the bodies, and what the answer names."""
        sealed = tuple(sealer.seal(body, salted=True) for body in bodies)
        row = {
            "verification": verification,
            "source": source,
            "person": person,
            "letter": answer.letter,
            "ticket": answer.ticket,
        }
        hidden = columns.seal("exchanges", row, sealer)
        return cls(
            source,
            person,
            answer,
            tuple(s.digest for s in sealed),
            sealed,
            letter=hidden["letter"],
            ticket=hidden["ticket"],
        )

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
            "letter": self.letter,
            "bodies": canonical_bytes(list(self.bodies)).decode(),
            "detail": self.answer.detail,
            "ticket": self.ticket,
            "attempts": before["attempts"] + 1,
            "updated_at": now_ms,
            "version": self.answer.version or None,
            "version_set": self.answer.version_set or None,
        }


def save_answers(
    connection: Connection, answers: Sequence[tuple[Claim, Received]], now_ms: int
) -> tuple[VerifyError | None, ...]:
    """Bodies, exchanges and ledger entries of attempts that ended together, in a few statements.

    What could not be kept is its error (`LeaseLost`, `NotFound`) in the place of `None`; it does
    not stop the others.
    """
    wanted = sorted({held.verification for held, _ in answers})
    rows = lock_many(connection, wanted)
    asked = {(h.verification, r.source, r.person) for h, r in answers}
    found = connection.execute(_EXCHANGES, {"wanted": wanted})
    exchanges_ = {key: x._asdict() for x in found if (key := tuple(x[:3])) in asked}
    results: list[VerifyError | None] = []
    kept: list[_Kept] = []
    for held, received in answers:
        row = rows.get(held.verification)
        before = exchanges_.get((held.verification, received.source, received.person))
        if row is None or not holds(row, held):
            results.append(lease_lost(held))
            continue
        if before is None:
            where = received.evidence
            results.append(NotFound("this verification has no such question", where=where))
            continue
        one = _keep(row, before, received, now_ms)
        # The next entry of this verification follows on this one.
        rows[held.verification] = {**row, **one.step.moved}
        exchanges_[held.verification, received.source, received.person] |= one.exchange
        kept.append(one)
        results.append(None)
    blobs.put(connection, [sealed for one in kept for sealed in one.received.found])
    if kept:
        connection.execute(_UPDATE_EXCHANGE, [one.exchange for one in kept])
        take(connection, [one.step for one in kept])
    return tuple(results)


@dataclass(frozen=True)
class _Kept:
    """One attempt as it is written."""

    received: Received
    exchange: dict[str, Any]
    step: Step


def _keep(row: Row, before: Row, received: Received, now_ms: int) -> _Kept:
    answer = received.answer
    after = received.columns(before, now_ms)
    # A callback that came in while the source was being asked must not be forgotten.
    again = before["woken"] and answer.worth_asking
    scheduling = {
        "worth_asking": answer.worth_asking,
        "due_at": now_ms if again else answer.due_at,
        "woken": False,
    }
    payload = {
        "evidence": received.evidence,
        "transport": after["transport"],
        "detail": answer.detail,
        "bodies": list(received.bodies),
        "exchange": forms.form_digest(forms.EXCHANGE, after),
        **{name: after[name] for name in sorted(forms.LATER) if after[name]},
    }
    done = answer.status == ExchangeStatus.DONE
    kind = EntryKind.ANSWERED if done else EntryKind.ASKED
    mine = {"v": row["id"], "s": received.source, "p": received.person}
    return _Kept(received, {**mine, **after, **scheduling}, step(row, kind, payload, now_ms))


@dataclass(frozen=True)
class Sealing:
    """A verdict to seal with its digests, computed outside the transaction."""

    sealed: SealedVerdict
    documents: tuple[Sealed, Sealed, Sealed]

    @classmethod
    def of(cls, sealed: SealedVerdict, sealer: Sealer) -> Sealing:
        """Seal the three documents. Unsalted: their digests are what callers compare, and they
        hold enough of a case to be past guessing."""
        bundle, verdict, trace = (
            sealer.seal(body, salted=False)
            for body in (sealed.bundle, sealed.verdict, sealed.trace)
        )
        return cls(sealed, (bundle, verdict, trace))

    @property
    def sealed_digest(self) -> str:
        """Digest of the sealed input."""
        return self.documents[0].digest

    @property
    def verdict_digest(self) -> str:
        """Digest of the verdict."""
        return self.documents[1].digest

    @property
    def trace_digest(self) -> str:
        """Digest of the trace."""
        return self.documents[2].digest


@dataclass(frozen=True)
class _Plan:
    """What sealing one verdict comes to: its result, and the rows to write for it."""

    result: SealResult
    step: Step | None = None
    verdict: Row | None = None


def seal_many(
    connection: Connection, sealings: Sequence[Sealing], now_ms: int
) -> tuple[SealResult, ...]:
    """Seal a batch with a handful of statements, however large it is."""
    by_id = {s.sealed.claim.verification: s for s in sealings}
    if len(by_id) != len(sealings):
        raise ValueError("a batch seals each verification once")
    rows = lock_many(connection, sorted(by_id))
    earlier: dict[str, list[Row]] = {v: [] for v in by_id}
    for verdict in connection.execute(_VERDICTS, {"wanted": sorted(by_id)}):
        earlier[verdict.verification].append(verdict._asdict())
    plans = {v: _plan(s, rows.get(v), earlier[v], now_ms) for v, s in by_id.items()}
    _write(connection, {v: (by_id[v], plan) for v, plan in plans.items()})
    return tuple(plan.result for plan in plans.values())


def _write(connection: Connection, planned: Mapping[str, tuple[Sealing, _Plan]]) -> None:
    taken = [(sealing, plan) for sealing, plan in planned.values() if plan.step]
    fresh = [(sealing, plan.verdict) for sealing, plan in taken if plan.verdict]
    blobs.put(connection, [document for sealing, _ in fresh for document in sealing.documents])
    if fresh:
        connection.execute(_INSERT_VERDICTS, [verdict for _, verdict in fresh])
    again = [
        {"v": sealing.sealed.claim.verification, "s": source, "p": person, "due_at": due_at}
        for sealing, _ in taken
        for source, person, due_at in sealing.sealed.ask_again
    ]
    if again:
        connection.execute(_ASK_AGAIN, again)
    take(connection, [plan.step for _, plan in taken if plan.step])


def _plan(sealing: Sealing, row: Row | None, earlier: Sequence[Row], now_ms: int) -> _Plan:
    """Decide on one verdict, given its locked row and the verdicts sealed before."""
    claim = sealing.sealed.claim
    lost = _Plan(SealResult(claim.verification, 0, SealStatus.LOST))
    if row is None or row["lease_token"] != claim.token:
        return lost
    held = holds(row, claim)
    for verdict in earlier:
        if _same_question(verdict, sealing, row):
            result = SealResult(claim.verification, verdict["sequence"], SealStatus.DUPLICATE)
            # Not held: the very same call is repeated after its commit, and all was done then.
            return _Plan(result, _stands(sealing, row, verdict, now_ms) if held else None)
    return _fresh(sealing, row, earlier, now_ms) if held else lost


def _same_question(verdict: Row, sealing: Sealing, row: Row) -> bool:
    return bool(
        verdict["evidence_digest"] == sealing.sealed.evidence_digest
        and verdict["rules_digest"] == row["rules_digest"]
    )


def _stands(sealing: Sealing, row: Row, verdict: Row, now_ms: int) -> Step:
    """The same evidence under the same rules was judged before: that verdict stands."""
    state = State(sealing.sealed.state).value
    payload = {
        "sequence": verdict["sequence"],
        "verdict_digest": verdict["verdict_digest"],
        "state": state,
    }
    count = row["verdict_count"]
    return _moved(sealing, row, EntryKind.VERDICT_STANDS, payload, count=count, now_ms=now_ms)


def _fresh(sealing: Sealing, row: Row, earlier: Sequence[Row], now_ms: int) -> _Plan:
    sealed = sealing.sealed
    sequence = int(row["verdict_count"]) + 1
    verdict = {
        "id": ids.verdict_id(now_ms),
        "verification": row["id"],
        "sequence": sequence,
        "follows": earlier[-1]["verdict_digest"] if earlier else "",
        "evidence_digest": sealed.evidence_digest,
        "rules_digest": row["rules_digest"],
        "sealed_digest": sealing.sealed_digest,
        "verdict_digest": sealing.verdict_digest,
        "trace_digest": sealing.trace_digest,
        "outcome": sealed.outcome,
        "final": sealed.final,
        "created_at": now_ms,
    }
    leaf = forms.verdict_leaf(verdict, State(sealed.state).value)
    moved = _moved(sealing, row, EntryKind.VERDICT, leaf, count=sequence, now_ms=now_ms)
    return _Plan(SealResult(row["id"], sequence, SealStatus.SEALED), moved, verdict)


def _moved(
    sealing: Sealing, row: Row, kind: EntryKind, payload: Row, *, count: int, now_ms: int
) -> Step:
    state, due_at = str(payload["state"]), sealing.sealed.due_at
    return step(row, kind, payload, now_ms, verdict_count=count, **idle(row, state, due_at))
