"""What the store holds of the verifications under way: read for many of them together.

A query for each verification and each thing was a third of the engine's own time. Whatever cannot
be read for all together, for whatever reason, is read for each by itself: one that was altered
stops no other, and its error comes out where it alone is dealt with.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from verify.domain.household import Application
from verify.service.contents import engine_of
from verify.service.questions import as_evidence
from verify.service.sealed import Digests, SealedCase, read_application_bytes
from verify.store import Claim, ExchangeRow, Store


@dataclass(frozen=True)
class Ready:
    """A claimed verification whose case can be judged now."""

    claim: Claim
    case: SealedCase
    rows: tuple[ExchangeRow, ...]


@dataclass
class Files:
    """Reads for a worker; remembers the applications of the verifications that it carries."""

    store: Store
    _applications: dict[str, Application] = field(default_factory=dict, repr=False)

    def close(self, verification: str) -> None:
        """The worker lets go of it."""
        self._applications.pop(verification, None)

    def questions(self, claims: Sequence[Claim]) -> Mapping[str, tuple[ExchangeRow, ...]]:
        """The questions of each; of one that cannot be read, none: `questions_of` says why."""
        wanted = [claim.verification for claim in claims]
        with contextlib.suppress(Exception):
            return self.store.exchanges_of(wanted) if wanted else {}
        found = {}
        for name in wanted:
            with contextlib.suppress(Exception):
                found[name] = self.store.exchanges(name)
        return found

    def applications(self, claims: Sequence[Claim]) -> None:
        """Read the applications that are not known yet; those that can be."""
        missing = [c for c in claims if c.verification not in self._applications]
        with contextlib.suppress(Exception):
            found = self.store.blobs([c.application_digest for c in missing]) if missing else {}
            for claim in missing:
                body = found[claim.application_digest]
                self._applications[claim.verification] = read_application_bytes(body)

    def application(self, claim: Claim) -> Application:
        """The application of a verification that is carried.

        Raises:
            NotFound, IntegrityError: it is not there, or not what was accepted.
        """
        known = self._applications.get(claim.verification)
        if known is None:
            known = read_application_bytes(self.store.blob(claim.application_digest))
            self._applications[claim.verification] = known
        return known

    def bodies(self, rows: Sequence[ExchangeRow]) -> Mapping[str, bytes]:
        """The raw answers that questions name, as far as they can be read together."""
        with contextlib.suppress(Exception):
            return self.store.blobs([digest for row in rows for digest in row.bodies])
        return {}

    def case(
        self,
        claim: Claim,
        rows: tuple[ExchangeRow, ...],
        known: Mapping[str, bytes],
        today: str,
        *,
        closed: bool,
    ) -> SealedCase:
        """The case as it can be judged now; `known` are bodies that were read already.

        Raises:
            NotFound, IntegrityError: a part of it is not there, or not what was kept.
        """
        engine = engine_of(claim.engine)
        digests = Digests(claim.rules_digest, claim.scoring_digest, claim.connectors_digest, engine)
        named = [digest for row in rows for digest in row.bodies]
        if not known.keys() >= set(named):
            known = self.store.blobs(named)
        bodies = {digest: known[digest] for digest in named}
        exchanges = tuple(as_evidence(row, today) for row in rows)
        return SealedCase(self.application(claim), exchanges, digests, closed, bodies)
