"""Who carries which verification: claims with fencing tokens, releases, wake-ups, endings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, or_, select, update

from verify.domain.access import Caller
from verify.domain.canonical import digest_bytes
from verify.domain.errors import Conflict, NotFound
from verify.store import callbacks, ledger
from verify.store.rows import Claim, EntryKind, LeaseLost, State
from verify.store.scope import in_scope, not_found
from verify.store.tables import exchanges, verdicts, verifications

ACTIVE = (State.ASKING.value, State.WAITING.value)

Row = Mapping[str, Any]

_v = verifications.c

# Built once: making a statement costs more than running it.
_LOCK = select(verifications).where(_v.id == bindparam("wanted")).with_for_update(key_share=True)
_LOCK_MANY = (
    select(verifications)
    .where(_v.id.in_(bindparam("wanted", expanding=True)))
    .order_by(_v.id)
    .with_for_update(key_share=True)
)
_UPDATE = update(verifications).where(_v.id == bindparam("wanted"))


def claim(
    connection: Connection, now_ms: int, limit: int, lease_ms: int, only: str = ""
) -> tuple[Claim, ...]:
    """Take up to `limit` due verifications that nobody holds, the longest due first.

    `only` names one to take whether or not it is due.
    """
    due = (
        select(verifications)
        .where(_v.id == only if only else _v.due_at <= now_ms, _v.state.in_(ACTIVE))
        .where(or_(_v.lease_until.is_(None), _v.lease_until <= now_ms))
        .order_by(_v.due_at, _v.id)
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    rows = connection.execute(due).mappings().all()
    if not rows:
        return ()
    taken = [row["id"] for row in rows]
    connection.execute(
        update(verifications)
        .where(_v.id.in_(taken))
        .values(
            lease_token=_v.lease_token + 1,
            lease_until=now_ms + lease_ms,
            attempts=_v.attempts + 1,
            woken=False,
        )
    )
    last = _last_evidence(connection, taken)
    return tuple(_claim(row, now_ms + lease_ms, last.get(row["id"])) for row in rows)


def _last_evidence(connection: Connection, taken: list[str]) -> dict[str, str]:
    latest = (
        select(verdicts.c.verification, verdicts.c.evidence_digest)
        .join(verifications, _v.id == verdicts.c.verification)
        .where(verdicts.c.verification.in_(taken), verdicts.c.sequence == _v.verdict_count)
    )
    return {row.verification: row.evidence_digest for row in connection.execute(latest)}


_COPIED = [
    "state",
    "region",
    "programme",
    "application_digest",
    "rules_digest",
    "scoring_digest",
    "connectors_digest",
    "engine",
    "as_of",
    "known_at",
    "created_at",
    "answer_by",
    "give_up_at",
    "verdict_count",
]


def _claim(row: RowMapping, lease_until: int, last_evidence: str | None) -> Claim:
    return Claim(
        verification=row["id"],
        token=row["lease_token"] + 1,
        lease_until=lease_until,
        attempts=row["attempts"] + 1,
        last_evidence_digest=last_evidence,
        **{name: row[name] for name in _COPIED},
    )


def heartbeat(connection: Connection, held: Claim, now_ms: int, lease_ms: int) -> None:
    """Prolong a lease."""
    hold(connection, held)
    _set(connection, held.verification, {"lease_until": now_ms + lease_ms})


def release(connection: Connection, held: Claim, due_at: int | None) -> None:
    """Put a verification back, due at `due_at`, or at once if it was woken meanwhile."""
    row = hold(connection, held)
    _set(connection, held.verification, idle(row, row["state"], due_at))


def idle(row: Row, state: str, due_at: int | None) -> dict[str, Any]:
    """Column values that end a lease. A wake-up during the lease must not be forgotten."""
    if state not in ACTIVE:
        due_at = None
    elif row["woken"]:
        due_at = row["due_at"]
    return {"state": state, "lease_until": None, "due_at": due_at}


def hold(connection: Connection, held: Claim) -> Row:
    """Lock the claimed row until the transaction ends, if the claim still holds.

    Raises:
        LeaseLost: the token moved on, the lease was given back, or the work has ended.
    """
    row = lock(connection, held.verification)
    if row is None or not holds(row, held):
        raise lease_lost(held)
    return row


def holds(row: Row, held: Claim) -> bool:
    """Whether a claim still allows writing to its (locked) verification."""
    return (
        row["lease_token"] == held.token
        and row["lease_until"] is not None
        and row["state"] in ACTIVE
    )


def lock(connection: Connection, verification: str) -> Row | None:
    """Lock a verification's row against other writers until the transaction ends."""
    return first(connection, _LOCK, wanted=verification)


def lock_many(connection: Connection, verifications_: Sequence[str]) -> dict[str, Row]:
    """Lock many rows, in the order of their ids, so that two batches cannot deadlock."""
    rows = connection.execute(_LOCK_MANY, {"wanted": list(verifications_)})
    return {row.id: row._asdict() for row in rows}


def first(connection: Connection, query: Select[Any], **params: Any) -> Row | None:
    """The first row of a query by column name."""
    row = connection.execute(query, params).first()
    return None if row is None else row._asdict()


def lease_lost(held: Claim) -> LeaseLost:
    """The error for a write under a claim that no longer holds."""
    return LeaseLost(
        "another worker carries this verification, or it has ended; nothing was written",
        where=held.verification,
        remedy="drop this claim; whoever holds the lease carries on",
    )


@dataclass(frozen=True)
class Step:
    """A ledger entry of a locked verification, and the columns that change with it."""

    entry: Row
    values: Row

    @property
    def moved(self) -> Row:
        """The columns of the verification that have a new value."""
        return {name: value for name, value in self.values.items() if name != "wanted"}


def step(row: Row, kind: EntryKind, payload: Row, now_ms: int, **values: Any) -> Step:
    """The entry that follows on `row`; `values` are the verification's other new columns."""
    head = ledger.Head(row["entries"], row["head"])
    entry = ledger.entry(row["id"], head, kind, now_ms, payload)
    moved = {"entries": entry["position"], "head": entry["hash"], "updated_at": now_ms}
    return Step(entry, {"wanted": row["id"], **moved, **values})


def take(connection: Connection, steps: Sequence[Step]) -> None:
    """Write entries and columns in the same breath. All steps change the same columns.

    Of several steps of one verification, in their order, the last one's columns count.
    """
    if steps:
        ledger.append(connection, [s.entry for s in steps])
        last = {s.values["wanted"]: s.values for s in steps}
        connection.execute(_UPDATE, list(last.values()))


def _set(connection: Connection, verification: str, values: Row) -> None:
    connection.execute(_UPDATE, {"wanted": verification, **values})


def cancel(connection: Connection, verification: str, caller: Caller, now_ms: int) -> None:
    """Stop a verification; a second time is no error.

    Raises:
        NotFound: no such verification for this caller.
        Conflict: it has ended already, so there is nothing to stop.
    """
    visible = select(_v.id).where(_v.id == verification, in_scope(caller))
    if connection.execute(visible).first() is None:
        raise not_found()
    row = lock(connection, verification)
    if row is None or row["state"] == State.CANCELLED:
        return
    if row["state"] not in ACTIVE:
        raise Conflict(
            f"this verification is {row['state']}; there is nothing left to stop",
            where="verification",
            remedy="a sealed verdict stays; object to it instead",
        )
    payload = {"caller": digest_bytes(caller.subject.encode()), "state": State.CANCELLED.value}
    _end(connection, row, EntryKind.CANCELLED, payload, now_ms)


def fail(connection: Connection, held: Claim, code: str, now_ms: int) -> None:
    """End a verification that cannot be judged; `code` is an error code, never a message."""
    row = hold(connection, held)
    payload = {"code": code, "state": State.FAILED.value}
    _end(connection, row, EntryKind.FAILED, payload, now_ms)


def _end(
    connection: Connection,
    row: Row,
    kind: EntryKind,
    payload: Row,
    now_ms: int,
) -> None:
    ended = step(
        row,
        kind,
        payload,
        now_ms,
        state=payload["state"],
        due_at=None,
        lease_until=None,
        lease_token=row["lease_token"] + 1,  # whoever holds it now has lost it
    )
    take(connection, [ended])


def wake(
    connection: Connection, verification: str, now_ms: int, source: str = "", person: str = ""
) -> None:
    """Make a verification due now, and its open questions (or one of them) with it."""
    row = lock(connection, verification)
    if row is None or row["state"] not in ACTIVE:
        return
    x = exchanges.c
    asked_again = (
        update(exchanges)
        .where(x.verification == verification, x.worth_asking)
        .values(due_at=now_ms, woken=True)
    )
    if source:
        asked_again = asked_again.where(x.source == source, x.person == person)
    connection.execute(asked_again)
    _set(connection, verification, {"due_at": now_ms, "woken": True})


def wake_by_token(connection: Connection, token: str, now_ms: int) -> str:
    """Wake the verification whose source shows this callback token; returns its id.

    Raises:
        NotFound: no question has this token.
    """
    x = exchanges.c
    found = connection.execute(
        select(x.verification, x.source, x.person).where(
            x.callback_token.in_(callbacks.candidates(token))
        )
    ).first()
    if found is None:
        raise NotFound("no question has this callback address", where="callback")
    wake(connection, found.verification, now_ms, found.source, found.person)
    return str(found.verification)
