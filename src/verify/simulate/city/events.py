"""Life events as dated facts: what a re-check of the same household should come to know."""

from __future__ import annotations

import polars as pl

from verify.simulate.city.draws import Draws
from verify.simulate.city.spells import jobs
from verify.simulate.city.timeline import LAST, month

COLUMNS = ("person", "household", "kind", "on", "detail")
KINDS = (
    "birth", "death", "job_started", "job_ended", "flat_bought", "home_sold", "car_bought", "moved",
)  # fmt: skip


def events(draws: Draws, town: pl.DataFrame, born: pl.DataFrame) -> pl.DataFrame:
    """Everything that happens in the two years, by day: `COLUMNS`.

    `detail` is what the event is about: an employer, an address, the name of a child.
    """
    heads = town.filter(pl.col("role") == "head")
    none = pl.lit("")
    work = jobs(draws, town)
    parts = [
        _part(born, "birth", pl.col("birth"), pl.col("name")),
        _part(town, "death", pl.col("died_on"), none),
        _part(work.filter(pl.col("first") > 0), "job_started", month(pl.col("first")),
              pl.col("employer")),
        _part(work.filter((pl.col("last") < LAST) & pl.col("died_on").is_null()), "job_ended",
              month(pl.col("last") + 1), pl.col("employer")),
        _part(heads, "flat_bought", pl.col("flat_bought_on"), pl.col("new_address")),
        _part(heads, "home_sold", pl.col("home_sold_on"), pl.col("home_address")),
        _part(town, "car_bought", pl.col("car_bought_on"), none),
        _part(heads, "moved", pl.col("moved_on"), pl.col("new_address")),
    ]  # fmt: skip
    return pl.concat(parts).sort("on", "household", "person", "kind")


def _part(frame: pl.DataFrame, kind: str, on: pl.Expr, detail: pl.Expr) -> pl.DataFrame:
    made = frame.select(
        person="u", household="h", kind=pl.lit(kind), on=on.cast(pl.Date), detail=detail
    )
    return made.filter(pl.col("on").is_not_null())
