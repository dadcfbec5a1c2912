"""Connected components of candidate pairs, and clusters within one register."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import polars as pl

Edge = tuple[int, int, int]


def components(pairs: pl.DataFrame) -> Iterator[list[Edge]]:
    """Lists of `(l, r, score)` that hang together; `l` and `r` number different rows.

    In the order of each component's smallest left row, edges sorted: the same for any order of
    `pairs`.
    """
    edges = sorted(pairs.select("l", "r", "score").iter_rows())
    roots = _Roots()
    for left, right, _ in edges:
        roots.join(2 * left, 2 * right + 1)
    grouped: dict[int, list[Edge]] = defaultdict(list)
    for edge in edges:
        grouped[roots.of(2 * edge[0])].append(edge)
    yield from grouped.values()


def groups(pairs: pl.DataFrame) -> list[list[int]]:
    """Rows of one register that hang together by `pairs`, each list sorted."""
    roots = _Roots()
    edges = sorted(pairs.select("l", "r").iter_rows())
    for a, b in edges:
        roots.join(a, b)
    found: dict[int, set[int]] = defaultdict(set)
    for a, b in edges:
        found[roots.of(a)] |= {a, b}
    return [sorted(rows) for rows in found.values()]


class _Roots:
    """Union-find with path halving."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def of(self, node: int) -> int:
        above = self._above
        root = node
        while (up := above.setdefault(root, root)) != root:
            above[root] = above.setdefault(up, up)
            root = above[root]
        return root

    def join(self, a: int, b: int) -> None:
        x, y = self.of(a), self.of(b)
        if x != y:
            self._above[max(x, y)] = min(x, y)


def clusters(rows: Iterable[int], weights: Mapping[tuple[int, int], int]) -> list[list[int]]:
    """Partition rows so that little evidence is contradicted (greedy additive edge contraction).

    `weights` of pairs `(l, r)`, `l < r`: positive joins, negative parts, absent says nothing. The
    two clusters with the largest sum of weights between them are joined until no sum is positive
    (Keuper et al., 2015). Ties go to the smallest row numbers.
    """
    members = {row: [row] for row in sorted(rows)}
    between: dict[int, dict[int, int]] = {row: {} for row in members}
    for (a, b), weight in sorted(weights.items()):
        between[a][b] = between[b][a] = weight
    while True:
        best = max(
            (
                (weight, -min(a, b), -max(a, b))
                for a, others in between.items()
                for b, weight in others.items()
                if a < b
            ),
            default=(0, 0, 0),
        )
        if best[0] <= 0:
            return sorted(sorted(m) for m in members.values())
        keep, gone = -best[1], -best[2]
        members[keep] += members.pop(gone)
        for other, weight in between.pop(gone).items():
            if other == keep:
                continue
            total = between[keep].get(other, 0) + weight
            between[keep][other] = between[other][keep] = total
            del between[other][gone]
        del between[keep][gone]
