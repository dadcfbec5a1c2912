"""kill -9 at any moment: nothing acknowledged is lost, nothing is done twice, all ends well."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from typing import Any

import crash_worker

from support.desk import NATIONAL
from verify.domain.canonical import digest_bytes
from verify.store import Store

COUNT = 20
KILLS = 12

# Children come from a server process that has imported everything once.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    [
        "pytest",
        "psycopg",
        "verify.store",
        "sqlalchemy.dialects.sqlite",
        "sqlalchemy.dialects.postgresql.psycopg",
    ]
)

Line = tuple[Any, ...]


def run(url: str, steps: int | None, pause: float = 0) -> list[Line]:
    """Let a worker run, killed `pause` seconds after `steps` steps; what it acknowledged."""
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=crash_worker.work, args=(url, COUNT, theirs))
    process.start()
    theirs.close()
    assert ours.recv() == ("ready",)
    lines = []
    if steps is not None:
        lines = [ours.recv() for _ in range(steps)]
        time.sleep(pause)
        process.kill()
    lines += until_end(ours)
    process.join(60)
    if steps is None:
        assert process.exitcode == 0
        assert lines[-1] == ("finished",)
    process.close()
    ours.close()
    return lines


def until_end(pipe):
    while True:
        try:
            yield pipe.recv()
        except (EOFError, OSError):
            return


def test_killed_at_any_moment_nothing_acknowledged_is_lost_or_doubled(database_url):
    chance = random.Random(20251009)
    acknowledged: list[Line] = []
    for _ in range(KILLS):
        # Every run first repeats its submissions, then works: most kills fall into the work.
        acknowledged += run(
            database_url, chance.randrange(COUNT // 2, COUNT + 9), chance.random() / 200
        )
        with Store.open(database_url, read_only=True) as store:
            check_acknowledged(store, acknowledged)
    assert ("finished",) not in acknowledged
    acknowledged += run(database_url, None)
    with Store.open(database_url, read_only=True) as store:
        check_acknowledged(store, acknowledged)
        rows, _ = store.list(NATIONAL, limit=200)
        assert len(rows) == COUNT
        assert {(r.state, r.verdict_count) for r in rows} == {("completed", 1)}


def check_acknowledged(store: Store, acknowledged: list[Line]) -> None:
    by_key: dict[int, set[str]] = {}
    for line in acknowledged:
        match line:
            case ("accepted", key, verification):
                by_key.setdefault(key, set()).add(verification)
            case ("answered", verification, source):
                body = f"{verification} {source}".encode()
                assert store.document(verification, digest_bytes(body), NATIONAL) == body
            case ("sealed", verification):
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
