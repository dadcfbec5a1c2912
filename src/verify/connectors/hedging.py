"""A second address of the same register: as help when the first is slow, or to compare both."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

T = TypeVar("T")


def first_good(
    pool: Executor,
    first: Callable[[], T],
    second: Callable[[], T],
    *,
    after_seconds: float,
    good: Callable[[T], bool],
) -> T:
    """The first good result; the second is only begun when the first was not good in time.

    Where neither is good, the first one's result says why. What is still under way is left to
    end by its own deadline.
    """
    one = pool.submit(first)
    wait([one], timeout=after_seconds)
    if one.done() and good(one.result()):
        return one.result()
    waiting: set[Future[T]] = {one, pool.submit(second)}
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for ended in done:
            if good(ended.result()):
                return ended.result()
    return one.result()


def both(pool: Executor, first: Callable[[], T], second: Callable[[], T]) -> tuple[T, T]:
    """Both results, asked for at the same time."""
    one, two = pool.submit(first), pool.submit(second)
    return one.result(), two.result()
