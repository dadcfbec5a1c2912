"""kill -9 at any moment: nothing acknowledged is lost, nothing is done twice, all ends well.

`make chaos` runs the same with VERIFY_KILLS=10000 and every system call.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import crash_worker
import pytest

from support.desk import NATIONAL
from verify.service.audit import Audits
from verify.store import Store

COUNT = 20
KILLS = int(os.environ.get("VERIFY_KILLS", "12"))
CALLS = os.environ.get("VERIFY_CALLS", "")  # "all": before every one

# Children come from a server process that has imported everything once.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(
    [
        "pytest",
        "psycopg",
        "crash_worker",
        "sqlalchemy.dialects.sqlite",
        "sqlalchemy.dialects.postgresql.psycopg",
    ]
)

Line = tuple[Any, ...]


def run(url: str, home: Path, steps: int | None, pause: float = 0, work=None) -> list[Line]:
    """Let a worker run, killed `pause` seconds after `steps` steps; what it acknowledged."""
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(
        target=work or crash_worker.work, args=(url, COUNT, theirs, str(home))
    )
    process.start()
    theirs.close()
    assert ours.recv() == ("ready",)
    lines = []
    if steps is not None:
        while len(lines) < steps and (not lines or lines[-1] != ("finished",)):
            lines.append(ours.recv())
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


def test_killed_at_any_moment_nothing_acknowledged_is_lost_or_doubled(fresh_url, tmp_path):
    chance = random.Random(20251009)
    killed = 0
    while killed < KILLS:
        home = tmp_path / f"home{killed}"
        killed += one_round(fresh_url(), home, min(KILLS - killed, 12), chance)
    assert killed == KILLS


def one_round(url: str, home: Path, kills: int, chance: random.Random) -> int:
    """Kill a worker some times while it carries twenty verifications; then let one finish."""
    home.mkdir()
    acknowledged: list[Line] = []
    for _ in range(kills):
        # Every run first repeats its submissions, then works: most kills fall into the work.
        acknowledged += run(
            url, home, chance.randrange(COUNT // 2, COUNT + 9), chance.random() / 200
        )
        with crash_worker.open_store(url, read_only=True) as store:
            check_acknowledged(store, acknowledged)
    acknowledged += run(url, home, None)
    with crash_worker.open_store(url, read_only=True) as store:
        check_acknowledged(store, acknowledged)
        rows, _ = store.list(NATIONAL, limit=200)
        assert len(rows) == COUNT
        assert {(r.state, r.verdict_count) for r in rows} == {("completed", 1)}
        check_log(store, home)
    return kills


def check_log(store: Store, home: Path) -> None:
    """The log and its witness survived together: everything witnessed, nothing contradicted."""
    audits = Audits(store, crash_worker.notary_of(store, home))
    found = audits.check()
    assert found.faults == ()
    assert found.witnessed == found.leaves > 0


def check_acknowledged(store: Store, acknowledged: list[Line]) -> None:
    by_key: dict[int, set[str]] = {}
    for line in acknowledged:
        match line:
            case ("accepted", key, verification):
                by_key.setdefault(key, set()).add(verification)
            case ("answered", verification, source):
                body = f"{verification} {source}".encode()
                (row,) = (e for e in store.exchanges(verification) if e.source == source)
                assert store.document(verification, row.bodies[0], NATIONAL) == body
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


def test_a_worker_written_without_thought_of_crashes_fails_the_same_kills(tmp_path):
    """The negative control: if nothing went wrong here, the test above would prove nothing."""
    chance = random.Random(20251009)
    wrong = 0
    for attempt in range(40):
        file = tmp_path / f"naive{attempt}.db"
        for _ in range(4):
            run(str(file), tmp_path, chance.randrange(COUNT, COUNT * 4), work=crash_worker.naive)
        run(str(file), tmp_path, None, work=crash_worker.naive)
        with sqlite3.connect(file) as db:
            doubled = db.execute(
                "SELECT count(*) FROM (SELECT id FROM verdicts GROUP BY id HAVING count(*) > 1)"
            ).fetchone()[0]
            lost = db.execute("SELECT count(*) FROM cases WHERE done != 2").fetchone()[0]
        db.close()
        wrong += doubled + lost
        if wrong:
            break
    assert wrong > 0


# -- before every system call that changes something ----------------------------------------

SCRIPT = Path(crash_worker.__file__)
CHANGING = "pwrite64,write,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,renameat2,link,linkat"


def traced(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """One check in a process under strace, which follows its threads."""
    words = ["strace", "-f", "-qq", "-e", f"trace={CHANGING}", *options]
    url = f"sqlite:///{folder / 'v.db'}"
    return subprocess.run(
        [*words, sys.executable, str(SCRIPT), url, str(folder), "1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_killed_before_a_write_or_a_sync_the_check_still_ends_well(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    log = tmp_path / "calls"
    done = traced(whole, "-o", str(log))
    assert done.returncode == 0, done.stderr
    calls = len(re.findall(r"^\d+ +(?!\+\+\+|---)", log.read_text(), re.M))
    assert calls > 40
    points = range(1, calls + 1) if CALLS == "all" else range(5, calls + 1, max(calls // 8, 1))
    for number in points:
        folder = tmp_path / f"at{number}"
        folder.mkdir()
        inject = f"inject={CHANGING}:signal=SIGKILL:when={number}"
        traced(folder, "-o", "/dev/null", "-e", inject)
        # Whatever was left behind: the same submission ends well, once.
        crash_worker.carry_all(f"sqlite:///{folder / 'v.db'}", 1, folder, lambda _line: None)
        with crash_worker.open_store(f"sqlite:///{folder / 'v.db'}", read_only=True) as store:
            ((row,), _) = store.list(NATIONAL)
            assert (row.state, row.verdict_count) == ("completed", 1), number
            assert store.check_integrity(row.id, NATIONAL) == (), number
            check_log(store, folder)
