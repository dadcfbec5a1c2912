"""What the family declared beside what the sources hold (57号 article 9).

A declaration is compared, never counted twice. It becomes a fact in two cases: support from
statutory supporters, which agreement or judgment fixes and no register holds; and amounts of
which the sources hold nothing, since a statement of one's own means is believed.
"""

from __future__ import annotations

import polars as pl

from verify.domain.period import Granularity
from verify.domain.verdict import DoubtKind
from verify.frames import DISCREPANCIES
from verify.reconcile.kinds import QUANTITY_RANK, SUPPORT, is_flow, is_money
from verify.reconcile.shape import fact_part

MONTHS = 12

_SUBJECT = ["household", "person", "quantity"]
_FACT = (
    *("household", "person", "quantity", "granularity"),
    *("period_start", "period_end", "as_of", "lo", "hi", "note"),
)
_IS_MONEY = is_money(QUANTITY_RANK)
_IS_FLOW = is_flow(QUANTITY_RANK)
_IS_SUPPORT = pl.col("quantity") == SUPPORT
_IS_CERTAIN = pl.col("doubt").is_null()
_IN_WINDOW = (
    ~_IS_FLOW
    | pl.col("period_start").is_null()
    | (
        (pl.col("period_start") <= pl.col("window_end"))
        & (pl.col("period_end") >= pl.col("window_start"))
    )
)
_TOTALS = (
    pl.col("lo").filter(_IS_CERTAIN).sum().alias("total_lo"),
    pl.col("hi").sum().alias("total_hi"),
    _IS_CERTAIN.any().alias("certain"),
    pl.col("hi").is_null().any().alias("unbounded"),
    pl.col("evidence").list.explode(),
    pl.lit(value=True).alias("found"),
)
_UNIT = pl.when(_IS_FLOW).then(MONTHS).otherwise(1)
_ROUNDED = (
    (pl.col("total_lo").fill_null(0) // _UNIT).alias("found_lo"),
    pl.when(~pl.col("unbounded"))
    .then((pl.col("total_hi").fill_null(0) + _UNIT - 1) // _UNIT)
    .alias("found_hi"),
)
_DECLARED = pl.col("amount").fill_null(0)
_CODE = (
    pl.when((_DECLARED == 0) & (pl.col("found_lo") > 0))
    .then(pl.lit("undeclared"))
    .when((_DECLARED != 0) & (pl.col("found_lo") > _DECLARED))
    .then(pl.lit("found_higher"))
    .when((_DECLARED != 0) & (pl.col("found_hi") < _DECLARED))
    .then(pl.lit("found_lower"))
    .alias("code")
)

_TO_BELIEVE = (pl.col("amount") > 0) & (_IS_SUPPORT | (~pl.col("certain") & ~pl.col("unbounded")))
_BELIEVED = (
    pl.when(pl.col("found") & ~_IS_SUPPORT).then(0).otherwise("amount").alias("lo"),
    pl.col("amount").alias("hi"),
    pl.when(_IS_SUPPORT)
    .then(pl.lit("declared_monthly"))
    .otherwise(pl.lit("declared_only"))
    .alias("note"),
    pl.when(_IS_FLOW)
    .then(pl.lit(Granularity.MONTH.value))
    .otherwise(pl.lit(Granularity.INSTANT.value))
    .alias("granularity"),
    # A stock is one fact without a period; a flow has one fact per month of the window.
    pl.when(_IS_FLOW)
    .then(pl.date_ranges("window_start", "window_end", "1mo"))
    .otherwise(pl.lit([None], pl.List(pl.Date)))
    .alias("period_start"),
)


def windows(households: pl.DataFrame) -> pl.LazyFrame:
    """The twelve whole months before the month of `as_of`, per household."""
    first = pl.col("as_of").dt.month_start()
    return households.lazy().select(
        "household",
        "as_of",
        first.dt.offset_by(f"-{MONTHS}mo").alias("window_start"),
        first.dt.offset_by("-1d").alias("window_end"),
    )


def support_once(counted: pl.DataFrame, declared: pl.DataFrame) -> pl.DataFrame:
    """Support that a source also holds may be the very support that was declared.

    The declared amount is certain; whether a found one comes on top of it is a conflict.
    """
    if not (counted["quantity"] == SUPPORT).any():
        return counted
    seen = _IS_SUPPORT & _IS_CERTAIN
    found = counted.filter(seen)
    stated = declared.filter(_IS_SUPPORT & (pl.col("amount") > 0))
    return pl.concat(
        [
            counted.filter(~seen),
            found.join(stated, on=_SUBJECT, how="anti"),
            found.join(stated, on=_SUBJECT, how="semi").with_columns(
                doubt=pl.concat_str(pl.lit(f"conflict:{SUPPORT}:"), "person", pl.lit(":declared")),
                kind=pl.lit(DoubtKind.CONFLICT.value),
                code=pl.lit("declared_and_found"),
            ),
        ]
    )


def compare(facts: pl.LazyFrame, declared: pl.DataFrame, window: pl.LazyFrame) -> pl.LazyFrame:
    """Per person and quantity of money, what was declared beside what was found.

    Columns: household, person, quantity; `amount` declared (per month for flows; null: not
    declared); `total_lo`, `total_hi` found (flows: over twelve months); whether anything was
    `found`, anything `certain`, the found `unbounded`; the bounds `found_lo`, `found_hi` in the
    unit of the declaration, rounded outwards (null: unbounded); and the `evidence`.
    """
    found = (
        facts.filter(_IS_MONEY)
        .join(window, on="household")
        .filter(_IN_WINDOW)
        .group_by(_SUBJECT)
        .agg(_TOTALS)
    )
    return (
        found.join(declared.lazy().filter(_IS_MONEY), on=_SUBJECT, how="full", coalesce=True)
        .with_columns(
            pl.col("found", "certain", "unbounded").fill_null(value=False),
            pl.col("evidence").fill_null([]),
        )
        .with_columns(_ROUNDED)
        .with_columns(_CODE)
    )


def declared_facts(comparison: pl.LazyFrame, window: pl.LazyFrame) -> pl.LazyFrame:
    """Facts from declarations: twelve monthly facts for a flow, one for a stock.

    Where only doubtful records were found, they may or may not be what was declared, so the
    declared amount is then an upper bound. Where a source is silent, nothing is added: its open
    bound holds whatever it will say.
    """
    rows = (
        comparison.filter(_TO_BELIEVE)
        .join(window, on="household")
        .with_columns(_BELIEVED)
        .explode("period_start")
        .with_columns(pl.col("period_start").dt.month_end().alias("period_end"))
    )
    return fact_part(rows, _FACT)


def differences(comparison: pl.DataFrame, coverage: pl.DataFrame) -> pl.LazyFrame:
    """Discrepancies between declaration and findings: something to look at, never a finding.

    `undeclared` and `found_higher` rest on what is certain alone, so a namesake's record never
    accuses anyone. `found_lower` needs a source that holds such amounts and was asked.
    """
    rows = comparison.lazy().filter(pl.col("code").is_not_null())
    unlooked = (pl.col("code") == "found_lower") & ~pl.col("found")
    if not comparison["found"].all():
        asked = (
            comparison.lazy()
            .filter(unlooked)
            .select(_SUBJECT)
            .join(
                coverage.lazy().select("household", "person", "yields"),
                on=["household", "person"],
            )
            .filter(pl.col("yields").list.contains(pl.col("quantity")))
        )
        rows = pl.concat(
            [rows.filter(~unlooked), rows.filter(unlooked).join(asked, on=_SUBJECT, how="semi")]
        )
    return rows.with_columns(
        pl.col("evidence").list.unique().list.sort(), declared="amount"
    ).select(list(DISCREPANCIES.columns))
