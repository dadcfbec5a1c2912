"""The vehicle register."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.draws import Draws
from verify.simulate.city.timeline import DAYS, START, day
from verify.simulate.city.written import person_columns

_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_BRANDS = ("朗逸", "轩逸", "五菱宏光", "捷达", "帕萨特", "比亚迪秦", "途观", "宝来")
_ELECTRIC_PER_MILLION, _MOTORCYCLE_PER_MILLION, _GONE_PER_MILLION = 120_000, 30_000, 60_000


def tables(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`vehicles`, with the day from which each was gone."""
    return {"vehicles": vehicles(draws, town)}


def vehicles(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """One row per vehicle: `plate`, `vehicle_class`, `brand`, `registered_on`, `price` (fen)."""
    grown = pl.col("age") >= 18
    before = pl.lit(START) - pl.duration(days=draws.between("vehicle_age", "u", 10, 5_000))
    cars = _kind(
        town.filter(grown & draws.chance("car", "u", marginals.CAR_PER_MILLION_ADULTS)),
        n=0, cls="car", brand=draws.one_of("brand", "u", _BRANDS), on=before,
        price=draws.between("price", "u", 4_000, 30_000) * 1_000,
    )  # fmt: skip
    bought = _kind(
        town.filter(pl.col("car_bought_on").is_not_null()),
        n=1, cls="car", brand=draws.one_of("brand/2", "u", _BRANDS), on=pl.col("car_bought_on"),
        price=draws.between("price/2", "u", 6_000, 40_000) * 1_000,
    )  # fmt: skip
    cycles = _kind(
        town.filter(grown & draws.chance("motorcycle", "u", _MOTORCYCLE_PER_MILLION)),
        n=2, cls="motorcycle", brand=pl.lit(""), on=before,
        price=draws.between("price/3", "u", 300, 1_200) * 1_000,
    )  # fmt: skip
    electric = _kind(
        town.filter(grown & draws.chance("electric", "u", _ELECTRIC_PER_MILLION)),
        n=3, cls="electric_bicycle", brand=pl.lit(""), on=before,
        price=draws.between("price/4", "u", 150, 600) * 1_000,
    )  # fmt: skip
    every = pl.concat([cars, bought, cycles, electric]).with_columns(
        v=pl.col("u") * 4 + pl.col("n").cast(pl.UInt64)
    )
    gone = (pl.col("n") != 1) & draws.chance("gone", "v", _GONE_PER_MILLION)
    return every.with_columns(
        plate=_plate(pl.col("v")),
        until=pl.when(gone).then(day(draws.below("gone_day", "v", DAYS))),
        ended_as=pl.when(gone).then(draws.one_of("ended_as", "v", ("scrapped", "transferred"))),
        known_on=pl.col("registered_on"),
    ).drop("v")


def _kind(
    some: pl.DataFrame, *, n: int, cls: str, brand: pl.Expr, on: pl.Expr, price: pl.Expr
) -> pl.DataFrame:
    return some.select(
        *person_columns(),
        n=pl.lit(n, pl.UInt8), vehicle_class=pl.lit(cls), brand=brand, registered_on=on,
        price=price,
    )  # fmt: skip


def _plate(serial: pl.Expr) -> pl.Expr:
    """Seven symbols after the city's: more than there are vehicles, so none occurs twice."""
    symbols = pl.Series(list(_SYMBOLS))
    text = pl.lit("")
    for place in range(7):
        text = pl.lit(symbols).gather(serial // len(_SYMBOLS) ** place % len(_SYMBOLS)) + text
    return pl.lit("沪") + text
