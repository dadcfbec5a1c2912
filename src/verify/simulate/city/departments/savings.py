"""The housing provident fund and brokers: money that is neither in hand nor in a bank account."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from verify.simulate.city.draws import Draws, Weighted
from verify.simulate.city.spells import jobs
from verify.simulate.city.timeline import LAST, SNAPSHOTS, month
from verify.simulate.city.written import person_columns

# Assumptions: who has an account, and how much is in it.
_FUND_PER_MILLION, _INVESTS_PER_MILLION = 620_000, 140_000
_WORTH_YUAN = Weighted(
    ((5_000, 250), (30_000, 300), (120_000, 280), (500_000, 140), (3_000_000, 30)), pl.Int64()
)


def provident_fund(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`provident_fund`: one account per employment, paid in as long as it lasts."""
    return {"provident_fund": funds(draws, town)}


def funds(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """Accounts with `monthly_deposit` and `balance` (fen)."""
    some = jobs(draws, town).filter(draws.chance("fund", "u", _FUND_PER_MILLION))
    deposit = pl.col("wage") * 14 // 100  # seven per cent from either side: an assumption
    months = draws.between("fund_months", "u", 1, 120)
    return some.select(
        *person_columns(), "n",
        account=pl.format("GJJ{}", (pl.col("u") * 2 + pl.col("n").cast(pl.UInt64))),
        employer="employer",
        monthly_deposit=deposit,
        balance=deposit * pl.when(pl.col("n") == 0).then(months).otherwise(1),
        status=pl.when(pl.col("last") < LAST).then(pl.lit("sealed")).otherwise(pl.lit("paying")),
        known_on=month(pl.col("first")),
        until=pl.lit(None, pl.Date),
    )  # fmt: skip


def securities(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`securities`: what accounts at brokers are worth on the two days of the balances."""
    return {"securities": holdings(draws, town)}


def holdings(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """One row per account and day: `product`, `worth` (fen), `as_of`."""
    some = town.filter(
        pl.col("age").is_between(22, 80) & draws.chance("invests", "u", _INVESTS_PER_MILLION)
    )
    band = draws.weighted("worth_band", "u", _WORTH_YUAN)
    first = draws.below("worth", "u", (band * 100).cast(pl.UInt64)).cast(pl.Int64)
    later = first * draws.between("worth_drift", "u", 60, 150) // 100
    rows = [
        some.select(
            *person_columns(),
            n=pl.lit(place, pl.UInt8),
            account=pl.format("ZQ{}", pl.col("u")),
            broker=draws.one_of("broker", "u", ("示例证券", "虚构基金", "样张证券")),
            product=draws.one_of("product", "u", ("stock", "fund", "cash")),
            worth=worth,
            as_of=pl.lit(SNAPSHOTS[place]),
            known_on=pl.lit(SNAPSHOTS[place]),
            until=pl.lit(SNAPSHOTS[place + 1] if place + 1 < len(SNAPSHOTS) else None, pl.Date),
        )
        for place, worth in enumerate((first, later))
    ]
    return pl.concat(rows)
