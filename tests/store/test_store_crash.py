"""kill -9 at any moment: nothing acknowledged is lost, nothing is done twice, all ends well."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from support.desk import NATIONAL
from verify.domain.canonical import digest_bytes
from verify.store import Store

WORKER = Path(__file__).with_name("crash_worker.py")
COUNT = 25
KILLS = 5


def run(url: str, kill_after: float | None) -> list[list[str]]:
    """Let a worker run, killed `kill_after` seconds after it was ready; what it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, str(WORKER), url, str(COUNT)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if kill_after is not None:
            time.sleep(kill_after)
            process.kill()
        lines = process.stdout.read().splitlines()
    if kill_after is None:
        assert process.returncode == 0
        assert lines[-1] == "finished"
    return [line.split() for line in lines]


def test_killed_at_any_moment_nothing_acknowledged_is_lost_or_doubled(database_url):
    chance = random.Random(20251009)
    acknowledged: list[list[str]] = []
    for _ in range(KILLS):
        acknowledged += run(database_url, chance.uniform(0.0, 0.4))
        with Store.open(database_url, read_only=True) as store:
            check_acknowledged(store, acknowledged)
    acknowledged += run(database_url, None)
    with Store.open(database_url, read_only=True) as store:
        check_acknowledged(store, acknowledged)
        rows, _ = store.list(NATIONAL, limit=200)
        assert len(rows) == COUNT
        assert {(r.state, r.verdict_count) for r in rows} == {("completed", 1)}


def check_acknowledged(store: Store, acknowledged: list[list[str]]) -> None:
    by_key: dict[str, set[str]] = {}
    for line in acknowledged:
        match line:
            case ["accepted", key, verification]:
                by_key.setdefault(key, set()).add(verification)
            case ["answered", verification, source]:
                body = f"{verification} {source}".encode()
                assert store.document(verification, digest_bytes(body), NATIONAL) == body
            case ["sealed", verification]:
                assert len(store.verdicts(verification, NATIONAL)) == 1
    assert all(len(found) == 1 for found in by_key.values())
    rows, _ = store.list(NATIONAL, limit=200)
    assert {v for found in by_key.values() for v in found} <= {r.id for r in rows}
    for row in rows:
        assert store.check_integrity(row.id, NATIONAL) == ()
        kinds = Counter(e.kind for e in store.ledger(row.id, NATIONAL))
        assert kinds["accepted"] == 1
        assert kinds["verdict"] <= 1
        assert kinds["answered"] <= 2
