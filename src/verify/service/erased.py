"""What the ledger says about evidence that was erased: when, why, and precisely what is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from verify.service.clock import iso
from verify.store import EntryKind, LedgerRow


@dataclass(frozen=True)
class Erasure:
    """An erasure as the ledger recorded it.

    `gone` names what can no longer be read, as a check of the database would name it; `entry` is
    the ledger entry that says so, `ground` the retention term, `engine` what the case was accepted
    with.
    """

    scope: str
    ground: str
    at: str
    entry: int
    engine: str
    gone: tuple[str, ...]


def erasure_of(entries: Sequence[LedgerRow], sequence: int, engine: str) -> Erasure | None:
    """What was erased of a case, with one of its verdicts; `None` where the ledger has no erasure.

    Raises:
        KeyError, TypeError: an entry does not hold what its kind holds.
    """
    found = [entry for entry in entries if entry.kind == EntryKind.ERASED]
    if not found:
        return None
    last = found[-1]
    verdict = f"verdict {sequence}"
    gone = (
        "application",
        *_answers(entries),
        verdict,
        f"{verdict} trace",
        f"{verdict} sealed input",
    )
    payload = last.payload
    return Erasure(payload["scope"], payload["ground"], iso(last.at), last.position, engine, gone)


def _answers(entries: Iterable[LedgerRow]) -> Iterator[str]:
    """Every raw answer that ever came, those of earlier attempts with their ledger entry."""
    answered = [entry for entry in entries if "bodies" in entry.payload]
    latest = {entry.payload["evidence"]: entry.position for entry in answered}
    for entry in answered:
        evidence = entry.payload["evidence"]
        last = latest[evidence] == entry.position
        earlier = "" if last else f" (ledger entry {entry.position})"
        for number, _ in enumerate(entry.payload["bodies"], 1):
            yield f"evidence {evidence}{earlier} body {number}"
