"""What auditors and callers ask of the log: checkpoint, proofs, receipts, archives, a check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from verify.domain.access import Caller, RoleName
from verify.domain.errors import Conflict, InputError, NotFound, NotPermitted, VerifyError
from verify.service.audit_bundle import export
from verify.service.audit_check import Audit, check_everything
from verify.service.audit_growth import growth_of
from verify.service.audit_notary import Notary
from verify.service.audit_receipt import proof_of
from verify.service.audit_trust import RETIRED
from verify.store import LedgerRow, Store
from verify.store.note import PublicKey, b64

Plain = dict[str, Any]
Note = Callable[[Caller, str, str, str], None]
TRIES = 5
"""Times that a verification may move on while it is exported."""
_ABOUT = ("entries", "leaf")
READERS = (RoleName.CALLER, RoleName.CASEWORKER, RoleName.AUDITOR)


class Audits:
    """Reads only, but for one thing: asked for a proof, the notary of this process may run.

    `retired`: keys of witnesses that were replaced; what they cosigned still counts.
    """

    def __init__(
        self,
        store: Store,
        notary: Notary,
        note: Note = lambda *_: None,
        retired: Sequence[PublicKey] = (),
    ) -> None:
        self._store = store
        self._notary = notary
        self._note = note
        self._retired = tuple(retired)

    def checkpoint(self, caller: Caller) -> str:
        """The newest witnessed checkpoint, as a signed note.

        Raises:
            NotFound: nothing has been witnessed yet.
        """
        _permit(caller, READERS)
        kept = self._store.log.checkpoint(witnessed=True)
        if kept is None:
            raise NotFound(
                "no checkpoint has been witnessed yet",
                where="checkpoint",
                remedy="start the service (its notary), then ask again; see `witness` in /readyz "
                "if it lasts",
            )
        return kept.note

    def inclusion(self, verification: str, caller: Caller) -> Plain:
        """Proof that a verification's newest witnessed entry stands in the log.

        Raises:
            NotFound: no such verification for this caller, or nothing of it witnessed yet.
        """
        entries = self._ledger(verification, caller)
        newest = self._store.log.checkpoint(witnessed=True)
        for entry in reversed(entries):
            if newest and self._store.log.covering(verification, entry.position, newest.size):
                found = self._proof(verification, entries, entry.position)
                if found is not None:
                    self._note(caller, verification, "proof", "")
                    return found
        raise NotFound(
            "nothing of this verification has been witnessed yet",
            where=verification,
            remedy="ask again in a moment; see `witness` in /readyz if it lasts",
        )

    def consistency(self, old: int, new: int, caller: Caller) -> Plain:
        """Proof that the log of `new` leaves adds to the log of `old` leaves.

        Raises:
            InputError: the sizes are the wrong way round.
            NotFound: the log is not that large.
        """
        _permit(caller, READERS)
        if old > new:
            raise InputError(
                "`from` is larger than `to`",
                where="query:from",
                remedy="give the older checkpoint's size as `from`, the newer one's as `to`",
            )
        proof = self._store.log.consistency(old, new)
        return {"from": old, "to": new, "proof": [b64(h) for h in proof]}

    def growth(self, earlier: str, caller: Caller) -> Plain:
        """Proof that the log only grew since a checkpoint; raises as `growth_of`."""
        _permit(caller, READERS)
        return growth_of(self._store, earlier)

    def receipt(self, verification: str, position: int, caller: Caller) -> Plain | None:
        """Proof for one ledger entry; `None` while it is not witnessed."""
        entries = self._ledger(verification, caller)
        found = self._proof(verification, entries, position)
        if found is None and self._notary.running:
            self._notary.once()
            found = self._proof(verification, entries, position)
        return found

    def _proof(
        self, verification: str, entries: Sequence[LedgerRow], position: int
    ) -> Plain | None:
        try:
            witnesses = self._notary.keys[1:]
        except VerifyError:
            witnesses = ()  # no key here: whatever was witnessed is proof enough
        return proof_of(self._store, verification, entries, position, witnesses)

    def export(self, verification: str, caller: Caller) -> bytes:
        """A verification as one archive (see `verify.service.audit_bundle`).

        Raises:
            NotPermitted: the caller is no auditor.
            Conflict: its last entry has not been witnessed yet, or it never stands still.
        """
        self._ledger(verification, caller)  # not theirs: the same answer to every role
        _permit(caller, (RoleName.AUDITOR,))
        receipt = self._last(verification, caller)
        self._note(caller, verification, "bundle", "")
        for _ in range(TRIES):
            data = export(self._store, verification, caller, receipt)
            before, receipt = receipt, self._last(verification, caller)
            # Rows and receipt are read one after the other: nothing may have come in between.
            if [before[name] for name in _ABOUT] == [receipt[name] for name in _ABOUT]:
                return data
        raise Conflict(
            "the verification goes on faster than it can be exported",
            where=verification,
            remedy="export it again in a moment",
        )

    def _last(self, verification: str, caller: Caller) -> Plain:
        """Proof of a verification's last entry."""
        entries = self._ledger(verification, caller)
        receipt = self.receipt(verification, entries[-1].position, caller)
        if receipt is None:
            raise Conflict(
                "the last entry of this verification has not been witnessed yet",
                where=verification,
                remedy="start the service (its notary), then export again",
            )
        return receipt

    def check(self, *, cases: bool = True) -> Audit:
        """Check the whole store against the witnesses (for operators; no caller)."""
        return check_everything(
            self._store,
            self._notary.keys[0],
            self._notary.witnesses,
            cases=cases,
            retired=self._retired,
        )

    def public_keys(self) -> tuple[str, ...]:
        """Public keys of the log and its witnesses, one line each, then the retired ones."""
        keys = self._notary.keys
        retired = [key for key in self._retired if key not in keys]
        return (*(key.text for key in keys), *(f"{RETIRED} {key.text}" for key in retired))

    def _ledger(self, verification: str, caller: Caller) -> tuple[LedgerRow, ...]:
        _permit(caller, READERS)
        return self._store.ledger(verification, caller)


def _permit(caller: Caller, roles: tuple[RoleName, ...]) -> None:
    if not caller.may(*roles):
        raise NotPermitted(
            "your role may not do this",
            remedy=f"use a key with one of the roles: {', '.join(roles)}",
        )
