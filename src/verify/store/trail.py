"""The access trail, as the store offers it (see `verify.store.accesses`)."""

from __future__ import annotations

from verify.domain.access import Caller
from verify.store import accesses, reads, trail_queries
from verify.store.accesses import AccessFilters, AccessRow
from verify.store.database import Database
from verify.store.keyring import Keyring
from verify.store.trail_queries import CheckRow
from verify.store.vault import no_master


class AccessTrail(Database):
    """Record a read of personal data; look up who read what."""

    keyring: Keyring | None = None

    def record_access(self, row: AccessRow) -> None:
        """Keep a read, durably, before it is answered.

        Raises:
            Overloaded: the database could not take it; then nothing may be shown.
        """
        self._writer.run(lambda c: accesses.record(c, row))

    def accesses(
        self, caller: Caller, filters: AccessFilters, before: str = "", limit: int = 100
    ) -> tuple[AccessRow, ...]:
        """Reads that concern the caller's regions, newest first, from before an id."""
        return self._read(lambda c: accesses.page(c, caller, filters, before, limit))

    def blind_of_person(self, id_number: str) -> str:
        """The blind index of a person's id number, under which searches are on record.

        Raises:
            Conflict: the store was opened without its master key.
        """
        if self.keyring is None:
            raise no_master()
        return self.keyring.blind("id", id_number)

    def verifications_of(self, id_number: str, caller: Caller) -> tuple[tuple[str, str], ...]:
        """Verifications about a person, with the person's key in each; raises as above."""
        blind = self.blind_of_person(id_number)
        return self._read(lambda c: reads.about(c, blind, caller))

    def checks_without_follow_up(
        self, caller: Caller, before: int, after: str = "", limit: int = 500
    ) -> list[CheckRow]:
        """Checks with a verdict, unchanged since `before`, that nobody ever read; by id."""
        return self._read(
            lambda c: trail_queries.without_follow_up(c, caller, before, after, limit)
        )

    def checks_without_case(
        self, caller: Caller, after: str = "", limit: int = 500
    ) -> list[CheckRow]:
        """Checks that name no case; by id."""
        return self._read(lambda c: trail_queries.without_case(c, caller, after, limit))

    def every_access(self) -> tuple[AccessRow, ...]:
        """All reads there ever were, oldest first (for the full check)."""
        return tuple(self._read(accesses.every))
