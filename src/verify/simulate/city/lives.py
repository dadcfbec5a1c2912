"""What people live on and what happens to them in two years: work, death, moves, purchases."""

from __future__ import annotations

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.draws import Draws, Weighted
from verify.simulate.city.homes import flat
from verify.simulate.city.timeline import DAYS, LAST, day, month_of

# Working age: shares per thousand, an assumption near the published rate of employment.
_WORK = Weighted((("worker", 700), ("trader", 110), ("unemployed", 60), ("none", 130)))
_YOUNG = Weighted((("student", 550), ("worker", 320), ("none", 130)))
_GAP = Weighted(
    ((0, 40), (1, 15), (2, 15), (3, 10), (6, 10), (99, 10)), pl.Int32()
)  # months without work
_PENSION_AGE = {"m": 60, "f": 55}


def with_lives(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """Add what people do and what happens to them.

    Per person: `work`; `job_last` and `job_first`, months in which the first employment ends and
    the next begins (null: neither); `died_on`; `car_bought_on`. Per household: `owner`;
    `has_spouse`, `spouse_surname`, `home_address`, `flat_bought_on`, `home_sold_on`, `moved_on`
    and `new_address`.
    """
    spouse = pl.col("role") == "spouse"
    town = town.with_columns(
        work=_work(draws), owner=_owner(draws), home_address="address",
        has_spouse=spouse.any().over("h"),
        spouse_surname=pl.col("surname").filter(spouse).first().over("h"),
    )  # fmt: skip
    town = town.with_columns(_death(draws), *_purchases(draws))
    return town.with_columns(_jobs(draws)).with_columns(*_moves(draws))


def _work(draws: Draws) -> pl.Expr:
    age = pl.col("age")
    pension = pl.col("sex").replace_strict(_PENSION_AGE, return_dtype=pl.Int64)
    return (
        pl.when(age < 16).then(pl.lit("child"))
        .when(age < 18).then(pl.lit("student"))
        .when(age < 23).then(draws.weighted("work/young", "u", _YOUNG))
        .when(age >= pension).then(pl.lit("pensioner"))
        .otherwise(draws.weighted("work", "u", _WORK))
    )  # fmt: skip


def _death(draws: Draws) -> pl.Expr:
    age, rate = pl.col("age"), pl.lit(0)
    for until, yearly in reversed(marginals.DEATHS_BY_AGE):
        rate = pl.when(age < until).then(2 * yearly).otherwise(rate)
    died = draws.chance("dies", "u", rate.cast(pl.UInt64))
    return pl.when(died).then(day(draws.below("death_day", "u", DAYS))).alias("died_on")


def _jobs(draws: Draws) -> list[pl.Expr]:
    ends = draws.chance("job_ends", "u", marginals.JOB_ENDS_PER_MILLION)
    last = draws.between("job_last", "u", 0, LAST - 2).cast(pl.Int32)
    first = last + 1 + draws.weighted("job_gap", "u", _GAP)
    finds = draws.chance("finds_work", "u", marginals.FINDS_WORK_PER_MILLION)
    found = draws.between("job_found", "u", 1, LAST).cast(pl.Int32)
    worker, unemployed = pl.col("work") == "worker", pl.col("work") == "unemployed"
    until = pl.when(pl.col("died_on").is_null()).then(LAST).otherwise(month_of(pl.col("died_on")))
    job_last = pl.when(worker & ends & (last <= until)).then(last)
    job_first = pl.when(worker & ends & (first <= until)).then(first)
    return [
        job_last.alias("job_last"),
        pl.when(unemployed & finds & (found <= until))
        .then(found)
        .otherwise(job_first)
        .alias("job_first"),
    ]


def _owner(draws: Draws) -> pl.Expr:
    rate = pl.when("rural").then(950_000).otherwise(marginals.OWNS_HOME_PER_MILLION)
    return draws.chance("owner", "h", rate.cast(pl.UInt64))


def _purchases(draws: Draws) -> list[pl.Expr]:
    grown = pl.col("age") >= 18
    buys = draws.chance("buys_flat", "h", marginals.BUYS_FLAT_PER_MILLION)
    sells = pl.col("owner") & draws.chance("sells", "h", marginals.SELLS_HOME_PER_MILLION)
    car = grown & draws.chance("buys_car", "u", marginals.BUYS_CAR_PER_MILLION)
    return [
        pl.when(buys).then(day(draws.below("flat_day", "h", DAYS))).alias("flat_bought_on"),
        pl.when(sells & ~buys).then(day(draws.below("sale_day", "h", DAYS))).alias("home_sold_on"),
        pl.when(car).then(day(draws.below("car_day", "u", DAYS))).alias("car_bought_on"),
    ]


def _moves(draws: Draws) -> list[pl.Expr]:
    """Who buys moves in two months later, who sells moves out; tenants move as they do."""
    tenant = ~pl.col("owner") & draws.chance("moves", "h", marginals.TENANT_MOVES_PER_MILLION)
    bought, sold = pl.col("flat_bought_on"), pl.col("home_sold_on")
    moved = (
        pl.when(bought.is_not_null()).then(bought.dt.offset_by("60d"))
        .when(sold.is_not_null()).then(sold)
        .when(tenant).then(day(draws.below("move_day", "h", DAYS)))
    )  # fmt: skip
    within = pl.when(moved <= day(pl.lit(DAYS - 1))).then(moved)
    address = flat(Draws(draws.salt("new_home")))
    return [
        within.alias("moved_on"),
        pl.when(moved.is_not_null()).then(address).alias("new_address"),
    ]
