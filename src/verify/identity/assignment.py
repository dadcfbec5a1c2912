"""Exact assignment of maximum weight in small bipartite components, in integers.

The Hungarian method (Kuhn, 1955; with potentials, Jonker and Volgenant, 1987), here because the
components of candidate pairs are tiny (most hold one pair), scores are integers that must not
become floats, and no dependency offers an integer solver without a numerical stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Edge = tuple[int, int]


def best_assignment(weights: Mapping[Edge, int]) -> set[Edge]:
    """Pairs of a one-to-one assignment with the largest sum of positive weights.

    Rows and columns may stay alone. Of equal sums the choice depends on the numbers of the rows
    and columns only, not on the order of `weights`. Cost: cubic in the smaller side.
    """
    rows = sorted({r for r, _ in weights})
    columns = sorted({c for _, c in weights})
    if len(rows) > len(columns):
        turned = best_assignment({(c, r): w for (r, c), w in weights.items()})
        return {(r, c) for c, r in turned}
    gain = [[max(0, weights.get((r, c), 0)) for c in columns] for r in rows]
    chosen = _hungarian(gain)
    return {
        (rows[i], columns[j])
        for i, j in enumerate(chosen)
        if weights.get((rows[i], columns[j]), 0) > 0
    }


def _hungarian(gain: Sequence[Sequence[int]]) -> list[int]:
    """For each row its column, so that the sum of gains is largest; rows <= columns."""
    height, width = len(gain), len(gain[0])
    row_price, column_price = [0] * (height + 1), [0] * (width + 1)
    held = [0] * (width + 1)  # row (from 1) that holds each column; 0: nobody
    for row in range(1, height + 1):
        held[0] = row
        way = _augment(gain, row_price, column_price, held)
        at = way.pop("end")
        while at:
            before = way[str(at)]
            held[at] = held[before]
            at = before
    chosen = [0] * height
    for column in range(1, width + 1):
        if held[column]:
            chosen[held[column] - 1] = column - 1
    return chosen


def _augment(
    gain: Sequence[Sequence[int]],
    row_price: list[int],
    column_price: list[int],
    held: list[int],
) -> dict[str, int]:
    """Cheapest path from the new row to a free column; prices are updated on the way."""
    width = len(column_price) - 1
    slack: list[int | None] = [None] * (width + 1)
    used, way, at = [False] * (width + 1), {}, 0
    while held[at]:
        used[at] = True
        row, step, following = held[at], None, 0
        for column in range(1, width + 1):
            if used[column]:
                continue
            cost = -gain[row - 1][column - 1] - row_price[row] - column_price[column]
            known = slack[column]
            if known is None or cost < known:
                slack[column], way[str(column)] = cost, at
                known = cost
            if step is None or known < step:
                step, following = known, column
        assert step is not None  # noqa: S101  # there are at least as many columns as rows
        for column in range(width + 1):
            if used[column]:
                row_price[held[column]] += step
                column_price[column] -= step
            elif (known := slack[column]) is not None:
                slack[column] = known - step
        at = following
    return {**way, "end": at}
