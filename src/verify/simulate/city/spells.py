"""Stretches of months in which somebody earned or drew the same amount every month."""

from __future__ import annotations

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.draws import Draws, Weighted
from verify.simulate.city.timeline import LAST, month, month_of

# Wages around the mean, per thousand of it: an assumed shape with a mean of about 1.
_AROUND = Weighted(
    ((400, 10), (550, 20), (700, 22), (850, 15), (1_000, 10), (1_300, 10), (1_700, 7),
     (2_400, 4), (4_000, 2)), pl.Int64(),
)  # fmt: skip
_FIRMS = (
    "申邻超市", "顺达仓储", "明洁物业", "安心养老", "金麦食品", "迅捷速递", "永固五金", "平安停车",
    "云帆软件", "鸿源装饰", "联创机电", "美味餐饮", "宏图印务", "晨光教育", "蓝海物流", "恒信会计",
)  # fmt: skip
_REPORTED_AFTER = 20  # days after the month's end, and up to as many again


def until_death(last: pl.Expr | int) -> pl.Expr:
    """The last month of something that ends with death."""
    end = pl.lit(last, pl.Int32) if isinstance(last, int) else last
    died = month_of(pl.col("died_on"))
    return pl.when(pl.col("died_on").is_null()).then(end).otherwise(pl.min_horizontal(end, died))


def jobs(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """Employments: `n`, `first`, `last` (months), `wage` (fen a month), `employer`."""
    work = pl.col("work")
    first_job = town.filter(work == "worker").with_columns(
        n=pl.lit(0, pl.UInt8), first=pl.lit(0, pl.Int32),
        last=pl.coalesce("job_last", until_death(LAST)),
    )  # fmt: skip
    next_job = town.filter(pl.col("job_first").is_not_null()).with_columns(
        n=pl.lit(1, pl.UInt8), first=pl.col("job_first"), last=until_death(LAST)
    )
    both = pl.concat([first_job, next_job]).filter(pl.col("last") >= pl.col("first"))
    both = both.with_columns(job=pl.col("u") * 2 + pl.col("n").cast(pl.UInt64))
    private = draws.chance("private", "job", marginals.PRIVATE_PER_MILLION)
    mean = (
        pl.when(private)
        .then(marginals.WAGE_PRIVATE_YUAN * 100 // 12)
        .otherwise(marginals.WAGE_OTHER_YUAN * 100 // 12)
    )
    around = draws.weighted("wage", "job", _AROUND) + draws.between("wage+", "job", 0, 89)
    return both.with_columns(
        wage=mean * around // 1000, employer=employer(draws, "employer", "job")
    ).drop("job")


def employer(draws: Draws, column: str, row: str) -> pl.Expr:
    """One of sixteen thousand employers that do not exist."""
    firm = draws.one_of(column, row, _FIRMS)
    return firm + draws.below(f"{column}#", row, 1000).cast(pl.String) + pl.lit("号有限公司")


def dated(draws: Draws, frame: pl.DataFrame) -> pl.DataFrame:
    """Turn `first` and `last` into days; say when the department knew.

    `first_month`, `last_month` (null: still running when the two years end), `known_on`: the
    month after the first, when it was reported; `until` is null, the months say it all. What ends
    with death needs `died_on`: it does not run on from the very last month.
    """
    ends = pl.col("last") < LAST
    if "died_on" in frame.columns:
        ends = ends | pl.col("died_on").is_not_null()
    wait = draws.between("reported", "u", _REPORTED_AFTER, 2 * _REPORTED_AFTER)
    return frame.with_columns(
        first_month=month(pl.col("first")),
        last_month=pl.when(ends).then(month(pl.col("last"))),
        known_on=month(pl.col("first") + 1) + pl.duration(days=wait),
        until=pl.lit(None, pl.Date),
    ).drop("first", "last", "died_on", strict=False)


def months_in(first: int, last: int) -> pl.Expr:
    """How many months of a spell (`first`, `last`) lie between two months, both included."""
    low = pl.max_horizontal(pl.col("first"), pl.lit(first, pl.Int32))
    high = pl.min_horizontal(pl.col("last"), pl.lit(last, pl.Int32))
    return pl.max_horizontal(high - low + 1, pl.lit(0, pl.Int32)).cast(pl.Int64)
