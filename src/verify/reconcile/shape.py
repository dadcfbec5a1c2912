"""Put parts together into the frames that leave reconciliation: ids, order, form."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from verify.frames import DISCREPANCIES, DOUBTS, FACTS, Shape

# Facts that agree in all of these are the same in every respect that can matter to a reader.
_ORDER = (
    *("household", "person", "quantity", "object_key", "period_start", "granularity", "doubt"),
    *("period_end", "category", "area_dm2", "lo", "hi", "as_of", "grade", "note"),
    pl.col("records").list.join(" "),
)
_DIGITS = 4
_GIVEN = {c: pl.col(c) for c in FACTS.columns if c != "fact"}
_ABSENT = {
    c: pl.lit([] if t == pl.List(pl.String) else None, t).alias(c)
    for c, t in FACTS.columns.items()
    if c != "fact"
}

_ROW = pl.int_range(pl.len())
_STARTS = pl.col("household") != pl.col("household").shift(1, fill_value="")
_NUMBER = _ROW - pl.when(_STARTS | (_ROW == 0)).then(_ROW).forward_fill() + 1
_FACT_ID = pl.concat_str(pl.lit("f"), _NUMBER.cast(pl.String).str.zfill(_DIGITS))

DOUBT_ROW = (
    *("household", "person", "quantity", "doubt", "kind", "code", "others", "records", "weighs"),
)
_COUNT = pl.struct(pl.lit("records").alias("key"), pl.col("count").alias("value"))
_ALSO = pl.struct(pl.lit("also").alias("key"), pl.col("others").alias("value"))


def run(*plans: pl.LazyFrame) -> list[pl.DataFrame]:
    """Carry out plans. The in-memory engine starts four times faster on one household."""
    return pl.collect_all(plans, engine="in-memory")


def fact_part(frame: pl.LazyFrame, given: Sequence[str]) -> pl.LazyFrame:
    """`frame` in the columns of FACTS but the id; those not in `given` are null."""
    return frame.select(_GIVEN[c] if c in given else _ABSENT[c] for c in _GIVEN)


def numbered(facts: pl.LazyFrame) -> pl.LazyFrame:
    """All facts with their ids: `f0001` and so on within each household, in a fixed order."""
    return facts.sort(*_ORDER).with_columns(fact=_FACT_ID)


def facts_frame(facts: pl.DataFrame) -> pl.DataFrame:
    """Numbered facts, checked and sorted by key."""
    # Beyond the padding, ids no longer sort as text in the order they were given.
    if facts.height >= 10**_DIGITS and bool((facts["fact"].str.len_bytes() > _DIGITS + 1).any()):
        facts = facts.sort(FACTS.key)
    return FACTS.check(facts)


def doubt_part(rows: pl.LazyFrame, records: pl.DataFrame) -> pl.LazyFrame:
    """One doubt for each (household, doubt) of `rows`, in the columns of DOUBTS.

    `rows` has household, doubt, kind, weighs, person, quantity, code, others and the list
    `records`. The doubt names the first of its records with the source and evidence it came
    from, how many hang on it, and other persons the record may be about.
    """
    source = records.lazy().select("household", "record", "source", "evidence")
    return (
        rows.group_by("household", "doubt")
        .agg(
            pl.col("person", "kind", "weighs", "code").first(),
            pl.col("others").max(),
            pl.col("quantity").unique().sort().alias("quantities"),
            pl.col("records").list.first().min().alias("record"),
            pl.col("records").list.len().sum().cast(pl.String).alias("count"),
        )
        .join(source, on=["household", "record"])
        .with_columns(
            params=pl.when(pl.col("others") == "")
            .then(pl.concat_list(_COUNT))
            .otherwise(pl.concat_list(_ALSO, _COUNT))
        )
        .select(list(DOUBTS.columns))
    )


def together(shape: Shape, parts: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """The parts of one frame, sorted by its key; an empty frame where there are none."""
    if not parts:
        return _EMPTY[shape.name]
    return pl.concat(parts).sort(shape.key)


_EMPTY = {shape.name: shape.frame().lazy() for shape in (DOUBTS, DISCREPANCIES)}
