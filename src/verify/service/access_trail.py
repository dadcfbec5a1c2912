"""Every read of personal data leaves a trace; auditors ask who read what.

A read is recorded before it is answered, and not answered if it cannot be recorded. Only the
command line on a store opened read-only records nothing: whoever runs it holds the files anyway.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from verify import telemetry
from verify.domain.access import Caller, RoleName
from verify.domain.errors import NotPermitted
from verify.service.clock import Clock, iso
from verify.store import Store
from verify.store.accesses import AccessFilters, AccessRow
from verify.store.trail_queries import CheckRow

Plain = dict[str, Any]
DAY_MS = 86_400_000


class Trail:
    """Records reads, and answers auditors' questions about them."""

    def __init__(self, store: Store, clock: Clock, *, recording: bool) -> None:
        self._store = store
        self._clock = clock
        self._recording = recording

    def note(self, caller: Caller, verification: str, what: str, document: str = "") -> None:
        """Somebody is about to read something of a case.

        Raises:
            Overloaded: it could not be recorded, so it must not be shown.
        """
        if self._recording:
            telemetry.ACCESSES.labels(what).inc()
            self._store.record_access(caller, verification, what, document, self._clock())

    def find(
        self, caller: Caller, filters: AccessFilters, before: str = "", limit: int = 100
    ) -> tuple[list[Plain], str | None]:
        """Reads, newest first, and the cursor of the next page.

        Raises:
            NotPermitted: the caller is no auditor.
        """
        _permit(caller)
        rows = self._store.accesses(caller, filters, before, limit)
        following = rows[-1].id if len(rows) == limit else None
        return [_view(row) for row in rows], following

    def about(self, id_number: str, caller: Caller, limit: int = 500) -> Plain:
        """Who looked at this person: the cases that name them, and every read of those.

        Raises:
            NotPermitted: the caller is no auditor.
            Conflict: the store was opened without its master key.
        """
        _permit(caller)
        cases = self._store.verifications_of(id_number, caller)
        names = tuple(sorted({verification for verification, _ in cases}))
        rows = self._store.accesses(caller, AccessFilters(names), "", limit) if names else ()
        for name in names:
            self.note(caller, name, "search")
        return {
            "cases": [{"verification": v, "person": person} for v, person in cases],
            "accesses": [_view(row) for row in rows],
        }

    def without_follow_up(
        self, caller: Caller, days: int, after: str = "", limit: int = 500
    ) -> tuple[list[Plain], str | None]:
        """Checks whose verdict nobody read for `days`: why was somebody looked at?

        Raises:
            NotPermitted: the caller is no auditor.
        """
        _permit(caller)
        before = self._clock() - days * DAY_MS
        rows = self._store.checks_without_follow_up(caller, before, after, limit)
        return [_check_view(row) for row in rows], rows[-1][0] if len(rows) == limit else None

    def without_case(
        self, caller: Caller, after: str = "", limit: int = 500
    ) -> tuple[list[Plain], str | None]:
        """Checks that name no case; raises as `without_follow_up`."""
        _permit(caller)
        rows = self._store.checks_without_case(caller, after, limit)
        return [_check_view(row) for row in rows], rows[-1][0] if len(rows) == limit else None

    def _coverage(self, verification: str, caller: Caller) -> dict[str, Plain]:
        """How the latest verdict read each answer: `confirmed_empty` is an answer, too."""
        verdict = self._store.latest_verdict(verification, caller)
        if verdict is None:
            return {}
        body = json.loads(self._store.document(verification, verdict.verdict_digest, caller))
        return {c["evidence"]: c for c in body["coverage"]}

    def asked(self, verification: str, caller: Caller) -> Plain:
        """Whether every question that acceptance promised was put, negatives included.

        One row for each member and source: how asking ended, when, with which letter, what came
        (by digest), and the ledger entry that proves it. `complete` needs an answered question in
        each, `intact` that nothing of the case is other than the ledger recorded.

        Raises:
            NotPermitted: the caller is no auditor.
            NotFound: no such verification in the caller's regions.
        """
        entries = self._store.ledger(verification, caller)  # another's is no more there than none
        _permit(caller)
        self.note(caller, verification, "asked")
        said = self._coverage(verification, caller)
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
            "asked": rows,
        }


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV (RFC 4180) with a head; lists as words. Nothing that a spreadsheet would run."""
    out = io.StringIO()
    names = list(rows[0]) if rows else []
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in rows)
    return out.getvalue()


def _cell(value: object) -> str:
    words = (str(v) for v in value) if isinstance(value, list) else None
    text = "" if value is None else " ".join(words) if words is not None else str(value)
    # A caller's name may begin like a formula.
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


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
        "verification": row.verification,
        "what": row.what,
        "document": row.document or None,
        "in_log": row.leaf is not None,
    }


def _permit(caller: Caller) -> None:
    if not caller.may(RoleName.AUDITOR):
        raise NotPermitted("your role may not ask who read what", remedy="use an auditor's key")
