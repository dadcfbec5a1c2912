"""The access trail, as the store offers it (see `verify.store.accesses`)."""

from __future__ import annotations

from verify.domain.access import Caller
from verify.store import accesses
from verify.store.accesses import AccessFilters, AccessRow
from verify.store.database import Database


class AccessTrail(Database):
    """Record a read of personal data; look up who read what."""

    def record_access(
        self, caller: Caller, verification: str, what: str, document: str, now_ms: int
    ) -> None:
        """Keep a read, durably, before it is answered.

        Raises:
            Overloaded: the database could not take it; then nothing may be shown.
        """
        row = accesses.row_of(caller, verification, what, document, now_ms)
        self._writer.run(lambda c: accesses.record(c, row))

    def accesses(
        self, caller: Caller, filters: AccessFilters, before: str = "", limit: int = 100
    ) -> tuple[AccessRow, ...]:
        """Reads of cases in the caller's regions, newest first, from before an id."""
        return self._read(lambda c: accesses.page(c, caller, filters, before, limit))

    def every_access(self) -> tuple[AccessRow, ...]:
        """All reads there ever were, oldest first (for the full check)."""
        return tuple(self._read(accesses.every))
