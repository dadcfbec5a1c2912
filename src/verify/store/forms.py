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


@dataclass(frozen=True)
class Recorded:
    """What the ledger last committed to: digests of the forms above."""

    header: str | None
    idempotency: str | None
    exchanges: Mapping[str, str]


def recorded(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> Recorded:
    """Read a ledger's (kind, payload) pairs, oldest first.

    Acceptance commits to header and key, every attempt to its exchange; `resealed` replaces what
    it names, because the same values are stored in another form since.
    """
    header = idempotency = None
    exchanges: dict[str, str] = {}
    for kind, payload in entries:
        if kind in ("accepted", "resealed"):
            header = payload.get("header", header)
            idempotency = payload.get("idempotency", idempotency)
        if kind == "resealed":
            more = payload.get("exchanges")
            exchanges |= more if isinstance(more, dict) else {}
        elif "exchange" in payload:
            exchanges[str(payload.get("evidence"))] = payload["exchange"]
    return Recorded(header, idempotency, exchanges)
