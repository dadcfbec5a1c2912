"""The household register, marriage registration and funeral offices: who lives, with whom, where.

The household register enters a child after birth and strikes out the dead and those who moved,
each some weeks late; funeral offices know a death within days.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from verify.simulate.city.draws import Draws
from verify.simulate.city.newborn import newborn
from verify.simulate.city.timeline import START
from verify.simulate.city.written import person_columns

_CREMATED_PER_MILLION = 950_000  # of the dead: an assumption for a large city
_RELATION = {"head": "head", "spouse": "spouse", "child": "child", "parent": "parent"}


def household_register(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`residences`: one row per person and household, with the day from which it was struck out."""
    late = pl.duration(days=draws.between("register_late", "u", 5, 60))
    ended = pl.min_horizontal("died_on", "moved_on")
    living = town.select(
        *person_columns(),
        n=pl.lit(0, pl.UInt8),
        household_no=_number(pl.col("h")),
        relation=pl.col("role").replace_strict(_RELATION, default="other"),
        since=_since(draws),
        known_on=_since(draws),
        until=ended + late,
    )
    born = newborn(draws, town)
    null = pl.lit(None, pl.String)
    entered = born.select(
        "u", "name", null.alias("former_name"), "id_number", null.alias("other_id"), "year",
        null.alias("style").fill_null("han"), null.alias("phone"), "address",
        n=pl.lit(0, pl.UInt8), household_no=_number(pl.col("h")), relation=pl.lit("child"),
        since=pl.col("birth"), known_on=pl.col("birth") + late, until=pl.lit(None, pl.Date),
    )  # fmt: skip
    return {"residences": pl.concat([living, entered.select(living.columns)])}


def _number(household: pl.Expr) -> pl.Expr:
    return pl.lit("HK") + household.cast(pl.String).str.zfill(10)


def _since(draws: Draws) -> pl.Expr:
    """Nobody is registered before birth."""
    since = pl.lit(START) - pl.duration(days=draws.between("registered_for", "u", 30, 9_000))
    return pl.max_horizontal(since, pl.col("birth") + pl.duration(days=20))


def marriage(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`marriages`: each couple of a household, once from either side."""
    columns = ("h", "age", *person_columns())
    head = town.filter((pl.col("role") == "head") & pl.col("has_spouse")).select(columns)
    spouse = town.filter(pl.col("role") == "spouse").select(columns)
    return {
        "marriages": pl.concat([_registered(draws, head, spouse), _registered(draws, spouse, head)])
    }


def _registered(draws: Draws, own: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    partner = other.select("h", spouse_name="name", spouse_id="id_number", spouse_age="age")
    # At some time since the younger of the two was twenty; the same for both sides.
    grown = (pl.min_horizontal("age", "spouse_age") - 20).clip(1, 60) * 365
    days = draws.below("married_for", "h", grown.cast(pl.UInt64)).cast(pl.Int64)
    return (
        own.join(partner, on="h", maintain_order="left")
        .with_columns(registered_on=pl.lit(START) - pl.duration(days=days))
        .select(
            *person_columns(),
            "spouse_name",
            "spouse_id",
            "registered_on",
            n=pl.lit(0, pl.UInt8),
            certificate_no=pl.lit("J310-") + pl.col("h").cast(pl.String).str.zfill(10),
            status=pl.lit("married"),
            known_on="registered_on",
            until=pl.lit(None, pl.Date),
        )
    )


def funeral(draws: Draws, town: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
    """`deaths`, with the cremation where there was one."""
    dead = town.filter(pl.col("died_on").is_not_null())
    cremated = draws.chance("cremated", "u", _CREMATED_PER_MILLION)
    after = pl.duration(days=draws.between("cremated_after", "u", 1, 6))
    return {
        "deaths": dead.select(
            *person_columns(),
            n=pl.lit(0, pl.UInt8),
            deceased_on="died_on",
            cremated_on=pl.when(cremated).then(pl.col("died_on") + after),
            place=pl.lit("示例殡仪馆"),
            known_on=pl.col("died_on") + pl.duration(days=7),
            until=pl.lit(None, pl.Date),
        )
    }
