"""Every read of personal data leaves a trace; auditors ask who read what.

A read is recorded before it is answered, and not answered if it cannot be recorded. Only the
command line on a store opened read-only records nothing: whoever runs it holds the files anyway.
"""

from __future__ import annotations

from typing import Any

from verify import telemetry
from verify.domain.access import Caller, RoleName
from verify.domain.errors import NotPermitted
from verify.service.clock import Clock, iso
from verify.store import Store
from verify.store.accesses import AccessFilters, AccessRow

Plain = dict[str, Any]


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
