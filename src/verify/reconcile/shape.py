"""Put parts together into the frames that leave reconciliation: ids, order, form."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from verify.frames import DISCREPANCIES, DOUBTS, FACTS

FACT_COLUMNS = [c for c in FACTS.columns if c != "fact"]
# Facts that agree in all of these are the same in every respect that can matter to a reader.
_ORDER = (
    *("person", "quantity", "object_key", "period_start", "granularity", "doubt"),
    *("period_end", "category", "area_dm2", "lo", "hi", "as_of", "grade", "note"),
)
_DIGITS = 4


def fact_part(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` in the columns of FACTS but the id; columns it lacks are null."""
    return frame.select(
        pl.col(c)
        if c in frame.columns
        else pl.lit([] if t == pl.List(pl.String) else None, t).alias(c)
        for c, t in FACTS.columns.items()
        if c != "fact"
    )


def numbered(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All facts with their ids: `f0001` and so on within each household, in a fixed order."""
    facts = pl.concat(parts).sort(
        "household",
        *_ORDER,
        pl.col("records").list.join(" "),
        pl.col("evidence").list.join(" "),
        nulls_last=False,
    )
    number = pl.int_range(1, pl.len() + 1).over("household")
    facts = facts.with_columns(
        fact=pl.concat_str(pl.lit("f"), number.cast(pl.String).str.zfill(_DIGITS))
    )
    # Beyond the padding, ids no longer sort as text in the order they were given.
    if facts.height >= 10**_DIGITS and bool((facts["fact"].str.len_bytes() > _DIGITS + 1).any()):
        facts = facts.sort(FACTS.key)
    return FACTS.check(facts)


def doubt_part(rows: pl.DataFrame, sources: pl.DataFrame, *, weighs: bool) -> pl.DataFrame:
    """One doubt for each (household, doubt) of `rows`, in the columns of DOUBTS.

    `rows` has household, doubt, kind, person, quantity, code, others and the list `records`;
    `sources` says of each record which source and evidence it came from. The doubt names the
    first of its records, how many hang on it, and other persons the record may be about.
    """
    merged = (
        rows.group_by("household", "doubt")
        .agg(
            pl.col("person", "kind", "code").first(),
            pl.col("others").max(),
            pl.col("quantity").unique().sort().alias("quantities"),
            pl.col("records").list.first().min().alias("record"),
            pl.col("records").list.len().sum().cast(pl.String).alias("count"),
        )
        .join(
            sources.select("household", "record", "source", "evidence"), on=["household", "record"]
        )
    )
    count = pl.struct(pl.lit("records").alias("key"), pl.col("count").alias("value"))
    also = pl.struct(pl.lit("also").alias("key"), pl.col("others").alias("value"))
    return merged.select(
        *("household", "doubt", "kind"),
        pl.lit(weighs).alias("weighs"),
        *("person", "source", "record", "evidence", "quantities", "code"),
        pl.when(pl.col("others") == "")
        .then(pl.concat_list(count))
        .otherwise(pl.concat_list(also, count))
        .alias("params"),
    )


def doubts_frame(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All doubts, checked and sorted."""
    return DOUBTS.check(pl.concat(parts)).sort(DOUBTS.key) if parts else DOUBTS.frame()


def discrepancies_frame(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All discrepancies, checked and sorted."""
    if not parts:
        return DISCREPANCIES.frame()
    return DISCREPANCIES.check(pl.concat(parts)).sort(DISCREPANCIES.key)
