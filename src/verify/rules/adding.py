"""Sums over the members, supporters or things of a row: unbounded ends and empty rows."""

from __future__ import annotations

import polars as pl

from verify.rules import interval as iv
from verify.rules.interval import Column


def all_of(function: str, item: Column) -> Column:
    """All of it added up: the only row there is."""

    def end(series: pl.Series) -> pl.Series:
        largest = function in ("any", "max")
        total = series.max() if largest else series.sum()
        found = None if series.null_count() else total or 0
        if function == "any":
            return pl.Series("", [bool(found)], dtype=pl.Boolean)
        return pl.Series("", [found], dtype=pl.Int64)

    lo = end(item.lo)
    return Column(lo, lo if item.certain else end(item.hi), item.den)


def both_ends(column: Column) -> tuple[pl.Series, ...]:
    """The ends that differ: one series where the value is certain."""
    return (column.lo,) if column.certain else (column.lo, column.hi)


def nought_where_none(sums: pl.DataFrame) -> pl.DataFrame:
    """Rows that had nobody to add up (null everywhere) have nought, not "unbounded"."""
    names = [c for c in sums.columns if c != "row"]
    flags = [c for c in names if c.endswith(".open")]
    sums = sums.with_columns(pl.col(flags).fill_null(0))
    ends = [c for c in names if c not in flags]
    return sums.with_columns(
        pl.when(pl.col(f"{c}.open") == 0).then(pl.col(c).fill_null(0)).otherwise(c).alias(c)
        if f"{c}.open" in flags
        else pl.col(c).fill_null(0)
        for c in ends
    )


def put_back(sums: pl.DataFrame, name: str) -> pl.Series:
    """A sum, unbounded where something unbounded went into it."""
    total = sums[name]
    if f"{name}.open" in sums.columns:
        total = iv.constant_null(len(total)).zip_with(sums[f"{name}.open"] > 0, total)
    return total
