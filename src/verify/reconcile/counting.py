"""Count every thing once: statements that say the same become one fact.

The same title comes back under both owners' queries, the same account in two exchanges, the
same month's wage twice. Statements of one person about the same object, quantity, period and
category are one fact; where their amounts differ, the lowest is certain and the difference hangs
on a conflict. A doubtful statement never lowers what certain statements say.
"""

from __future__ import annotations

import polars as pl

from verify.domain.period import Granularity
from verify.domain.verdict import DoubtKind
from verify.reconcile.kinds import DECEASED, is_flow, is_item
from verify.reconcile.shape import run

_OBJECT = ["household", "person", "quantity", "thing"]
_SAME = [*_OBJECT, "granularity", "period_start", "period_end", "category", "area_dm2"]

# A statement without an object key is recognised by its whole content; the mark keeps such keys
# apart from real ones.
_MARK = "\0"
_CONTENT = pl.concat_str(
    pl.lit(_MARK),
    *(pl.col(c).cast(pl.String).fill_null("") for c in ("lo", "hi", "detail")),
    separator="|",
)

_OPEN = pl.col("doubt").is_not_null()
_IS_ITEM = is_item(pl.col("rank"))
_IS_ANNUAL = (pl.col("granularity") == Granularity.YEAR.value) & is_flow(pl.col("rank"))
_IS_MONTHLY = (pl.col("granularity") == Granularity.MONTH.value) & is_flow(pl.col("rank"))
_KEYED = ~pl.col("thing").str.starts_with(_MARK)
_DIFFER = (pl.col("lo_top") > pl.col("lo")) | (pl.col("hi_top") > pl.col("hi_low"))


# Descriptions of one item that differ, as text, so that their order is the same everywhere.
_DESCRIPTION = pl.concat_str(
    pl.col("thing"),
    pl.col("category").fill_null(""),
    pl.col("area_dm2").cast(pl.String).str.zfill(20).fill_null(""),
    "granularity",
    *(pl.col(c).cast(pl.String).fill_null("") for c in ("period_start", "period_end")),
    separator=_MARK,
)

_DEATH = pl.col("quantity") == DECEASED
_IDENTITY = (
    # One death is one fact, whatever the notices say about its circumstances.
    *(pl.when(~_DEATH).then(c).alias(c) for c in ("period_start", "period_end", "category")),
    pl.when(_DEATH)
    .then(pl.lit(Granularity.INSTANT.value))
    .otherwise("granularity")
    .alias("granularity"),
    pl.when(_DEATH)
    .then(pl.lit(_MARK))
    .otherwise(pl.coalesce("object_key", _CONTENT))
    .alias("thing"),
)

_LOWEST_AND_HIGHEST = (
    pl.col("rank").first(),
    pl.col("lo").min(),
    pl.col("hi").max(),
    pl.col("hi").min().alias("hi_low"),
    pl.col("hi").max().alias("hi_top"),
    pl.col("lo").max().alias("lo_top"),
    pl.col("as_of").max(),
    pl.col("rule").first().alias("code"),  # part of what names the doubt
    pl.col("others").max(),
    pl.col("evidence"),
    pl.col("record").alias("records"),
)
_AFTER_MERGE = (
    pl.col("evidence").list.unique().list.sort(),
    pl.col("records").list.sort(),
    pl.when(_OPEN).then(pl.lit(DoubtKind.MATCH.value)).alias("kind"),
    (_DIFFER & ~_OPEN).fill_null(value=False).alias("differs"),
    # Rows that are no certain items are told apart by their number.
    pl.struct(*_OBJECT, pl.when(~(_IS_ITEM & _KEYED & ~_OPEN)).then(pl.int_range(pl.len())))
    .is_duplicated()
    .alias("varies"),
)
_FINISH = (
    # While a doubt is open its fact may be nothing, so its upper end is at least nothing.
    pl.when(_OPEN & (pl.col("hi") < 0)).then(0).otherwise("hi").alias("hi"),
    pl.when(_KEYED).then("thing").alias("object_key"),
    pl.lit(value=True).alias("weighs"),
)


def count_once(statements: pl.LazyFrame) -> pl.DataFrame:
    """Facts with their doubts from certain and doubtful statements.

    Columns: those of FACTS but the id, and `kind`, `code`, `others`, `weighs` of the doubt.
    """
    (merged,) = run(_merge(statements))
    plan = merged.lazy()
    open_doubts = merged.height - merged["doubt"].null_count()
    if open_doubts and bool(merged.select(pl.struct(_SAME).is_duplicated().any()).item()):
        plan = _beside_certain(plan)
    if (merged["granularity"] == Granularity.YEAR.value).any():
        plan = _annual(plan)
    if merged["lo"].null_count():
        plan = _unstated(plan)
    if merged["varies"].any():
        plan = _variants(plan)
    if merged["differs"].any():
        plan = _conflicts(plan)
    return run(plan.with_columns(_FINISH))[0]


def _merge(statements: pl.LazyFrame) -> pl.LazyFrame:
    """One row per distinct statement and doubt, with the lowest and the highest of its bounds."""
    return (
        statements.with_columns(_IDENTITY)
        .group_by(*_SAME, "doubt")
        .agg(_LOWEST_AND_HIGHEST)
        .with_columns(_AFTER_MERGE)
    )


def _beside_certain(merged: pl.LazyFrame) -> pl.LazyFrame:
    """Doubtful statements about what is certain anyway add only what they say beyond it."""
    certain = merged.filter(~_OPEN)
    known = certain.select(*_SAME, pl.col("hi_top").alias("known"))
    unsure = (
        merged.filter(_OPEN)
        .join(certain.filter(_IS_ITEM & _KEYED), on=_OBJECT, how="anti")
        .join(known, on=_SAME, how="left", nulls_equal=True)
        .filter(pl.col("known").is_null() | (pl.col("hi") > pl.col("known")))
    )
    beyond = pl.col("known").fill_null(0)
    return pl.concat(
        [
            certain,
            unsure.with_columns(
                lo=pl.when(pl.col("known").is_null())
                .then("lo")
                .otherwise(pl.max_horizontal(pl.col("lo") - beyond, 0)),
                hi=pl.col("hi") - beyond,
            ).drop("known"),
        ]
    )


def _annual(merged: pl.LazyFrame) -> pl.LazyFrame:
    """An amount known per year is never divided by twelve (the Robodebt error).

    Where months of the same payer are certain within the year, the year only checks them and
    makes no fact; elsewhere it hangs on a doubt that a monthly statement of the payer settles.
    """
    payer = _OBJECT
    years = merged.filter(_IS_ANNUAL).with_row_index("row")
    months = merged.filter(_IS_MONTHLY & ~_OPEN & _KEYED).select(
        *payer, pl.col("period_start").alias("month")
    )
    covered = (
        years.join(months, on=payer)
        .filter(pl.col("month").is_between(pl.col("period_start"), pl.col("period_end")))
        .select("row")
        .unique()
    )
    alone = years.join(covered, on="row", how="anti").drop("row")
    name = DoubtKind.ANNUAL_ONLY.value
    doubt = pl.concat_str(pl.lit(f"{name}:"), pl.col("records").list.first())
    stated = ~_OPEN & pl.col("lo").is_not_null()
    return pl.concat(
        [
            merged.filter(~_IS_ANNUAL),
            alone.with_columns(
                doubt=pl.when(stated).then(doubt).otherwise("doubt"),
                kind=pl.when(stated).then(pl.lit(name)).otherwise("kind"),
                code=pl.when(stated).then(pl.lit(name)).otherwise("code"),
            ),
        ]
    )


def _unstated(merged: pl.LazyFrame) -> pl.LazyFrame:
    """A payment or balance without an amount is there, and may be anything."""
    unstated = pl.col("lo").is_null() & ~_OPEN
    doubt = pl.concat_str(pl.lit("missing:"), pl.col("records").list.first())
    return merged.with_columns(
        doubt=pl.when(unstated).then(doubt).otherwise("doubt"),
        kind=pl.when(unstated).then(pl.lit(DoubtKind.MISSING.value)).otherwise("kind"),
        code=pl.when(unstated).then(pl.lit("amount_missing")).otherwise("code"),
        lo=pl.col("lo").fill_null(0),
    )


def _conflict_id(order: pl.Expr) -> pl.Expr:
    """`conflict:<quantity>:<person>:<n>`: n counts the objects in dispute in sorted order."""
    n = order.rank("dense").over("household", "person", "quantity")
    return pl.concat_str(
        pl.lit("conflict:"), "quantity", pl.lit(":"), "person", pl.lit(":"), n.cast(pl.String)
    )


def _variants(merged: pl.LazyFrame) -> pl.LazyFrame:
    """One thing described in two ways (a car, a disability vehicle): each description is in doubt.

    Taking either for certain could count a thing that the rules exempt, or exempt one they count.
    """
    items = merged.filter("varies")
    return pl.concat(
        [
            merged.filter(~pl.col("varies")),
            items.with_columns(
                doubt=_conflict_id(_DESCRIPTION),
                kind=pl.lit(DoubtKind.CONFLICT.value),
                code=pl.lit("descriptions_differ"),
            ),
        ]
    )


def _conflicts(merged: pl.LazyFrame) -> pl.LazyFrame:
    """Amounts that differ: the lowest is certain, what the highest adds hangs on a conflict.

    All months of one payer hang on the same doubt: which of two figures is right is one question.
    """
    # A year's amount already ranges from nothing to its highest.
    disputed = pl.col("differs") & ~_OPEN
    rows = merged.filter(disputed)
    more_lo = pl.col("lo_top") - pl.col("lo")
    more_hi = pl.col("hi_top") - pl.col("hi_low")
    return pl.concat(
        [
            merged.filter(~disputed),
            rows.with_columns(hi=pl.col("hi_low")),
            rows.with_columns(
                lo=pl.min_horizontal(more_lo, more_hi),
                hi=pl.max_horizontal(more_lo, more_hi),
                doubt=_conflict_id(pl.col("thing")),
                kind=pl.lit(DoubtKind.CONFLICT.value),
                code=pl.lit("amounts_differ"),
            ),
        ]
    )
