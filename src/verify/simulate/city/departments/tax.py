"""The tax office: incomes by the month, and roles in registered enterprises."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.draws import Draws, Weighted
from verify.simulate.city.spells import dated, jobs, until_death
from verify.simulate.city.timeline import LAST, START
from verify.simulate.city.written import person_columns

_TAKINGS_YUAN = Weighted(
    ((800, 30), (2_500, 30), (6_000, 25), (15_000, 12), (40_000, 3)), pl.Int64()
)
_ROLES = ("legal_representative", "shareholder", "supervisor", "finance")


def tables(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`tax_incomes` (fen a month over a stretch of months) and `tax_roles`."""
    return {"tax_incomes": _incomes(draws, town), "tax_roles": _roles(draws, town)}


def incomes(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """Everything on which tax was declared: `n`, `first`, `last`, `item`, `payer`, `amount`."""
    wages = jobs(draws, town).select(
        *person_columns(), "died_on", "n", "first", "last",
        item=pl.lit("wage"), payer=pl.col("employer"), amount=pl.col("wage"),
    )  # fmt: skip
    takings = draws.weighted("takings", "u", _TAKINGS_YUAN) * 100
    takings = takings + draws.between("takings+", "u", 0, 49_999)
    trade = _running(
        town.filter(pl.col("work") == "trader"), n=2, item="business", payer="个体经营",
        amount=takings,
    )  # fmt: skip
    lets = draws.chance("lets", "u", 15_000) & (pl.col("age") >= 25)
    rent = _running(
        town.filter(lets), n=3, item="rent", payer="示例房屋租赁",
        amount=draws.between("rent", "u", 150_000, 900_000),
    )  # fmt: skip
    return pl.concat([wages, trade, rent])


def _incomes(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    return dated(draws, incomes(draws, town))


def _running(some: pl.DataFrame, *, n: int, item: str, payer: str, amount: pl.Expr) -> pl.DataFrame:
    return some.select(
        *person_columns(), "died_on",
        n=pl.lit(n, pl.UInt8), first=pl.lit(0, pl.Int32), last=until_death(LAST),
        item=pl.lit(item), payer=pl.lit(payer), amount=amount,
    )  # fmt: skip


def _roles(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    rate = pl.when(pl.col("work") == "trader").then(250_000).otherwise(
        marginals.COMPANY_ROLE_PER_MILLION
    )  # fmt: skip
    some = town.filter((pl.col("age") >= 20) & draws.chance("company", "u", rate.cast(pl.UInt64)))
    since = pl.lit(START) - pl.duration(days=draws.between("company_age", "u", 30, 6_000))
    return some.select(
        *person_columns(),
        n=pl.lit(0, pl.UInt8),
        company=pl.lit("虚构") + pl.col("u").cast(pl.String) + pl.lit("商贸有限公司"),
        role=draws.one_of("role", "u", _ROLES),
        capital=draws.between("capital", "u", 1, 200) * 1_000_000,
        status=pl.when(draws.chance("cancelled", "u", 150_000))
        .then(pl.lit("cancelled"))
        .otherwise(pl.lit("active")),
        since=since,
        known_on=since,
        until=pl.lit(None, pl.Date),
    )
