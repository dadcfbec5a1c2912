"""Find every stored thing of a verification that is not what was sealed, and name it.

Everything is recomputed from the bytes: the hash chain, then what each ledger entry commits to
(`verify.store.forms`), then the blobs and content sets by their digests, then the leaves of the
log. Scheduling columns are not sealed (`verify.store.tables`). Somebody who may rewrite the whole
database can rebuild chain and tree too; that is found from a checkpoint held elsewhere
(`verify.service.audit_check`), not here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from verify.domain.access import Caller
from verify.store import amending, forms
from verify.store.case import Case, any_text, digest_of, load_many, other_sets
from verify.store.chain import GENESIS
from verify.store.keyring import ERASED_REASON, Keyring
from verify.store.ledger import entry_hash
from verify.store.log import HEAD, leaf_data
from verify.store.resealed import judged
from verify.store.rows import EntryKind, Fault
from verify.store.suites import SHA256, Suite

Row = Mapping[str, Any]

NOT_IN_TREE = "it does not have the hash that stands in the tree"
_CHANGED = "a column differs from what the ledger recorded"
_MISSING = "it is missing"
_ADDED = "it was added outside the ledger"
_OTHERWISE = "it was sealed anew, and is not what the ledger had recorded before"


def check(
    connection: Connection,
    verification: str,
    caller: Caller,
    suite: Suite = SHA256,
    keyring: Keyring | None = None,
) -> tuple[Fault, ...]:
    """All faults of a verification, in a fixed order; empty when all is as sealed.

    Raises:
        NotFound: no such verification for this caller.
    """
    (found,) = check_many(connection, [verification], caller, suite, keyring)
    return found


def check_many(
    connection: Connection,
    verifications: Sequence[str],
    caller: Caller,
    suite: Suite = SHA256,
    keyring: Keyring | None = None,
) -> list[tuple[Fault, ...]]:
    """The faults of several verifications, in their order; raises as `check`."""
    cases = load_many(connection, verifications, caller, keyring)
    with any_text(connection):
        return [faults(judged(connection, case, keyring), suite) for case in cases]


def faults(case: Case, suite: Suite = SHA256) -> tuple[Fault, ...]:
    """The faults of a case, wherever it was read from: the database, or an exported bundle."""
    if case.erased:
        there = {d: "" if reason == ERASED_REASON else reason for d, reason in case.blobs.items()}
        case = replace(case, blobs=there)
    parts = (
        _ledger_faults,
        _entry_faults,
        _header_faults,
        _idempotency_faults,
        _subject_faults,
        _content_faults,
        _exchange_faults,
        _body_faults,
        _verdict_faults,
    )
    found = [fault for part in parts for fault in part(case)]
    return tuple(dict.fromkeys([*found, *_leaf_faults(case, suite)]))


def _ledger_faults(case: Case) -> Iterator[Fault]:
    """Each entry against its own hash and its predecessor; then the end against the header."""
    previous = {GENESIS}
    position = 0
    for entry in case.entries:
        position += 1
        name = f"ledger entry {position}"
        if entry["position"] != position:
            yield Fault(name, _MISSING)
            position = entry["position"] if isinstance(entry["position"], int) else position
            previous = {entry["previous"]}  # one gap is one fault
            name = f"ledger entry {position}"
        computed = _entry_hash(entry)
        if computed != entry["hash"]:
            yield Fault(name, "its columns do not have its hash")
        elif entry["previous"] not in previous:
            yield Fault(name, "it does not follow the entry before it")
        # Either may be the honest one: a changed hash must not accuse the next entry as well.
        previous = {entry["hash"], computed}
    if case.header is None:
        return
    ends_here = case.header["head"] in previous
    if ends_here and case.header["entries"] == position:
        return
    # A head that is not the last entry's means that entries were cut off behind it.
    cut = not ends_here and case.header["entries"] != position
    yield (
        Fault(f"ledger entry {position + 1}", _MISSING) if cut else Fault("verification", _CHANGED)
    )


def _entry_faults(case: Case) -> Iterator[Fault]:
    """Entries that say what they may not say; rows that were resealed and do not prove it."""
    yield from amending.entry_faults(case.entries, case.payloads, case.erasure)
    called = {"header": "verification", "idempotency": "idempotency key"}
    for name in sorted(case.unproven):
        yield Fault(called.get(name, f"evidence {name}"), _OTHERWISE)


def _entry_hash(entry: Row) -> str:
    try:
        return entry_hash(entry)
    except (TypeError, ValueError, AttributeError):
        return "unreadable"


def _header_faults(case: Case) -> Iterator[Fault]:
    """The verification's own row against `accepted` and against the last entries."""
    row = case.header
    if row is None:
        yield Fault("verification", _MISSING)
        return
    accepted = case.accepted
    expected = {
        "header": case.recorded.header,
        "state": case.state,
        "updated_at": case.entries[-1]["at"] if case.entries else None,
        "verdict_count": len(case.of_kind(EntryKind.VERDICT)),
    }
    found = {
        "header": digest_of(forms.HEADER, row),
        **{name: row[name] for name in ("state", "updated_at", "verdict_count")},
    }
    if found != expected or not case.findable:
        yield Fault("verification", _CHANGED)
    if row["application_digest"] != accepted.get("application"):
        yield Fault("application", _CHANGED)
    elif reason := case.blobs.get(row["application_digest"]):
        yield Fault("application", reason)


def _idempotency_faults(case: Case) -> Iterator[Fault]:
    expected = case.recorded.idempotency
    found = [digest_of(forms.IDEMPOTENCY, row) for row in case.idempotency]
    if expected is not None and not found:
        yield Fault("idempotency key", _MISSING)
    elif expected is None and found:
        yield Fault("idempotency key", _ADDED)
    elif expected is not None and found != [expected]:
        yield Fault("idempotency key", _CHANGED)


def _subject_faults(case: Case) -> Iterator[Fault]:
    expected = None if case.erased else case.accepted.get("subjects")
    if expected is None and not case.subjects:
        return
    try:
        found = forms.subjects_digest(case.subjects)
    except (TypeError, ValueError):
        found = ""
    if found != expected:
        yield Fault("blind index", _CHANGED)


def _content_faults(case: Case) -> Iterator[Fault]:
    for kind in ("rules", "scoring", "connectors"):
        digest = case.accepted.get(kind)
        if reason := case.content.get(str(digest)):
            yield Fault(f"{kind} {digest}", reason)
    for digest in other_sets(case.payloads):
        if reason := case.content.get(digest):
            yield Fault(f"connectors {digest}", reason)


def _exchange_faults(case: Case) -> Iterator[Fault]:
    """Each question against the plan, and against the last entry that changed it."""
    rows = {f"{row['source']}/{row['person']}": row for row in case.exchanges}
    planned = case.planned
    last = case.recorded.exchanges
    for evidence, plan in planned.items():
        row = rows.get(evidence)
        if row is None:
            yield Fault(f"evidence {evidence}", _MISSING)
        elif forms.planned(row) != plan or not _as_recorded(case, row, last.get(evidence)):
            yield Fault(f"evidence {evidence}", _CHANGED)
    for evidence in rows.keys() - planned.keys():
        yield Fault(f"evidence {evidence}", _ADDED)
    yield from _doubled("evidence", (f"{r['source']}/{r['person']}" for r in case.exchanges))


def _doubled(noun: str, names: Iterable[object]) -> Iterator[Fault]:
    """Things of which there is more than one row, where a table was changed to allow it."""
    for name, count in Counter(map(str, names)).items():
        if count > 1:
            yield Fault(f"{noun} {name}", _ADDED)


def _as_recorded(case: Case, row: Row, last: str | None) -> bool:
    if last is not None:
        return digest_of(forms.EXCHANGE, row) == last
    unasked = {**forms.UNASKED, "updated_at": case.entries[0]["at"]}
    return all(row.get(name) == value for name, value in unasked.items())


def _body_faults(case: Case) -> Iterator[Fault]:
    """Every raw answer ever received, those of earlier attempts included."""
    latest = {p.get("evidence"): position for position, p in case.answers}
    for position, payload in case.answers:
        evidence = payload.get("evidence")
        earlier = "" if latest[evidence] == position else f" (ledger entry {position})"
        for number, digest in enumerate(payload.get("bodies", ()), 1):
            if reason := case.blobs.get(digest):
                yield Fault(f"evidence {evidence}{earlier} body {number}", reason)


def _verdict_faults(case: Case) -> Iterator[Fault]:
    rows = {row["sequence"]: row for row in case.verdicts}
    leaves = case.of_kind(EntryKind.VERDICT)
    for number, (entry, leaf) in enumerate(leaves, 1):
        row = rows.pop(number, None)
        if row is None:
            yield Fault(f"verdict {number}", _MISSING)
        elif (
            forms.verdict_leaf(row, leaf.get("state", "")) != leaf
            or row["created_at"] != entry["at"]
        ):
            yield Fault(f"verdict {number}", _CHANGED)
        for column, part in (("verdict", ""), ("trace", " trace"), ("sealed", " sealed input")):
            if reason := case.blobs.get(leaf.get(f"{column}_digest", "")):
                yield Fault(f"verdict {number}{part}", reason)
    for number in sorted(rows, key=str):
        yield Fault(f"verdict {number}", _ADDED)
    yield from _doubled("verdict", (row["sequence"] for row in case.verdicts))


def _leaf_faults(case: Case, suite: Suite) -> Iterator[Fault]:
    """Each leaf against the tree, and against the entry that it says was the last."""
    entries = {entry["position"]: entry for entry in case.entries}
    for leaf in case.leaves:
        name = f"tree leaf {leaf['number']}"
        data = leaf_data(leaf["kind"], leaf["subject"], leaf["entries"], leaf["digest"])
        if suite.leaf(data) != leaf["tile"] or leaf["kind"] != HEAD:
            yield Fault(name, NOT_IN_TREE)
            continue
        entry = entries.get(leaf["entries"])
        if entry is None:
            yield Fault(f"ledger entry {leaf['entries']}", _MISSING)
        elif leaf["digest"] not in (entry["hash"], _entry_hash(entry)):
            reason = f"it is not the entry that leaf {leaf['number']} of the log recorded"
            yield Fault(f"ledger entry {leaf['entries']}", reason)
        elif leaf["at"] != entry["at"]:
            yield Fault(name, _CHANGED)
    covered = max((leaf["entries"] for leaf in case.leaves), default=0)
    # An exported case has no such column: its receipt proves its place in the log.
    if case.header is not None and case.header.get("in_tree", covered) != covered:
        yield Fault("verification", _CHANGED)
