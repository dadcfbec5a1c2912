"""Seal what an earlier version stored plainly, in small steps that can be interrupted anywhere.

One step is one transaction over a few verifications: their personal columns, their idempotency
keys and their unsealed blobs are sealed, and each ledger gets an entry that binds the new form.
`case_blind` is null until then, so a step that was lost is simply done again. A thing that does
not fit its ledger any more is sealed too, but the entry does not vouch for it: it stays a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from verify.store import blobs, columns, forms, reads
from verify.store.case import named
from verify.store.keyring import Erased, Keyring, Run
from verify.store.leasing import lock_many, step, take
from verify.store.rows import EntryKind
from verify.store.tables import exchanges, idempotency, verifications
from verify.store.vault import Sealed, Sealer, scope_of

STEP = 100

_v, _x, _i = verifications.c, exchanges.c, idempotency.c
_PLAIN = select(_v.id).where(_v.case_blind.is_(None)).order_by(_v.id).limit(STEP)
_SEAL_CASE = (
    update(verifications)
    .where(_v.id == bindparam("wanted"))
    .values(case_number=bindparam("number"), case_blind=bindparam("blind"))
)
_SEAL_EXCHANGE = (
    update(exchanges)
    .where(_x.verification == bindparam("v"), _x.source == bindparam("s"))
    .where(_x.person == bindparam("p"))
    .values(letter=bindparam("sealed_letter"), ticket=bindparam("sealed_ticket"))
)
_SEAL_KEY = (
    update(idempotency)
    .where(_i.subject == bindparam("s"), _i.key == bindparam("k"))
    .values(key=bindparam("sealed_key"), body_digest=bindparam("sealed_body"))
)

Row = Mapping[str, Any]


def everything(read: Run, write: Run, keyring: Keyring, now_ms: int) -> int:
    """Seal all that is plain, step by step; how many verifications."""
    done = 0
    while rows := read(plain):
        wanted = {row["id"]: _sealer(keyring, row, now_ms) for row in rows}
        done += write(partial(seal, wanted=wanted, keyring=keyring, now_ms=now_ms))
    return done


def _sealer(keyring: Keyring, row: Row, now_ms: int) -> Sealer | None:
    """The sealer of a verification's scope; `None` where its key was erased."""
    try:
        return keyring.sealing(scope_of(row["region"], row["programme"], row["created_at"]), now_ms)
    except Erased:
        return None


def plain(connection: Connection) -> list[Row]:
    """The next few verifications whose personal columns are not sealed."""
    ids = list(connection.execute(_PLAIN).scalars())
    query = select(_v.id, _v.region, _v.programme, _v.created_at).where(_v.id.in_(ids))
    return [row._asdict() for row in connection.execute(query.order_by(_v.id))]


def seal(
    connection: Connection, wanted: Mapping[str, Sealer | None], keyring: Keyring, now_ms: int
) -> int:
    """Seal these verifications; how many were still plain.

    `wanted` gives the sealer of each one's scope; `None` where its key was erased.
    """
    done = 0
    for name, row in lock_many(connection, sorted(wanted)).items():
        if row["case_blind"] is None:
            _seal_one(connection, dict(row), wanted[name], keyring, now_ms)
            done += 1
    return done


def _seal_one(
    connection: Connection,
    row: dict[str, Any],
    sealer: Sealer | None,
    keyring: Keyring,
    now_ms: int,
) -> None:
    entries = reads.ledger_rows(connection, row["id"])
    recorded = forms.recorded((entry.kind, entry.payload) for entry in entries)
    payload: dict[str, Any] = {"exchanges": {}}
    hidden = _hidden("verifications", row, sealer)
    if forms.form_digest(forms.HEADER, row) == recorded.header:
        payload["header"] = forms.form_digest(forms.HEADER, hidden)
    for exchange in reads.exchange_rows(connection, row["id"]):
        sealed = _hidden("exchanges", dict(exchange), sealer)
        evidence = f"{exchange['source']}/{exchange['person']}"
        if forms.form_digest(forms.EXCHANGE, exchange) == recorded.exchanges.get(evidence):
            payload["exchanges"][evidence] = forms.form_digest(forms.EXCHANGE, sealed)
        connection.execute(_SEAL_EXCHANGE, _exchange_values(sealed))
    _seal_key(connection, row["id"], recorded.idempotency, payload, keyring)
    if sealer is not None:
        wanted = named(row, [entry.payload for entry in entries])
        _seal_blobs(connection, sorted(wanted), sealer)
    number = columns.shown("verifications", row, keyring, always=True)["case_number"]
    blind = "" if sealer is None else keyring.blind(columns.CASE, number)
    connection.execute(
        _SEAL_CASE, {"wanted": row["id"], "number": hidden["case_number"], "blind": blind}
    )
    take(connection, [step(row, EntryKind.RESEALED, payload, now_ms)])


def _hidden(table: str, row: dict[str, Any], sealer: Sealer | None) -> dict[str, Any]:
    """The row sealed; where the key was erased, what was plain goes as the key went."""
    if sealer is None:
        return {**row, **{c: columns.GONE if row[c] else "" for c in columns.PERSONAL[table]}}
    sealed = columns.seal(table, row, sealer)
    return {c: row[c] if columns.is_sealed(row[c]) else sealed[c] for c in row}


def _exchange_values(row: Row) -> dict[str, Any]:
    return {
        "v": row["verification"],
        "s": row["source"],
        "p": row["person"],
        "sealed_letter": row["letter"],
        "sealed_ticket": row["ticket"],
    }


def _seal_key(
    connection: Connection,
    verification: str,
    recorded: str | None,
    payload: dict[str, Any],
    keyring: Keyring,
) -> None:
    """Put an idempotency key of before the vault behind the blind index."""
    query = select(idempotency).where(_i.verification == verification)
    rows = [row._asdict() for row in connection.execute(query)]
    for row in rows:
        if row["key"].startswith("hs256:") and row["body_digest"].startswith("hs256:"):
            continue
        hidden = {
            **row,
            "key": keyring.blind("key", row["key"]),
            "body_digest": keyring.blind("body", row["body_digest"]),
        }
        if forms.form_digest(forms.IDEMPOTENCY, row) == recorded:
            payload["idempotency"] = forms.form_digest(forms.IDEMPOTENCY, hidden)
        connection.execute(
            _SEAL_KEY,
            {
                "s": row["subject"],
                "k": row["key"],
                "sealed_key": hidden["key"],
                "sealed_body": hidden["body_digest"],
            },
        )


def _seal_blobs(connection: Connection, digests: list[str], sealer: Sealer) -> None:
    """Seal bodies that lie open. Their digests stay: the ledger holds them."""
    for start in range(0, len(digests), 32):
        stored = blobs.fetch_many(connection, digests[start : start + 32])
        blobs.put(connection, [_sealed(blob, sealer) for blob in stored.values() if _open(blob)])


def _open(blob: blobs.Stored) -> bool:
    """Whether a body lies there unsealed, and as its digest says."""
    return blob.scope is None and blobs.intact(blob)


def _sealed(blob: blobs.Stored, sealer: Sealer) -> Sealed:
    body = blob.body if isinstance(blob.body, bytes) else b""
    return sealer.seal(body, salted=False)
