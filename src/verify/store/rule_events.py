"""The chain of rule events: which rules were proposed, approved, withdrawn and taken into force.

Every event binds its place, proposal, kind, instant, actor, payload and predecessor
(`verify.store.chain`); the whole chain is checked on every read, because it decides which law is
applied. Nothing is ever changed or deleted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from verify.domain.errors import Conflict, IntegrityError
from verify.store import blobs, chain
from verify.store.chain import GENESIS
from verify.store.tables import rule_events

COLUMNS = ("position", "proposal", "kind", "at", "actor")

_e = rule_events.c


@dataclass(frozen=True, slots=True)
class RuleEventRow:
    """One event. `payload` holds digests, days and the staff's own note; no personal data."""

    position: int
    proposal: str
    kind: str
    at: int
    actor: str
    payload: Mapping[str, Any]
    previous: str
    hash: str


def count(connection: Connection) -> int:
    """How many events there are: cheap, to see whether anything is new."""
    return int(connection.execute(select(func.count()).select_from(rule_events)).scalar() or 0)


def every(connection: Connection) -> tuple[RuleEventRow, ...]:
    """All events, oldest first, with their chain checked.

    Raises:
        IntegrityError: an event was changed, removed or put in; names its position.
    """
    query = select(rule_events).order_by(_e.position)
    rows = [{str(k): v for k, v in r.items()} for r in connection.execute(query).mappings()]
    for place in chain.misfits(rows, COLUMNS):
        raise IntegrityError(
            "the record of how rules were published is not what was written",
            where=f"rule event {place}",
            remedy="restore the database from a backup and keep the changed one as evidence",
        )
    found = [RuleEventRow(**{**row, "payload": json.loads(row["payload"])}) for row in rows]
    return tuple(found)


def append(  # noqa: PLR0917 - what happened to what, by whom, when: each has its own type
    connection: Connection,
    after: int,
    proposal: str,
    kind: str,
    actor: str,
    payload: Mapping[str, Any],
    now_ms: int,
) -> RuleEventRow:
    """Add the event that follows the first `after` ones, which its author has seen.

    Raises:
        Conflict: somebody else's event came in between.
    """
    head = connection.execute(select(_e.hash).where(_e.position == after)).scalar()
    named = {
        "position": after + 1,
        "proposal": proposal,
        "kind": kind,
        "at": now_ms,
        "actor": actor,
    }
    row = chain.linked(named, payload, head or GENESIS, COLUMNS)
    if (after and head is None) or not blobs.insert_new(connection, rule_events, row):
        raise Conflict(
            "somebody else changed the state of the rules at the same moment; nothing was stored",
            where="rules",
            remedy="look at the proposals again and repeat what you still want",
        )
    return RuleEventRow(**{**row, "payload": dict(payload)})
