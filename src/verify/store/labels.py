"""Clerical decisions on doubtful matches, kept to calibrate the scoring: appended, never erased.

A decision says which levels of agreement a pair showed, how rare the name is, and what a person
found; it holds no name and no number. Taking it back is another entry. The entries form one hash
chain (`verify.store.chain`), so that an edited or missing one is found (`check`); what counts now
is read off the chain.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, text

from verify.domain.access import Caller
from verify.domain.errors import Conflict, NotFound
from verify.store import chain, ids, reads
from verify.store.scope import covers
from verify.store.tables import label_events

DECIDED, REVOKED = "decided", "revoked"
_LOCK = 0x6C61_6265_6C73  # "labels": one writer of the chain at a time on PostgreSQL

COLUMNS = ("position", "kind", "at")

_e = label_events.c


@dataclass(frozen=True, slots=True)
class NewLabel:
    """A decision to keep: the pair, its levels of agreement, and what was found.

    `levels` by field; `rarity` of the person's name in milli-bits; `judgement` as in
    `domain.match`.
    """

    verification: str
    record: str
    person: str
    family: str
    levels: Mapping[str, str]
    rarity: int
    judgement: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A decision as it stands; `revoked_at` is null while it counts."""

    id: str
    verification: str
    record: str
    person: str
    region: str
    family: str
    levels: Mapping[str, str]
    rarity: int
    judgement: str
    decided_by: str
    decided_at: int
    revoked_by: str | None = None
    revoked_at: int | None = None


def decide(connection: Connection, new: NewLabel, caller: Caller, now_ms: int) -> LabelRow:
    """Append a decision on a pair of a verification the caller may see.

    Raises:
        NotFound: no such verification for this caller.
        Conflict: a decision on this pair stands; it has to be revoked first.
    """
    row = reads.visible_row(connection, new.verification, caller)
    events = _locked(connection)
    pair = (new.verification, new.record, new.person)
    for label in _fold(events).values():
        if (label.verification, label.record, label.person) == pair and label.revoked_at is None:
            raise Conflict(
                "a decision on this pair stands",
                where=label.id,
                remedy="revoke it first; both stay on record",
            )
    payload = {
        "label": ids.label_id(now_ms),
        "verification": new.verification,
        "record": new.record,
        "person": new.person,
        "region": row["region"],
        "family": new.family,
        "levels": dict(new.levels),
        "rarity": new.rarity,
        "judgement": new.judgement,
        "by": caller.subject,
    }
    _append(connection, events, DECIDED, now_ms, payload)
    return _decided(payload, now_ms)


def revoke(connection: Connection, label: str, caller: Caller, now_ms: int) -> LabelRow:
    """Append that a decision no longer counts.

    Raises:
        NotFound: no such decision in the caller's regions.
        Conflict: it is revoked already.
    """
    events = _locked(connection)
    found = _fold(events).get(label)
    if found is None or not covers(caller, found.region):
        raise NotFound(
            "there is no such decision, or it is not in your regions",
            where="label",
            remedy="list the decisions first",
        )
    if found.revoked_at is not None:
        raise Conflict("this decision is revoked already", where=label)
    payload = {"label": label, "by": caller.subject}
    _append(connection, events, REVOKED, now_ms, payload)
    return _fold([*events, _event(events, REVOKED, now_ms, payload)])[label]


def every(connection: Connection, caller: Caller) -> tuple[LabelRow, ...]:
    """All decisions in the caller's regions, revoked ones too, oldest first."""
    found = _fold(_events(connection)).values()
    return tuple(label for label in found if covers(caller, label.region))


def check(connection: Connection) -> tuple[str, ...]:
    """What is wrong with the chain: one sentence per entry that does not fit."""
    places = chain.misfits(_events(connection), COLUMNS)
    return tuple(f"label entry {place} is missing or does not fit its hash" for place in places)


def _locked(connection: Connection) -> list[dict[str, Any]]:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    return _events(connection)


def _events(connection: Connection) -> list[dict[str, Any]]:
    rows = connection.execute(select(label_events).order_by(_e.position)).mappings()
    return [{str(k): v for k, v in row.items()} for row in rows]


def _event(
    events: list[dict[str, Any]], kind: str, at: int, payload: Mapping[str, Any]
) -> dict[str, Any]:
    named = {"position": len(events) + 1, "kind": kind, "at": at}
    return chain.linked(named, payload, events[-1]["hash"] if events else chain.GENESIS, COLUMNS)


def _append(
    connection: Connection,
    events: list[dict[str, Any]],
    kind: str,
    at: int,
    payload: Mapping[str, Any],
) -> None:
    connection.execute(insert(label_events), _event(events, kind, at, payload))


def _fold(events: Iterable[Mapping[str, Any]]) -> dict[str, LabelRow]:
    """The decisions by id, as the entries leave them."""
    found: dict[str, LabelRow] = {}
    for event in events:
        payload = json.loads(event["payload"])
        if event["kind"] == DECIDED:
            found[payload["label"]] = _decided(payload, event["at"])
        elif payload["label"] in found:
            before = found[payload["label"]]
            values = {name: getattr(before, name) for name in LabelRow.__slots__}
            values |= {"revoked_by": payload["by"], "revoked_at": event["at"]}
            found[before.id] = LabelRow(**values)
    return found


def _decided(payload: Mapping[str, Any], at: int) -> LabelRow:
    kept = ("verification", "record", "person", "region", "family", "levels", "rarity", "judgement")
    return LabelRow(
        id=payload["label"],
        **{name: payload[name] for name in kept},
        decided_by=payload["by"],
        decided_at=at,
    )
