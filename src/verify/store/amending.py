"""What entries may say that come after the fact.

A ledger binds what each entry says; it does not say who wrote it. Somebody who may write the
database and has no key could append an entry that explains a change of the past away. So:

- `erased` says that the evidence is gone. It names the scope of this very verification, at the
  instant at which that scope's key was erased, once.
- `resealed` says that the same values are stored in another form since, and has to prove it
  (`verify.store.resealed`). Nothing is resealed after it was erased.
- Once a verification has ended, no other entry follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from verify.store import forms
from verify.store.rows import EntryKind, Fault
from verify.store.vault import scope_of

Row = Mapping[str, Any]

NOT_KNOWN = -1
"""Instant of the key's erasure, where only an exported case is at hand."""
ENDED = frozenset({"completed", "cancelled", "failed"})
_AFTER_THE_END = frozenset({EntryKind.RESEALED, EntryKind.ERASED})


def scope_of_case(header: Row) -> str:
    """Scope of a verification's data key; empty if no writer could have stored such a row."""
    try:
        return scope_of(header["region"], header["programme"], header["created_at"])
    except (TypeError, ValueError, OverflowError, KeyError):
        return ""


def erasure(
    header: Row | None, entries: Sequence[Row], payloads: Sequence[Row], key_erased_at: int | None
) -> int | None:
    """Place, from 1, of the entry that says, and rightly so, that the evidence was erased."""
    for place, (entry, payload) in enumerate(zip(entries, payloads, strict=True), 1):
        if entry["kind"] != EntryKind.ERASED:
            continue
        if header is None:  # that it is missing is named anyway
            return place
        then = key_erased_at in (NOT_KNOWN, entry["at"])
        if then and payload.get("scope") == scope_of_case(header):
            return place
    return None


def entry_faults(
    entries: Sequence[Row], payloads: Sequence[Row], erased: int | None
) -> Iterator[Fault]:
    """Entries that say what they may not say where they stand. `erased`: see `erasure`."""
    ended = False
    for place, (entry, payload) in enumerate(zip(entries, payloads, strict=True), 1):
        kind, name = entry["kind"], f"ledger entry {entry['position']}"
        if kind == EntryKind.ERASED and place != erased:
            yield Fault(name, "it says that the evidence was erased; its key was not, or not then")
        elif kind == EntryKind.RESEALED and erased is not None and place > erased:
            reason = "it was sealed anew after it was erased: nothing proves that it is the same"
            yield Fault(name, reason)
        elif kind == EntryKind.ACCEPTED and place != 1:
            yield Fault(name, "it was accepted before")
        elif ended and kind not in _AFTER_THE_END:
            yield Fault(name, "it stands behind the end of the verification")
        ended = ended or (kind in forms.STATED and payload.get("state") in ENDED)
