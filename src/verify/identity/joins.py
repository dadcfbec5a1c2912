"""Rows of two sides joined by shared keys, with the size of every block.

Keys are codes, so most joins need no hashing: where a rule has one key, rows are counted and found
by their code. The order of what comes out says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

Codes = NDArray[np.int64]


def block_sizes(
    left: pl.DataFrame, right: pl.DataFrame, names: Sequence[str], *, dedupe: bool
) -> pl.DataFrame:
    """The key columns `names` and `pairs` of every block that holds a pair, in any order.

    A register held against itself meets each pair twice, and each row itself: `dedupe` counts
    each pair once.
    """
    if len(names) == 1:
        counts = [_counted(side[names[0]], _width(left, right, names[0])) for side in (left, right)]
        keys = np.flatnonzero(counts[0] * counts[1])
        both = pl.DataFrame(
            {names[0]: keys.astype(np.uint32), "nl": counts[0][keys], "nr": counts[1][keys]}
        )
    else:
        sides = [
            side.group_by(names).agg(pl.len().cast(pl.Int64).alias(size))
            for side, size in ((left, "nl"), (right, "nr"))
        ]
        both = sides[0].join(sides[1], on=names)
    pairs = pl.col("nl") * pl.col("nr")
    once = (pairs - pl.min_horizontal("nl", "nr")) // 2
    return both.select(*names, (once if dedupe else pairs).alias("pairs")).filter(
        pl.col("pairs") > 0
    )


def joined(
    left: pl.DataFrame, right: pl.DataFrame, names: Sequence[str], *, dedupe: bool
) -> pl.DataFrame:
    """`l` and `r`: rows that share all keys; against itself each pair once, with `l < r`."""
    if len(names) == 1:
        pairs = _by_code(left, right, names[0])
    else:
        pairs = left.join(right.rename({"row": "r"}), on=names, how="inner").select(
            l=pl.col("row"), r=pl.col("r")
        )
    return pairs.filter(pl.col("l") < pl.col("r")) if dedupe else pairs


def _by_code(left: pl.DataFrame, right: pl.DataFrame, name: str) -> pl.DataFrame:
    width = _width(left, right, name)
    rows, keys = right["row"].to_numpy(), right[name].to_numpy()
    each = _counted(right[name], width)
    place = np.zeros(width, dtype=np.uint32)
    place[keys] = rows
    times = each[left[name].to_numpy()]
    pairs = left.filter(pl.Series(times == 1)).select(
        l="row", r=pl.lit(pl.Series(place)).gather(pl.col(name))
    )
    if (times <= 1).all():
        return pairs
    several = left.filter(pl.Series(times > 1))
    others = right.filter(pl.Series(each[keys] > 1))
    met = several.join(others.rename({"row": "r"}), on=name, how="inner")
    return pl.concat([pairs, met.select(l="row", r="r")])


def _width(left: pl.DataFrame, right: pl.DataFrame, name: str) -> int:
    return 1 + max((int(side[name].max() or 0) for side in (left, right)), default=0)  # type: ignore[arg-type]  # codes


def _counted(codes: pl.Series, width: int) -> Codes:
    return np.bincount(codes.to_numpy(), minlength=width).astype(np.int64)
