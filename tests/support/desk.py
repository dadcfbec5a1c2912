"""Does to a store what the service does, with synthetic verifications; nobody in them exists."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from verify.content import ContentSet
from verify.domain.access import Caller, RoleName
from verify.domain.evidence import EvidenceState
from verify.store import (
    Claim,
    ExchangeAnswer,
    NewVerification,
    PlannedExchange,
    SealedVerdict,
    SealResult,
    Store,
)

T0 = 1_760_000_000_000
HOUR = 3_600_000
CONNECTOR = "sha256:" + "c" * 64


def person(name: str = "desk", *regions: str) -> Caller:
    return Caller(name, frozenset({RoleName.CALLER}), regions or ("310000",))


NATIONAL = person("auditor", "*")


@dataclass
class Desk:
    """Does to a store what the service does, with synthetic content."""

    store: Store
    now: int = T0

    def __post_init__(self) -> None:
        self.sets = {
            kind: ContentSet(kind, {"a.yaml": f"of: {kind}"})
            for kind in ("rules", "scoring", "connectors")
        }

    def keep(self) -> None:
        for kind, content in self.sets.items():
            self.store.keep_content(kind, content.digest, content.to_blob())

    def new(self, **changes: object) -> NewVerification:
        base = NewVerification(
            region="310101",
            programme="dibao",
            case_number="SYN-2025-0001",
            application=b'{"synthetic":"application"}',
            rules_digest=self.sets["rules"].digest,
            scoring_digest=self.sets["scoring"].digest,
            connectors_digest=self.sets["connectors"].digest,
            engine="verify/test",
            as_of="2025-10-01",
            known_at="2025-10-09",
            answer_by=T0 + 30_000,
            give_up_at=T0 + 14 * 24 * HOUR,
            exchanges=(
                PlannedExchange("bank", "p1", CONNECTOR),
                PlannedExchange("tax", "p1", CONNECTOR),
            ),
        )
        return dataclasses.replace(base, **changes)

    def accept(
        self, caller: Caller | None = None, key: tuple[str, str] | None = None, **changes: object
    ) -> str:
        return self.store.accept(self.new(**changes), caller or person(), key, self.now).id

    def claim(self, limit: int = 10, lease_ms: int = 60_000) -> tuple[Claim, ...]:
        return self.store.claim(self.now, limit, lease_ms)

    def answer(
        self, claim: Claim, source: str = "bank", bodies: tuple[bytes, ...] = (b"raw",), **changes
    ) -> None:
        answer = ExchangeAnswer(
            status="done", transport=EvidenceState.OK, asked_on="2025-10-09", letter="L-1"
        )
        answer = dataclasses.replace(answer, **changes)
        self.store.save_answer(claim, source, "p1", answer, bodies, self.now)

    def verdict(self, claim: Claim, evidence: str = "e1", **changes: object) -> SealedVerdict:
        base = SealedVerdict(
            claim=claim,
            bundle=f"bundle {evidence} {claim.verification}".encode(),
            verdict=f"verdict {evidence} {claim.verification}".encode(),
            trace=f"trace {evidence} {claim.verification}".encode(),
            evidence_digest="sha256:" + evidence.rjust(64, "0"),
            outcome="undetermined",
            final=False,
            state="waiting",
            due_at=self.now + HOUR,
        )
        return dataclasses.replace(base, **changes)

    def seal(self, claim: Claim, evidence: str = "e1", **changes: object) -> SealResult:
        return self.store.seal(self.verdict(claim, evidence, **changes), self.now)

    def finished(self, key: tuple[str, str] | None = ("key-1", "sha256:" + "b" * 64)) -> str:
        """A verification with a re-asked source, two verdicts and a final state."""
        verification = self.accept(key=key)
        (claim,) = self.claim()
        self.answer(claim, "bank", (b"page 1", b"page 2"))
        self.answer(
            claim,
            "tax",
            (b"half",),
            transport=EvidenceState.PARTIAL,
            worth_asking=True,
            due_at=self.now + HOUR,
        )
        self.seal(claim, "e1")
        self.now += 2 * HOUR
        (claim,) = self.claim()
        self.answer(claim, "tax", (b"whole",))
        self.seal(claim, "e2", outcome="eligible", final=True, state="completed", due_at=None)
        return verification
