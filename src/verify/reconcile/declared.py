"""What the family declared beside what the sources hold (57号 article 9).

A declaration is compared, never counted twice. It becomes a fact in two cases: support from
statutory supporters, which agreement or judgment fixes and no register holds; and amounts of
which the sources hold nothing, since a statement of one's own means is believed.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from verify.domain.period import Granularity
from verify.frames import DISCREPANCIES
from verify.reconcile.kinds import FLOWS, MONEY, SUPPORT
from verify.reconcile.shape import fact_part

MONTHS = 12

_SUBJECT = ["household", "person", "quantity"]
_IS_FLOW = pl.col("quantity").is_in(FLOWS)


@dataclass(frozen=True)
class Comparison:
    """Per person and quantity of money, what was declared beside what was found.

    `rows` has household, person, quantity, `amount` (declared; per month for flows; null: not
    declared), `total_lo`, `total_hi` (found; flows over twelve months; null: nothing found, or
    unbounded), `found`, `certain`, `unbounded`, and the bounds `found_lo`, `found_hi` in the
    unit of the declaration.
    """

    rows: pl.DataFrame


def windows(households: pl.DataFrame) -> pl.DataFrame:
    """The twelve whole months before the month of `as_of`, per household."""
    first = pl.col("as_of").dt.month_start()
    return households.select(
        "household",
        "as_of",
        first.dt.offset_by(f"-{MONTHS}mo").alias("window_start"),
        first.dt.offset_by("-1d").alias("window_end"),
    )


def compare(facts: pl.DataFrame, declared: pl.DataFrame, window: pl.DataFrame) -> Comparison:
    """Add up the facts of each quantity in the window and set the declaration beside them."""
    in_window = (pl.col("period_start") <= pl.col("window_end")) & (
        pl.col("period_end") >= pl.col("window_start")
    )
    certain = pl.col("doubt").is_null()
    found = (
        facts.filter(pl.col("quantity").is_in(MONEY))
        .join(window, on="household")
        .filter(~_IS_FLOW | pl.col("period_start").is_null() | in_window)
        .group_by(_SUBJECT)
        .agg(
            pl.col("lo").filter(certain).sum().alias("total_lo"),
            pl.col("hi").sum().alias("total_hi"),
            certain.any().alias("certain"),
            pl.col("hi").is_null().any().alias("unbounded"),
        )
        .with_columns(pl.lit(value=True).alias("found"))
    )
    rows = found.join(
        declared.filter(pl.col("quantity").is_in(MONEY)), on=_SUBJECT, how="full", coalesce=True
    ).with_columns(pl.col("found", "certain", "unbounded").fill_null(value=False))
    months = pl.when(_IS_FLOW).then(MONTHS).otherwise(1)
    lo, hi = pl.col("total_lo").fill_null(0), pl.col("total_hi").fill_null(0)
    return Comparison(
        rows.with_columns(
            found_lo=lo // months,
            found_hi=pl.when(~pl.col("unbounded")).then((hi + months - 1) // months),
        )
    )


def declared_facts(comparison: Comparison, window: pl.DataFrame) -> pl.DataFrame:
    """Facts from declarations: twelve monthly facts for a flow, one for a stock.

    Where only doubtful records were found, they may or may not be what was declared, so the
    declared amount is then an upper bound. Where a source is silent, nothing is added: its open
    bound holds whatever it will say.
    """
    is_support = pl.col("quantity") == SUPPORT
    unheld = ~pl.col("certain") & ~pl.col("unbounded")
    rows = (
        comparison.rows.filter((pl.col("amount") > 0) & (is_support | unheld))
        .join(window, on="household")
        .with_columns(
            lo=pl.when(pl.col("found") & ~is_support).then(0).otherwise("amount"),
            hi="amount",
            note=pl.when(is_support)
            .then(pl.lit("declared_monthly"))
            .otherwise(pl.lit("declared_only")),
        )
    )
    flows = (
        rows.filter(_IS_FLOW)
        .with_columns(period_start=pl.date_ranges("window_start", "window_end", "1mo"))
        .explode("period_start")
        .with_columns(
            period_end=pl.col("period_start").dt.month_end(),
            granularity=pl.lit(Granularity.MONTH.value),
        )
    )
    stocks = rows.filter(~_IS_FLOW).with_columns(granularity=pl.lit(Granularity.INSTANT.value))
    return pl.concat([fact_part(flows), fact_part(stocks)])


def differences(
    comparison: Comparison, facts: pl.DataFrame, coverage: pl.DataFrame
) -> pl.DataFrame:
    """Discrepancies between declaration and findings: something to look at, never a finding.

    `undeclared` and `found_higher` rest on what is certain alone, so a namesake's record never
    accuses anyone. `found_lower` needs a source that holds such amounts and answered.
    """
    amount = pl.col("amount").fill_null(0)
    code = (
        pl.when((amount == 0) & (pl.col("found_lo") > 0))
        .then(pl.lit("undeclared"))
        .when((amount != 0) & (pl.col("found_lo") > amount))
        .then(pl.lit("found_higher"))
        .when((amount != 0) & (pl.col("found_hi") < amount))
        .then(pl.lit("found_lower"))
    )
    rows = comparison.rows.with_columns(code=code).filter(pl.col("code").is_not_null())
    unlooked = (pl.col("code") == "found_lower") & ~pl.col("found")
    if bool(rows.select(unlooked.any()).item()):
        rows = pl.concat([rows.filter(~unlooked), _looked_for(rows.filter(unlooked), coverage)])
    evidence = (
        facts.join(rows, on=_SUBJECT, how="semi")
        .select(*_SUBJECT, "evidence")
        .explode("evidence")
        .group_by(_SUBJECT)
        .agg(pl.col("evidence").drop_nulls().unique().sort())
    )
    return (
        rows.join(evidence, on=_SUBJECT, how="left")
        .with_columns(pl.col("evidence").fill_null([]), declared="amount")
        .select(list(DISCREPANCIES.columns))
    )


def _looked_for(rows: pl.DataFrame, coverage: pl.DataFrame) -> pl.DataFrame:
    asked = (
        rows.select(_SUBJECT)
        .join(coverage.select("household", "person", "yields"), on=["household", "person"])
        .filter(pl.col("yields").list.contains(pl.col("quantity")))
    )
    return rows.join(asked, on=_SUBJECT, how="semi")
