"""The two years of the city: one before the applications, one after them for re-checks.

Months are counted from May 2024 (0) to April 2026 (23); the income window of an application of
May 2025 is months 0 to 11.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

from verify.simulate.earnings import AS_OF

START = dt.date(AS_OF.year - 1, AS_OF.month, 1)
MONTHS, DAYS = 24, 730
LAST = MONTHS - 1
WINDOW = 12
SNAPSHOTS = (dt.date(2025, 4, 30), dt.date(2026, 4, 30))  # of balances


def month(index: pl.Expr) -> pl.Expr:
    """The first day of a month, by its index."""
    since_year_0 = index.cast(pl.Int32) + (START.year * 12 + START.month - 1)
    return pl.date(since_year_0 // 12, since_year_0 % 12 + 1, 1)


def month_of(day: pl.Expr) -> pl.Expr:
    """The index of the month that a day is in (Int32)."""
    return (day.dt.year() - START.year) * 12 + day.dt.month().cast(pl.Int32) - START.month


def day(offset: pl.Expr) -> pl.Expr:
    """A day, by its distance from the first."""
    return pl.lit(START) + pl.duration(days=offset.cast(pl.Int64))
