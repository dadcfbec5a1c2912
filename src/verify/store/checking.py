"""Checking what is stored, one verification or many at once (see `verify.store.integrity`)."""

from __future__ import annotations

from collections.abc import Sequence

from verify.domain.access import Caller
from verify.store import case, columns, installation, integrity, reads
from verify.store.case import Case
from verify.store.database import Database
from verify.store.keyring import Keyring
from verify.store.log import Log
from verify.store.rows import ExchangeRow, Fault, VerdictRow


class Checking(Database):
    """Look for what is not as it was sealed; read cases as they are."""

    log: Log
    keyring: Keyring | None

    def verdicts_of(self, verifications: Sequence[str]) -> tuple[VerdictRow, ...]:
        """All verdicts of verifications that a caller was shown, by verification and sequence."""
        return self._read(lambda c: reads.verdicts_of(c, verifications))

    def exchanges_of(self, verifications: Sequence[str]) -> dict[str, tuple[ExchangeRow, ...]]:
        """All questions of several verifications, of each by source and person, in one query."""
        rows = self._read(lambda c: reads.exchange_rows_of(c, verifications))
        return {
            name: tuple(reads.exchange(columns.shown("exchanges", r, self.keyring)) for r in mine)
            for name, mine in rows.items()
        }

    def check_integrity(self, verification: str, caller: Caller) -> tuple[Fault, ...]:
        """Recompute every hash of a verification; each fault names the thing that differs."""
        return self._read(
            lambda c: integrity.check(c, verification, caller, self.log.suite, self.keyring)
        )

    def check_many(self, names: Sequence[str], caller: Caller) -> list[tuple[Fault, ...]]:
        """`check_integrity` of several verifications, with as many queries as for one."""
        return self._read(
            lambda c: integrity.check_many(c, names, caller, self.log.suite, self.keyring)
        )

    def check_installation(self) -> tuple[Fault, ...]:
        """Check what is of no verification: keys, content, the chains of the installation."""
        return self._read(lambda c: installation.check(c, self.keyring))

    def case(self, verification: str, caller: Caller) -> Case:
        """Everything stored about a verification, as it is (for export)."""
        return self._read(lambda c: case.load(c, verification, caller, self.keyring))
