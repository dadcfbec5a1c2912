"""Many at once change nothing: not in what is sealed, not in what a replay finds."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.live import household, installation
from verify.bootstrap import build
from verify.cli.replaying import replay_all
from verify.domain.access import LOCAL
from verify.service import replay
from verify.settings import Settings

NUMBERS = ("01", "03", "05", "07")


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """Each household judged alone, then each three times, all at once; nothing runs any more."""
    home = tmp_path_factory.mktemp("together")
    applications = {n: household(n).application for n in NUMBERS}
    with installation(home) as live:
        alone = {n: live.check(applications[n]) for n in NUMBERS}
        with ThreadPoolExecutor(len(NUMBERS) * 3) as pool:
            work = list(NUMBERS) * 3
            ids = list(pool.map(lambda n: live.check(applications[n]), work))
        documents = live.system.verifications.documents

        def told(verification):
            """Verdict and trace; an answer bears the number of its request, so not its digest."""
            found = documents(verification, LOCAL, sequence=1)
            del found.verdict["digests"]["evidence"]
            for row in found.verdict["coverage"]:
                del row["bodies"]
            return found.verdict, found.trace_bytes

        one = {n: told(v) for n, v in alone.items()}
        together = [(n, told(v)) for n, v in zip(work, ids, strict=True)]
    return home, one, together


def test_judged_at_once_every_verdict_and_trace_is_as_judged_alone(sealed):
    _, alone, together = sealed
    assert len({trace for _, trace in alone.values()}) == len(NUMBERS)
    assert all(found == alone[number] for number, found in together)


@pytest.fixture
def reader(sealed, monkeypatch):
    """The store opened for reading; every verification is a batch of its own."""
    monkeypatch.setattr(replay, "BATCH", 1)
    with build(Settings(home=sealed[0]), worker=False, read_only=True) as system:
        yield system


def test_sealed_together_replayed_one_by_one_and_in_two_processes_no_byte_differs(reader):
    one = list(replay_all(reader, LOCAL, jobs=1))
    assert len({r.verification for r in one}) == len(NUMBERS) * 4
    assert all(r.identical for r in one)
    assert list(replay_all(reader, LOCAL, jobs=2)) == one
    drawn = list(replay_all(reader, LOCAL, sample=5, seed=3, jobs=1))
    assert len({r.verification for r in drawn}) == 5
    assert list(replay_all(reader, LOCAL, sample=5, seed=3, jobs=2)) == drawn


def test_a_process_that_cannot_even_begin_costs_no_result(reader, monkeypatch, tmp_path):
    one = list(replay_all(reader, LOCAL, jobs=1))
    monkeypatch.setattr(reader, "settings", Settings(home=tmp_path / "nowhere"))
    assert list(replay_all(reader, LOCAL, jobs=2)) == one


def test_one_altered_verdict_is_found_and_the_others_are_replayed(sealed, reader):
    one = list(replay_all(reader, LOCAL, jobs=1))
    broken = one[len(one) // 2]
    with sqlite3.connect(sealed[0] / "verify.db") as db:
        (body,) = db.execute(
            "SELECT body FROM blobs WHERE digest = ?", [broken.trace_digest]
        ).fetchone()
        change = "UPDATE blobs SET body = ? WHERE digest = ?"
        db.execute(change, [body[:-1] + bytes([body[-1] ^ 1]), broken.trace_digest])
    db.close()
    try:
        found = list(replay_all(reader, LOCAL, jobs=2))
    finally:
        with sqlite3.connect(sealed[0] / "verify.db") as db:
            db.execute(change, [body, broken.trace_digest])
        db.close()
    assert [r.verification for r in found] == [r.verification for r in one]
    # Identical verdicts share a trace, which is stored once.
    for before, after in zip(one, found, strict=True):
        assert after.identical == (before.trace_digest != broken.trace_digest)
    assert any(not r.identical for r in found)
