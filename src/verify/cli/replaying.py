"""Replay in several processes: the results of one process, in its order, in less time.

Each process opens the store for reading by itself and judges whole batches. A batch whose process
is killed is replayed here, so that what one verdict does to a process is found about that one.
"""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from verify.bootstrap import System, build
from verify.cli import logs
from verify.cli.process import for_small_batches
from verify.domain.access import Caller
from verify.domain.errors import VerifyError
from verify.service.replay import ReplayResult, batches
from verify.settings import Settings

WORTH_A_PROCESS = 10
"""Batches for each process at least: starting one, with its rules, costs half as much as that."""
AHEAD = 3
"""Batches given to each process before their results are taken."""

Names = Sequence[str]


def usable_cores() -> int:
    """Processor cores that this process may use."""
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def replay_all(
    system: System,
    caller: Caller,
    sample: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
) -> Iterator[ReplayResult]:
    """`Replays.replay_many` with up to `jobs` processes (default: one a core, where it pays)."""
    parts = batches(system.replays.sealed(caller, sample, seed))
    most = len(parts) if jobs is not None else len(parts) // WORTH_A_PROCESS
    wanted = min(jobs or usable_cores(), most)
    if wanted < 2:
        for part in parts:
            yield from system.replays.replay_batch(part, caller)
        return
    for_small_batches()  # one process a core: threads beside them would get in their way
    with ProcessPoolExecutor(
        wanted,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_open,
        initargs=(system.settings,),
    ) as pool:
        coming = iter(parts)
        under_way: deque[tuple[Names, Future[list[ReplayResult]] | None]] = deque(
            _given(pool, part, caller) for part in itertools.islice(coming, wanted * AHEAD)
        )
        while under_way:
            part, future = under_way.popleft()
            yield from _results(system, part, future, caller)
            under_way.extend(_given(pool, p, caller) for p in itertools.islice(coming, 1))


def _given(
    pool: ProcessPoolExecutor, part: Names, caller: Caller
) -> tuple[Names, Future[list[ReplayResult]] | None]:
    try:
        return part, pool.submit(_replay, part, caller)
    except BrokenProcessPool:
        return part, None


def _results(
    system: System, part: Names, future: Future[list[ReplayResult]] | None, caller: Caller
) -> list[ReplayResult]:
    if future is not None:
        # Broken: killed from outside. A `VerifyError`: the store answers this process, perhaps.
        with contextlib.suppress(BrokenProcessPool, VerifyError):
            return future.result()
    return system.replays.replay_batch(part, caller)


class _Child:
    """The system of a process that replays for another."""

    system: System


def _open(settings: Settings) -> None:
    logs.quiet()
    for_small_batches()  # the threads were inherited, the collector's setting is not
    _Child.system = build(settings, worker=False, read_only=True)


def _replay(part: Names, caller: Caller) -> list[ReplayResult]:
    return _Child.system.replays.replay_batch(part, caller)
