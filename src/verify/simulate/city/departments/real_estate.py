"""The land registry: titles and purchase contracts, one row per owner."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from verify.simulate.city.draws import Draws
from verify.simulate.city.homes import flat
from verify.simulate.city.timeline import START
from verify.simulate.city.written import person_columns

_SECOND_PER_MILLION, _SHOP_PER_MILLION, _COUPLE_PER_MILLION = 60_000, 15_000, 550_000
_TITLE_AFTER = "90d"  # a contract becomes a title


def tables(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`titles`, with the day from which each was no longer theirs."""
    return {"titles": titles(draws, town)}


def titles(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """One row per title and owner: `use`, `basis`, `address`, `area_dm2`, `share_num/share_den`."""
    heads = town.filter(pl.col("role") == "head")
    old = pl.lit(START) - pl.duration(days=draws.between("title_age", "u", 30, 9_000))
    use = pl.when("rural").then(pl.lit("homestead")).otherwise(pl.lit("residential"))
    homes = _title(
        draws, heads.filter("owner"), n=0, use=use, at=pl.col("home_address"), on=old,
        until=pl.col("home_sold_on"), area=(2_800, 16_000),
    )  # fmt: skip
    second = heads.filter(draws.chance("second", "h", _SECOND_PER_MILLION))
    seconds = _title(
        draws, second, n=1, use=pl.lit("residential"), at=flat(Draws(draws.salt("second"))), on=old,
        until=pl.lit(None, pl.Date), area=(2_500, 12_000),
    )  # fmt: skip
    shop = heads.filter(draws.chance("shop", "h", _SHOP_PER_MILLION))
    shops = _title(
        draws, shop, n=2, use=draws.one_of("use", "h", ("commercial", "office", "parking")),
        at=flat(Draws(draws.salt("shop"))), on=old, until=pl.lit(None, pl.Date),
        area=(1_200, 6_000),
    )  # fmt: skip
    bought = heads.filter(pl.col("flat_bought_on").is_not_null())
    day = pl.col("flat_bought_on")
    bought_as = [
        _title(
            draws, bought, n=3 + i, use=pl.lit("residential"), at=pl.col("new_address"), on=on,
            until=until, area=(4_000, 14_000), basis=basis,
        )
        for i, (basis, on, until) in enumerate(
            (
                ("contract", day, day.dt.offset_by(_TITLE_AFTER)),
                ("title", day.dt.offset_by(_TITLE_AFTER), pl.lit(None, pl.Date)),
            )
        )
    ]  # fmt: skip
    alone = pl.concat([homes, seconds, shops, *bought_as])
    return _with_spouses(draws, alone, town)


def _title(
    draws: Draws, some: pl.DataFrame, *, n: int, use: pl.Expr, at: pl.Expr, on: pl.Expr,
    until: pl.Expr, area: tuple[int, int], basis: str = "title",
) -> pl.DataFrame:  # fmt: skip
    number = (pl.col("h") * 8 + n).cast(pl.String).str.zfill(10)
    return some.select(
        "h", "has_spouse", *person_columns(),
        n=pl.lit(n, pl.UInt8),
        title_no=pl.lit("沪示字不动产权第") + number + pl.lit("号"),
        basis=pl.lit(basis), use=use, title_address=at,
        area_dm2=draws.between(f"area/{n}", "h", *area),
        registered_on=on, known_on=on, until=until,
    )  # fmt: skip


def _with_spouses(draws: Draws, alone: pl.DataFrame, town: pl.DataFrame) -> pl.DataFrame:
    shared = pl.col("has_spouse") & draws.chance("couple", "h", _COUPLE_PER_MILLION)
    alone = alone.with_columns(
        share_num=pl.lit(1, pl.Int64),
        share_den=pl.when(shared).then(2).otherwise(1).cast(pl.Int64),
    )
    spouse = town.filter(pl.col("role") == "spouse").select("h", *person_columns())
    theirs = alone.filter(pl.col("share_den") == 2).drop(*person_columns()).join(spouse, on="h")
    return pl.concat([alone, theirs.select(alone.columns)]).drop("h", "has_spouse")
