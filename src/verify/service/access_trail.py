"""Every read of personal data leaves a trace; auditors ask who read what.

A read is recorded before it is answered, and not answered if it cannot be recorded. What a read is
for is judged in `verify.service.purposes`; where a command leaves its reads beside a running
service, in `verify.service.reads_folder`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from verify import telemetry
from verify.domain.access import Caller, RoleName
from verify.domain.errors import NotPermitted
from verify.service.clock import Clock, iso
from verify.service.purposes import purpose_of
from verify.store import EntryKind, Store
from verify.store.accesses import MAX_PAGE, AccessFilters, AccessRow, Read, row_of
from verify.store.keyring import Erased
from verify.store.trail_queries import CheckRow

Plain = dict[str, Any]
Keep = Callable[[AccessRow], None]
DAY_MS = 86_400_000

ACCESS_COLUMNS = (
    "id",
    "at",
    "caller",
    "roles",
    "purpose",
    "stated",
    "what",
    "verification",
    "document",
    "shown",
    "in_log",
)
PERSON_COLUMNS = ("person", *ACCESS_COLUMNS)
CHECK_COLUMNS = (
    "verification",
    "caller",
    "region",
    "programme",
    "state",
    "accepted_at",
    "changed_at",
)
ASKED_COLUMNS = (
    "evidence",
    "source",
    "person",
    "status",
    "state",
    "records",
    "asked_on",
    "letter",
    "answers",
    "entry",
)


class Trail:
    """Records reads, and answers auditors' questions about them."""

    def __init__(self, store: Store, clock: Clock, keep: Keep | None = None) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep or store.record_access

    def note(self, caller: Caller, verification: str, what: str, document: str = "") -> None:
        """Somebody is about to read something of a case.

        Raises:
            PurposeNeeded: nobody said what for, and it does not follow from their role.
            Overloaded, Conflict: it could not be recorded, so it must not be shown.
        """
        purpose, stated = purpose_of(caller, what)
        self._record(caller, Read(what, purpose, stated, verification, document))

    def note_list(
        self, caller: Caller, what: str, shown: Sequence[str], document: str = ""
    ) -> None:
        """Somebody is about to see a list of verifications, perhaps an empty one: one read.

        Raises as `note`.
        """
        purpose, stated = purpose_of(caller, what)
        self._record(caller, Read(what, purpose, stated, "", document, tuple(shown)))

    def _record(self, caller: Caller, read: Read) -> None:
        telemetry.ACCESSES.labels(read.what).inc()
        self._keep(row_of(caller, read, self._clock()))

    def find(
        self, caller: Caller, filters: AccessFilters, before: str = "", limit: int = 100
    ) -> tuple[list[Plain], str | None]:
        """Reads, newest first, and the cursor of the next page; looking is itself on record.

        Raises:
            NotPermitted: the caller is no auditor.
        """
        _permit(caller)
        rows = self._store.accesses(caller, filters, before, limit)
        self.note_list(caller, "trail", sorted({row.verification for row in rows} - {""}))
        following = rows[-1].id if len(rows) == limit else None
        return [_view(row) for row in rows], following

    def about(self, id_number: str, caller: Caller) -> Plain:
        """Who looked at this person: the cases that name them, every read and list of those, and
        every search for them. The search itself is a read, also when it finds nothing.

        Raises:
            NotPermitted: the caller is no auditor.
            PurposeNeeded: they did not say what for.
            Conflict: the store was opened without its master key.
        """
        _permit(caller)
        cases = self._store.verifications_of(id_number, caller)
        names = tuple(sorted({verification for verification, _ in cases}))
        blind = self._store.blind_of_person(id_number)
        self.note_list(caller, "search", names, blind)
        rows = list(self._every(caller, AccessFilters(names, search=blind)))
        return {
            "cases": [{"verification": v, "person": person} for v, person in cases],
            "accesses": [_view(row) for row in rows],
        }

    def _every(self, caller: Caller, filters: AccessFilters) -> Iterator[AccessRow]:
        rows = self._store.accesses(caller, filters, "", MAX_PAGE)
        yield from rows
        while len(rows) == MAX_PAGE:
            rows = self._store.accesses(caller, filters, rows[-1].id, MAX_PAGE)
            yield from rows

    def without_follow_up(
        self, caller: Caller, days: int, after: str = "", limit: int = 500
    ) -> tuple[list[Plain], str | None]:
        """Checks whose verdict nobody read for `days`: why was somebody looked at?

        Seeing them listed is a read on record, and no follow-up.

        Raises:
            NotPermitted: the caller is no auditor.
        """
        _permit(caller)
        before = self._clock() - days * DAY_MS
        rows = self._store.checks_without_follow_up(caller, before, after, limit)
        self.note_list(caller, "unread", [row[0] for row in rows])
        return [_check_view(row) for row in rows], rows[-1][0] if len(rows) == limit else None

    def without_case(
        self, caller: Caller, after: str = "", limit: int = 500
    ) -> tuple[list[Plain], str | None]:
        """Checks that name no case; raises as `without_follow_up`."""
        _permit(caller)
        rows = self._store.checks_without_case(caller, after, limit)
        self.note_list(caller, "caseless", [row[0] for row in rows])
        return [_check_view(row) for row in rows], rows[-1][0] if len(rows) == limit else None

    def _coverage(self, verification: str, caller: Caller) -> dict[str, Plain]:
        """How the latest verdict read each answer: `confirmed_empty` is an answer, too."""
        verdict = self._store.latest_verdict(verification, caller)
        if verdict is None:
            return {}
        try:
            body = json.loads(self._store.document(verification, verdict.verdict_digest, caller))
        except Erased:
            return {}
        return {c["evidence"]: c for c in body["coverage"]}

    def asked(self, verification: str, caller: Caller) -> Plain:
        """Whether every question that acceptance promised was put, negatives included.

        One row for each member and source: how asking ended, when, with which letter, what came
        (by digest), and the ledger entry that proves it. `complete` needs an answered question in
        each, `intact` that nothing of the case is other than the ledger recorded. Of an `erased`
        case the ledger still proves all that; only how the verdict read each answer is gone.

        Raises:
            NotPermitted: the caller is no auditor.
            NotFound: no such verification in the caller's regions.
        """
        entries = self._store.ledger(verification, caller)  # another's is no more there than none
        _permit(caller)
        self.note(caller, verification, "asked")
        said = self._coverage(verification, caller)
        erased = any(entry.kind == EntryKind.ERASED for entry in entries)
        proven = {e.payload["evidence"]: e for e in entries if "evidence" in e.payload}
        rows = [
            {
                "evidence": x.evidence,
                "source": x.source,
                "person": x.person,
                "status": x.status,
                "state": said.get(x.evidence, {}).get("state", x.transport),
                "records": said.get(x.evidence, {}).get("records"),
                "asked_on": x.asked_on,
                "letter": x.letter,
                "answers": list(x.bodies),
                "entry": proven[x.evidence].position if x.evidence in proven else None,
            }
            for x in self._store.exchanges(verification)
        ]
        planned = {f"{p['source']}/{p['person']}" for p in entries[0].payload["planned"]}
        done = {row["evidence"] for row in rows if row["status"] == "done" and row["entry"]}
        return {
            "verification": verification,
            "planned": len(planned),
            "complete": done == planned,
            "intact": not self._store.check_integrity(verification, caller),
            "erased": erased,
            "asked": rows,
        }


def about_rows(found: Plain) -> list[Plain]:
    """`Trail.about` as one table: a row for each read, and one for a case that nobody read."""
    persons = {case["verification"]: case["person"] for case in found["cases"]}
    read = {v for row in found["accesses"] for v in (row["verification"], *row["shown"])}
    unread = [
        {"person": person, "verification": verification}
        for verification, person in persons.items()
        if verification not in read
    ]
    rows = [{"person": persons.get(row["verification"]), **row} for row in found["accesses"]]
    return [*rows, *unread]


def _check_view(row: CheckRow) -> Plain:
    verification, by, region, programme, state, accepted, changed = row
    return {
        "verification": verification,
        "caller": by,
        "region": region,
        "programme": programme,
        "state": state,
        "accepted_at": iso(accepted),
        "changed_at": iso(changed),
    }


def _view(row: AccessRow) -> Plain:
    return {
        "id": row.id,
        "at": iso(row.at),
        "caller": row.caller,
        "roles": row.roles.split(),
        "verification": row.verification or None,
        "purpose": row.purpose or None,
        "stated": row.stated,
        "what": row.what,
        "document": row.document or None,
        "shown": row.shown.split(),
        "in_log": row.leaf is not None,
    }


def _permit(caller: Caller) -> None:
    if not caller.may(RoleName.AUDITOR):
        raise NotPermitted("your role may not ask who read what", remedy="use an auditor's key")
