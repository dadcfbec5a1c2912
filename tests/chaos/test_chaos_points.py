"""kill -9 at every named point of a day, and before every operation on its files.

`make chaos` takes every time that a point is reached, and every operation (VERIFY_POINTS=all).
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import chaos_house
import chaos_points
import pytest
from chaos_house import MASTER, Plan
from chaos_points import COMMITS, OLD_MASTER, POINTS

import verify.store
from support import forks
from support.disk import Disk
from verify.service.clock import now_ms

ALL = os.environ.get("VERIFY_POINTS", "") == "all"
OPERATIONS = 50
"""Operations before which `make test` kills."""


@pytest.fixture(scope="module")
def processes():
    return forks.server("chaos_house", "chaos_points")


@pytest.fixture
def begun(fresh_url, tmp_path, answers):
    """A new installation each time: its plan, under a master key that is about to be changed."""
    count = 0

    def make() -> Plan:
        nonlocal count
        count += 1
        home = tmp_path / f"home{count}"
        home.mkdir()
        first = Plan(fresh_url(), home, answers, f"file:{home / 'witness'}", masters=OLD_MASTER)
        chaos_points.begin(first)
        return replace(first, masters=f"{MASTER}\n{OLD_MASTER}")

    return make


def test_every_place_that_commits_has_a_name():
    """A new one: name it in `chaos_points.COMMITS`, and let `chaos_points.day` pass it."""
    folder = Path(verify.store.__file__).parent
    assert chaos_points.commits_in(folder) == set(COMMITS)


def lived(plan: Plan, reached: list[str]) -> None:
    """A whole day in a process of its own is not needed to see which points it passes."""
    from verify.store.writer import GroupWriter, PooledWriter

    before = GroupWriter.run, PooledWriter.run
    chaos_points.install(reached.append)
    try:
        chaos_points.day(plan, now_ms())
    finally:
        GroupWriter.run, PooledWriter.run = before


def died(process, count: int, *, surely: bool = True) -> bool:
    """Whether it was killed; unless `surely`, it may also have lived its day to the end."""
    process.start()
    process.join(300)
    code = process.exitcode
    process.close()
    assert code == -signal.SIGKILL or (code == 0 and not surely), (count, code)
    return code == -signal.SIGKILL


def test_killed_at_every_named_point_the_day_still_ends_well(begun, processes):
    plan, reached = begun(), []
    lived(plan, reached)
    assert chaos_points.after(plan) == []
    times = Counter(reached)
    assert set(times) == set(POINTS)

    killed = 0
    for point in POINTS:
        for time in range(1, (times[point] if ALL else 1) + 1):
            plan = begun()
            process = processes.Process(target=chaos_points.killed_at, args=(plan, point, time))
            # Commits that come together are grouped: no two days pass a point equally often.
            killed += died(process, time, surely=time == 1)
            assert chaos_points.after(plan) == [], (point, time)
    print(f"\n{killed} kills at {len(POINTS)} points")
    assert killed >= len(POINTS)


def before_operation(plan: Plan, number: int) -> None:
    """A process that is killed before its `number`th operation on a file."""
    left = number

    def count(_operation: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    chaos_house._quiet()
    with Disk(plan.home, count).attached():
        chaos_points.day(plan, now_ms())


def test_killed_before_a_write_a_sync_or_a_deletion_the_day_still_ends_well(
    tmp_path, answers, processes
):
    home = tmp_path / "begun"
    home.mkdir()
    first = Plan(f"sqlite:///{home / 'v.db'}", home, answers, "", masters=OLD_MASTER)
    chaos_points.begin(first)

    def copy(number: int) -> Plan:
        place = tmp_path / f"at{number}"
        shutil.copytree(home, place)
        return Plan(
            f"sqlite:///{place / 'v.db'}", place, answers, "", masters=f"{MASTER}\n{OLD_MASTER}"
        )

    whole, operations = copy(0), []
    with Disk(whole.home, operations.append).attached():
        chaos_points.day(whole, now_ms())
    assert chaos_points.after(whole) == []
    kinds = Counter(o.kind for o in operations)
    assert {"write", "sync", "delete", "rename", "link", "truncate"} <= set(kinds)

    # Two days never take quite the same number of operations, least of all on a busy machine:
    # the last third may find the day at its end.
    last = len(operations) * 9 // 10
    numbers = range(1, last + 1) if ALL else range(3, last + 1, max(last // OPERATIONS, 1))
    killed = 0
    for number in numbers:
        plan = copy(number)
        process = processes.Process(target=before_operation, args=(plan, number))
        killed += died(process, number, surely=number <= len(operations) * 2 // 3)
        assert chaos_points.after(plan) == [], number
        shutil.rmtree(plan.home)
    print(f"\n{killed} kills before operations of {len(operations)}: {dict(kinds)}")
    assert len(numbers) >= OPERATIONS
    assert killed >= len(numbers) * 3 // 4
