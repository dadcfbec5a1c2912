"""The geometry of the small drawings of a page, in thousandths of the drawing's width.

Only geometry: colours and hatching are the style sheet's. Integers throughout, so that a report
drawn twice is the same page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Span:
    """A horizontal stretch of a drawing."""

    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Gauge:
    """A value against its limit.

    `certain` runs from zero to what is certain, `doubt` on to what is possible; `limit` is a
    line (width 0) or, where the limit itself is not known exactly, a band; `None` if nothing is
    known of it. `beyond` says that the doubt has no upper end.
    """

    certain: Span
    doubt: Span | None
    limit: Span | None
    beyond: bool


def gauge(value: tuple[int | None, int | None], limit: tuple[int | None, int | None]) -> Gauge:
    """Draw the interval `value` against the interval `limit` (`None`: no end on that side)."""
    low, high = max(0, value[0] or 0), value[1]
    ends = [abs(v) for v in (low, high, *limit) if v is not None]
    # Head-room beyond the largest figure, so that a limit never coincides with the edge.
    full = max([*ends, 1]) * 5 // 4 + 1

    def at(amount: int) -> int:
        return max(0, min(WIDTH, amount * WIDTH // full))

    end = WIDTH if high is None else at(max(0, high))
    doubt = Span(at(low), end - at(low)) if high != low else None
    return Gauge(Span(0, at(low)), doubt, _limit(limit, at), beyond=high is None)


def _limit(limit: tuple[int | None, int | None], at: Callable[[int], int]) -> Span | None:
    low, high = limit
    if high is None and low in (None, 0):
        return None  # nothing is known of it
    start = at(low) if low is not None else 0
    end = at(high) if high is not None else WIDTH
    return Span(start, max(0, end - start))


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of a waterfall: from the sum before it to the sum after it."""

    bar: Span
    up: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The steps of a sum, its total, and where zero lies."""

    steps: tuple[Step, ...]
    total: Step
    zero: int


def waterfall(prior: int, weights: Sequence[int]) -> Waterfall:
    """Draw `prior + sum(weights)`: the first step is the prior, then one per weight."""
    sums = [0, prior]
    for weight in weights:
        sums.append(sums[-1] + weight)
    low, high = min(sums), max(sums)
    full = max(high - low, 1)

    def at(amount: int) -> int:
        return (amount - low) * WIDTH // full

    def step(start: int, end: int) -> Step:
        left, right = sorted((at(start), at(end)))
        return Step(Span(left, max(right - left, 4)), up=end >= start)

    steps = tuple(step(a, b) for a, b in pairwise(sums))
    return Waterfall(steps, step(0, sums[-1]), at(0))


COLUMN_HEIGHT = 100


@dataclass(frozen=True, slots=True)
class Column:
    """One hour: a column of what was asked, the part without an answer at its foot."""

    x: int
    width: int
    height: int
    bad: int


def columns(hours: Sequence[tuple[int, int]]) -> tuple[Column, ...]:
    """Draw (asked, of these without an answer) hour by hour, oldest first.

    Heights are in hundredths of the largest hour; whatever occurred is at least a line.
    """
    full = max((asked for asked, _ in hours), default=0) or 1
    step = WIDTH // max(len(hours), 1)

    def high(count: int) -> int:
        return max(count * COLUMN_HEIGHT // full, 2) if count else 0

    return tuple(
        Column(i * step, step - 4, high(asked), min(high(bad), high(asked)))
        for i, (asked, bad) in enumerate(hours)
    )
