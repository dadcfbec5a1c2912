"""Children born after the applications: who they are, for re-checks of the same household."""

from __future__ import annotations

import datetime as dt

import polars as pl

from verify.simulate.city import marginals, numbers
from verify.simulate.city.draws import Draws
from verify.simulate.city.names import HAN, han_given, with_dot
from verify.simulate.city.people import SLOTS
from verify.simulate.city.timeline import DAYS, START

_PLACE = SLOTS - 1  # people(...) fills the places 0 to 6
_MOTHERS = (22, 44)


def newborn(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """At most one child a household, born in 2025 or 2026 until the two years end.

    Columns: `u`, `h`, `sex`, `year`, `birth`, `name`, `id_number`, `address`. No child of the
    city itself is born after 2024, so their numbers cannot collide.
    """
    draws = Draws(draws.salt("newborn"))
    parents = town.filter(
        (pl.col("role") == "head") & pl.col("has_spouse") & pl.col("age").is_between(*_MOTHERS)
    )
    year = pl.when(draws.chance("year", "h", 500_000)).then(2025).otherwise(2026).cast(pl.Int64)
    boy = draws.chance("boy", "h", marginals.MEN_PER_MILLION)
    fathers = pl.when(pl.col("sex") == "m").then("surname").otherwise("spouse_surname")
    happens = draws.chance("born", "h", marginals.COUPLES_WITH_BIRTH_PER_MILLION)
    born = parents.filter(happens).select(
        "h", "style", "address", "died_on",
        u=pl.col("h") * SLOTS + _PLACE,
        sex=pl.when(boy).then(pl.lit("m")).otherwise(pl.lit("f")),
        year=year,
        surname=fathers,
        clan_word=draws.word("clan", "h"),
    )  # fmt: skip
    born = born.with_columns(
        place=numbers.place(pl.col("style"), pl.lit(value=True), pl.col("year"))
    )
    born = numbers.first17(draws, born).with_columns(
        id_number=numbers.with_check(pl.col("first17")),
        name=pl.when(pl.col("style") == HAN)
        .then(pl.col("surname") + han_given(draws, "u", rare_per_million=0))
        .otherwise(with_dot(draws, "u")),
    )  # fmt: skip
    end = START + dt.timedelta(days=DAYS - 1)
    return born.filter(pl.col("birth") <= end).select(
        "u", "h", "sex", "year", "birth", "name", "id_number", "address"
    )
