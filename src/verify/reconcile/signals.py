"""Cross-checks that are never money: insured months, account movements."""

from __future__ import annotations

import polars as pl

from verify.domain.period import Granularity
from verify.frames import DISCREPANCIES
from verify.reconcile.declared import MONTHS
from verify.reconcile.kinds import CONTRIBUTION, MOVEMENT, QUANTITY_RANK, WAGE, is_flow
from verify.reconcile.statements import CERTAIN

_PERSON = ["household", "person"]
# Credits also hold transfers between a family's own accounts, so twice the income is unremarkable.
CREDITS_FACTOR = 2


def insured_without_wage(
    statements: pl.LazyFrame, facts: pl.LazyFrame, window: pl.LazyFrame
) -> pl.LazyFrame:
    """Months of the window with a contribution and no wage of any kind in that month.

    `found_lo` and `found_hi` are the lowest and highest contribution base of those months in
    fen: what the employer reported, not what was earned. A wage known only per year, or from a
    source that is silent, may be of any of its months.
    """
    months = (
        _certain(statements, CONTRIBUTION)
        .join(window, on="household")
        .filter(pl.col("period_start").is_between(pl.col("window_start"), pl.col("window_end")))
        .with_columns(month=pl.col("period_start").dt.month_start())
    )
    wages = facts.filter(pl.col("quantity") == WAGE)
    monthly = pl.col("granularity") == Granularity.MONTH.value
    dated = pl.col("period_start").is_not_null()
    paid = wages.filter(monthly & dated).select(
        *_PERSON, pl.col("period_start").dt.month_start().alias("month")
    )
    vague = wages.filter(~monthly | ~dated).select(
        *_PERSON, pl.col("period_start").alias("from"), pl.col("period_end").alias("until")
    )
    maybe = months.join(vague, on=_PERSON).filter(
        pl.col("from").is_null() | pl.col("month").is_between(pl.col("from"), pl.col("until"))
    )
    covered = pl.concat([paid, maybe.select(*_PERSON, "month")])
    return (
        months.join(covered, on=[*_PERSON, "month"], how="anti")
        .group_by(_PERSON)
        .agg(
            pl.col("lo").min().fill_null(0).alias("found_lo"),
            pl.col("hi").max().alias("found_hi"),
            pl.col("evidence").unique().sort(),
        )
        .with_columns(
            code=pl.lit("insured_without_wage"),
            quantity=pl.lit(CONTRIBUTION),
            declared=pl.lit(None, pl.Int64),
        )
        .select(list(DISCREPANCIES.columns))
    )


def credits_exceed_income(statements: pl.LazyFrame, comparison: pl.LazyFrame) -> pl.LazyFrame:
    """Account credits of twelve months over twice the income found and declared.

    Everything is per month, rounded outwards; the comparison itself is of the twelve-month
    totals. Unbounded income explains any credits.
    """
    account = [*_PERSON, "object_key", "period_start", "period_end"]
    credited = (
        # The same account in two answers counts once; without a key it is known by its amounts.
        _certain(statements, MOVEMENT)
        .group_by(*account, pl.when(pl.col("object_key").is_null()).then("detail"))
        .agg(pl.col("lo").min(), pl.col("hi").min(), pl.col("evidence"))
        .group_by(_PERSON)
        .agg(
            pl.col("lo").sum(),
            pl.col("hi").sum(),
            pl.col("evidence").list.explode().unique().sort(),
        )
    )
    income = (
        comparison.filter(is_flow(QUANTITY_RANK))
        .group_by(_PERSON)
        .agg(
            pl.col("total_hi").sum().alias("found"),
            pl.col("amount").sum().alias("declared"),
            pl.col("amount").is_null().all().alias("undeclared"),
            pl.col("unbounded").any(),
        )
    )
    known = pl.col("found").fill_null(0) + MONTHS * pl.col("declared").fill_null(0)
    return (
        credited.join(income, on=_PERSON, how="left")
        .filter(
            ~pl.col("unbounded").fill_null(value=False)
            & (pl.col("lo") > 0)
            & (pl.col("lo") > CREDITS_FACTOR * known)
        )
        .with_columns(
            code=pl.lit("credits_exceed_income"),
            quantity=pl.lit(MOVEMENT),
            declared=pl.when(~pl.col("undeclared").fill_null(value=True)).then("declared"),
            found_lo=pl.col("lo") // MONTHS,
            found_hi=(pl.col("hi") + MONTHS - 1) // MONTHS,
        )
        .select(list(DISCREPANCIES.columns))
    )


def _certain(statements: pl.LazyFrame, kind: str) -> pl.LazyFrame:
    return statements.filter((pl.col("quantity") == kind) & (pl.col("standing") == CERTAIN))
