"""The same answers sealed on SQLite and on PostgreSQL are the same bytes, and replay to them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.live import Live, household, installation
from verify.bootstrap import build
from verify.domain.access import LOCAL
from verify.domain.evidence import EvidenceState
from verify.service.clock import now_ms
from verify.service.intake import ApplicationIn
from verify.settings import Settings
from verify.store import Claim, ExchangeAnswer, ExchangeRow, Store
from verify.store.vault import DataKey, MasterKeys

NUMBERS = ("01", "02", "05")


@dataclass(frozen=True)
class Recorded:
    """What the departments answered about one household."""

    application: dict[str, Any]
    answers: tuple[tuple[ExchangeRow, tuple[bytes, ...]], ...]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Recorded]:
    """Asked once over HTTP; everything below is judged from these bytes."""
    found = []
    with installation(tmp_path_factory.mktemp("recorded")) as live:
        for number in NUMBERS:
            application = household(number).application
            store, case = live.system.store, settled(live, application)
            rows = [(e, tuple(store.blob(d) for d in e.bodies)) for e in store.exchanges(case)]
            found.append(Recorded(dict(application), tuple(rows)))
    return found


def settled(live: Live, application: dict[str, Any]) -> str:
    verification = live.check(application)
    assert live.verdict(verification)["final"]
    return verification


@pytest.fixture
def one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data keys are drawn by lot, and salt the digests of answers: here the lot is the same."""

    def fixed(masters: MasterKeys, scope: str) -> tuple[DataKey, bytes]:
        key = b"k" * 32
        return DataKey(scope, key), masters._wrapped(scope, key)

    monkeypatch.setattr(MasterKeys, "new_data_key", fixed)


def sealed_on(url: str, home: Path, recorded: list[Recorded], now: int) -> list[dict[str, bytes]]:
    """Seal the recorded answers at one instant, and replay: the bytes of everything judged."""
    home.mkdir()
    (home / "master.key").write_text("bWFzdGVyIGtleSBvZiB0aGUgc3ludGhldGljIHRlc3Q=")
    (home / "master.key").chmod(0o600)
    found = []
    settings = Settings(home=home, database_url=url)
    with build(settings, environment={}, clock=lambda: now) as system:
        claims = []
        for one in recorded:
            body = ApplicationIn.model_validate(one.application)
            system.verifications.submit(body, LOCAL)
            claims.append(answered(system.store, one, now))
        for claim in claims:
            system.store.release(claim, now)
        system.start()
        for number, claim in enumerate(claims):
            verification = claim.verification
            system.verifications.wait(verification, LOCAL, 60)
            (verdict,) = system.store.verdicts(verification, LOCAL)
            replayed = system.replays.replay(verification, LOCAL)
            assert replayed.identical, (number, replayed.differences)
            found.append(
                {
                    "sealed input": system.store.blob(verdict.sealed_digest),
                    "verdict": system.store.blob(verdict.verdict_digest),
                    "trace": system.store.blob(verdict.trace_digest),
                    "evidence": verdict.evidence_digest.encode(),
                    "replayed": f"{replayed.verdict_digest} {replayed.trace_digest}".encode(),
                }
            )
    return found


def answered(store: Store, one: Recorded, now: int) -> Claim:
    """What a worker does when every source has answered."""
    (claim,) = store.claim(now, 10, 60_000)
    for row, bodies in one.answers:
        answer = ExchangeAnswer(
            status=row.status,
            transport=EvidenceState(row.transport),
            asked_on="2025-10-09",
            letter=row.letter,
            detail=row.detail,
            ticket=row.ticket,
        )
        store.save_answer(claim, row.source, row.person, answer, bodies, now)
    return claim


@pytest.mark.postgres
def test_both_databases_seal_and_replay_the_same_bytes(
    recorded: list[Recorded], one_key: None, postgres_url: str, tmp_path: Path
) -> None:
    now = now_ms()
    embedded = f"sqlite:///{tmp_path / 'verify.db'}"
    one = sealed_on(embedded, tmp_path / "one", recorded, now)
    other = sealed_on(postgres_url, tmp_path / "other", recorded, now)
    assert len(one) == len(NUMBERS)
    assert one == other
    outcomes = {json.loads(case["verdict"])["outcome"] for case in one}
    assert len(outcomes) > 1, "the households should not all come out alike"
