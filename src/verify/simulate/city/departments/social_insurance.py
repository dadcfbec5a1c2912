"""Social insurance: contributions, pensions and other payouts, notices of death."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.draws import Draws
from verify.simulate.city.spells import dated, jobs
from verify.simulate.city.timeline import LAST, month_of
from verify.simulate.city.written import person_columns

_INSURED_PER_MILLION = 800_000  # of employments: an assumption
_NOTICE_LAG_MONTHS = 4  # a pension may run on for so long after death


def tables(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`contributions`, `payouts` (fen a month over a stretch of months) and `statuses`."""
    return {
        "contributions": dated(draws, _contributions(draws, town)),
        "payouts": dated(draws, payouts(draws, town)),
        "statuses": _statuses(draws, town),
    }


def _contributions(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    insured = jobs(draws, town).filter(draws.chance("insured", "u", _INSURED_PER_MILLION))
    return insured.select(
        *person_columns(),
        "died_on",
        "n",
        "first",
        "last",
        "employer",
        base=pl.col("wage") * 11 // 10,
    )


def payouts(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """Pensions and unemployment benefit: `n`, `first`, `last`, `item`, `amount`, `central_basic`.

    Pensions run on after a death until the office hears of it: what was paid, not what was due.
    """
    old = town.filter(pl.col("work") == "pensioner")
    employee = draws.chance("employee_pension", "u", marginals.EMPLOYEE_PENSION_PER_MILLION)
    lag = draws.between("notice_lag", "u", 0, _NOTICE_LAG_MONTHS).cast(pl.Int32)
    last = (
        pl.when(pl.col("died_on").is_null())
        .then(LAST)
        .otherwise(pl.min_horizontal(month_of(pl.col("died_on")) + lag, pl.lit(LAST, pl.Int32)))
    )
    pensions = old.select(
        *person_columns(),
        n=pl.lit(0, pl.UInt8), first=pl.lit(0, pl.Int32), last=last.cast(pl.Int32),
        item=pl.when(employee).then(pl.lit("employee_pension"))
        .otherwise(pl.lit("resident_pension")),
        amount=pl.when(employee).then(draws.between("pension", "u", 1_800, 8_000) * 100)
        .otherwise(draws.between("small_pension", "u", 1_100, 1_900) * 100),
        central_basic=pl.when(employee).then(0)
        .otherwise(draws.between("central", "u", 100, 200) * 100),
    )  # fmt: skip
    out_of_work = town.filter(
        (pl.col("work") == "unemployed") & draws.chance("benefit", "u", 500_000)
    )
    months = draws.between("benefit_months", "u", 3, 24).cast(pl.Int32) - 1
    found = pl.coalesce(pl.col("job_first") - 1, pl.lit(LAST, pl.Int32))
    benefit = out_of_work.select(
        *person_columns(),
        n=pl.lit(1, pl.UInt8), first=pl.lit(0, pl.Int32),
        last=pl.min_horizontal(months, found).cast(pl.Int32),
        item=pl.lit("unemployment"),
        amount=draws.between("benefit_amount", "u", 1_700, 2_200) * 100,
        central_basic=pl.lit(0, pl.Int64),
    )  # fmt: skip
    return pl.concat([pensions.cast({"central_basic": pl.Int64}), benefit])


def _statuses(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    lag = draws.between("notice_lag", "u", 0, _NOTICE_LAG_MONTHS)
    dead = town.filter(pl.col("died_on").is_not_null() & (pl.col("work") == "pensioner"))
    return dead.select(
        *person_columns(),
        n=pl.lit(0, pl.UInt8),
        deceased_on=pl.col("died_on"),
        known_on=pl.col("died_on") + pl.duration(days=lag * 30 + 5),
        until=pl.lit(None, pl.Date),
    )
