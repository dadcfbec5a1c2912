"""Accepting checks, and keeping the content sets that will judge them."""

from __future__ import annotations

from verify.content import ContentSet
from verify.domain.access import Caller
from verify.domain.canonical import digest_bytes
from verify.domain.errors import IntegrityError
from verify.store import accepting, blobs, callbacks
from verify.store.checking import Checking
from verify.store.rows import Accepted, NewVerification
from verify.store.tables import content
from verify.store.vault import Sealer, scope_of


class Accepts(Checking):
    """What comes in: verifications with their questions, content sets with their text."""

    _kept: frozenset[str] = frozenset()

    @property
    def _blind(self) -> callbacks.Blind | None:
        return self.keyring.blind if self.keyring else None

    def _sealer(self, region: str, programme: str, accepted_ms: int, now_ms: int) -> Sealer:
        if self.keyring is None:
            return blobs.Plain()
        return self.keyring.sealing(scope_of(region, programme, accepted_ms), now_ms)

    # -- content sets ---------------------------------------------------------------------

    def keep_content(self, kind: str, digest: str, blob: bytes) -> None:
        """Keep the text of a content set (`ContentSet.to_blob()`), once.

        Raises:
            IntegrityError: the text does not have that digest, or is of another kind.
        """
        if digest_bytes(blob) != digest or ContentSet.from_blob(blob).kind != kind:
            raise IntegrityError(
                f"the text given for {kind} is not the content set of this digest", where=digest
            )
        row = {"digest": digest, "kind": kind, "blob": blob}
        self._writer.run(lambda c: blobs.insert_new(c, content, row))
        self._kept |= {digest}

    def content(self, digest: str) -> bytes:
        """Text of a content set, verified.

        Raises:
            NotFound: it was never kept here.
            IntegrityError: it was changed.
        """
        return self._read(lambda c: blobs.get_content(c, digest))

    # -- accepting ------------------------------------------------------------------------

    def repeated(self, caller: Caller, idempotency: tuple[str, str]) -> Accepted | None:
        """What a submission with this key stands for already; `None` if it is the first.

        Raises:
            Conflict: the key was used with another body.
        """
        return self._read(lambda c: accepting.repeated(c, caller, idempotency, self._blind))

    def accept(
        self,
        new: NewVerification,
        caller: Caller,
        idempotency: tuple[str, str] | None,
        now_ms: int,
    ) -> Accepted:
        """Store a verification with its questions, ready to be claimed.

        `idempotency` is (key, digest of the body). The same caller's same key and body gives the
        same verification for as long as the store lives.

        Raises:
            NotPermitted: the region is not among the caller's.
            InputError: the case number or key cannot be stored.
            Conflict: the key was used with another body.
            NotFound: a content set it is pinned to is not kept (see `keep_content`).
        """
        secrecy = accepting.Secrecy(
            self._sealer(new.region, new.programme, now_ms, now_ms),
            self._blind,
        )
        ready = accepting.prepare(new, caller, idempotency, now_ms, secrecy)
        pinned = frozenset((new.rules_digest, new.scoring_digest, new.connectors_digest))
        if not pinned <= self._kept:
            self._read(lambda c: accepting.require_content(c, pinned))
            self._kept |= pinned
        return self._writer.run(ready.write)
