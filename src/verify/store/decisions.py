"""Clerical decisions on matches, as the store offers them (see `verify.store.labels`)."""

from __future__ import annotations

from verify.domain.access import Caller
from verify.store import labels
from verify.store.labels import LabelRow, NewLabel
from verify.store.trail import AccessTrail


class ClericalDecisions(AccessTrail):
    """Decide, take back, list, check."""

    def decide(self, new: NewLabel, caller: Caller, now_ms: int) -> LabelRow:
        """Keep a clerical decision on a match.

        Raises:
            NotFound: no such verification for this caller.
            Conflict: a decision on this pair stands.
        """
        return self._writer.run(lambda c: labels.decide(c, new, caller, now_ms))

    def revoke_label(self, label: str, caller: Caller, now_ms: int) -> LabelRow:
        """Take a clerical decision back; it stays on record.

        Raises:
            NotFound: no such decision for this caller.
            Conflict: it is revoked already.
        """
        return self._writer.run(lambda c: labels.revoke(c, label, caller, now_ms))

    def labels(self, caller: Caller) -> tuple[LabelRow, ...]:
        """All clerical decisions in the caller's regions, revoked ones too, oldest first."""
        return self._read(lambda c: labels.every(c, caller))

    def check_labels(self) -> tuple[str, ...]:
        """What is wrong with the chain of clerical decisions; empty if nothing is."""
        return self._read(labels.check)
