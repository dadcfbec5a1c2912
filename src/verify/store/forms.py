"""Canonical forms of stored rows: exactly what a ledger entry commits to.

A writer puts the digest of a form into a ledger entry; `verify.store.integrity` rebuilds the form
from the row and compares. Both sides use these functions, so a column added here is sealed and
checked, and one left out is neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from verify.domain.canonical import digest
from verify.store import callbacks

HEADER = (
    "id",
    "caller",
    "region",
    "programme",
    "case_number",
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
)
EXCHANGE = (
    "source",
    "person",
    "status",
    "transport",
    "asked_on",
    "connector",
    "letter",
    "bodies",
    "detail",
    "ticket",
    "attempts",
    "updated_at",
    "version",
    "version_set",
)
LATER = frozenset({"version", "version_set"})
"""Columns that came later: where they say nothing, a form is what it was before they came."""

VERDICT = (
    "id",
    "sequence",
    "follows",
    "evidence_digest",
    "rules_digest",
    "sealed_digest",
    "verdict_digest",
    "trace_digest",
    "outcome",
    "final",
)
IDEMPOTENCY = ("subject", "key", "body_digest", "verification", "created_at")

UNASKED: Mapping[str, Any] = {
    "status": "pending",
    "transport": None,
    "asked_on": None,
    "letter": "",
    "bodies": "[]",
    "detail": "",
    "ticket": "",
    "attempts": 0,
    "version": None,
    "version_set": None,
}
"""An exchange nobody has been asked in yet."""


def form(names: tuple[str, ...], row: Mapping[str, Any]) -> dict[str, Any]:
    """The named columns of a row."""
    return {n: row[n] for n in names if n not in LATER or row.get(n) is not None}


def form_digest(names: tuple[str, ...], row: Mapping[str, Any]) -> str:
    """Digest of the named columns of a row."""
    return digest(form(names, row))


def planned(row: Mapping[str, Any]) -> dict[str, Any]:
    """What acceptance promises to ask: no person but by the caller's key.

    An exported row holds the digest of the callback token in the token's place.
    """
    return {
        "source": row["source"],
        "person": row["person"],
        "connector": row["connector"],
        "callback": row.get("callback") or callbacks.ledger_digest(row["callback_token"]),
    }


def subjects_digest(rows: Sequence[Mapping[str, Any]]) -> str:
    """Digest of the blind index rows of a verification."""
    return digest(sorted([row["person"], row["blind"]] for row in rows))


def verdict_leaf(row: Mapping[str, Any], state: str) -> dict[str, Any]:
    """The ledger leaf of a verdict: the whole row, and the state it puts the verification in."""
    return {**form(VERDICT, row), "state": state}


STATED = frozenset({"accepted", "verdict", "verdict_stands", "cancelled", "failed"})
"""Kinds of entries that say in which state a verification is."""
ASKING = frozenset({"asked", "answered"})
"""Kinds of entries that say how a question stands."""


@dataclass(frozen=True)
class Recorded:
    """What the ledger last committed to: digests of the forms above.

    `was` holds, for each thing whose digest a `resealed` entry replaced (`header`, `idempotency`,
    an evidence id), the one of before: the same values must still have it, in their plain form.
    """

    header: str | None
    idempotency: str | None
    exchanges: Mapping[str, str]
    was: Mapping[str, str | None]


def recorded(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> Recorded:
    """Read a ledger's (kind, payload) pairs, oldest first.

    The first entry commits to header and key, every attempt to its exchange; `resealed` replaces
    what it names, because the same values are stored in another form since.
    """
    now: dict[str, Any] = {"header": None, "idempotency": None}
    was: dict[str, Any] = {}
    for number, (kind, payload) in enumerate(entries):
        if kind == "accepted" and number == 0:
            now |= {name: payload.get(name) for name in ("header", "idempotency")}
        elif kind == "resealed":
            replaced = _replaced(payload)
            was |= {name: now.get(name) for name in replaced if name not in was}
            now |= replaced
        elif kind in ASKING and "exchange" in payload:
            evidence = str(payload.get("evidence"))
            now[evidence] = payload["exchange"]
            was.pop(evidence, None)
    header, idempotency = now.pop("header"), now.pop("idempotency")
    return Recorded(header, idempotency, now, was)


def _replaced(payload: Mapping[str, Any]) -> dict[str, Any]:
    more = payload.get("exchanges")
    named = {name: payload[name] for name in ("header", "idempotency") if name in payload}
    return named | (dict(more) if isinstance(more, dict) else {})
