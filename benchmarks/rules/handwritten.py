"""The same conditions written by hand in Polars, as a careful programmer would.

One lazy query for one city and day, certain facts only: no doubts, no intervals, no citations, no
dates, no second rulebook. The intermediate amounts stay in the result, which is all the trace
that such a query has.
"""

from __future__ import annotations

import polars as pl
from population import AS_OF, FIRST, LAST, City

STANDARD, EXEMPTION = 159_500, 87_000
SMALL, LARGE, FAVOURED = 4_210_800, 3_828_000, 4_593_600
KEYS = ["household", "person"]
OTHER = ["labour_remuneration", "business_income", "property_income", "pension"]


def judge(city: City) -> pl.DataFrame:
    """Amounts, states of the six tests and the monthly benefit per household."""
    people = _people(city)
    things = _things(city, people)
    return (
        _households(people)
        .join(things, on="household", how="left")
        .join(city.households.lazy().select("household", "residence"), on="household")
        .with_columns(pl.col("vehicles", "homes", "shops").fill_null(0))
        .with_columns(
            composition=pl.col("n") >= 1,
            income_test=pl.col("income") < STANDARD * 12 * pl.col("n"),
            money_assets=pl.col("savings") < pl.col("limit"),
            vehicles_test=pl.col("vehicles") <= 0,
            dwellings_test=pl.col("homes")
            <= pl.when(pl.col("residence") == "rural").then(0).otherwise(1),
            non_residential=pl.col("shops") <= 0,
            benefit=(STANDARD * 12 * pl.col("n") - pl.col("income")).clip(lower_bound=0) // 12,
        )
        .sort("household")
        .collect()
    )


def _people(city: City) -> pl.LazyFrame:
    """Per member: amounts, circumstances, whether they count, and their savings limit."""
    quantity, lo = pl.col("quantity"), pl.col("lo")

    def total(*names: str) -> pl.Expr:
        return lo.filter(quantity.is_in(names)).sum()

    def holds(name: str) -> pl.Expr:
        return (lo.filter(quantity == name) > 0).any()

    inside = pl.col("period_start").is_null() | (
        (pl.col("period_start") >= FIRST) & (pl.col("period_end") <= LAST)
    )
    sums = (
        city.facts.lazy()
        .filter(inside)
        .group_by(KEYS)
        .agg(
            wage=total("wage"),
            other=total(*OTHER),
            savings=total("bank_balance", "wealth_product"),
            at_least=holds("wage_at_least_minimum"),
            student=holds("secondary_student"),
            long_term=holds("long_term_co_resident"),
            disabled=holds("disability"),
        )
    )
    born, relation = pl.col("birth"), pl.col("relation")

    def digits(day: pl.Expr) -> pl.Expr:
        parts = (day.dt.year(), day.dt.month(), day.dt.day())
        year, month, of_month = (p.cast(pl.Int64) for p in parts)
        return year * 10_000 + month * 100 + of_month

    child = (relation == "child") & ((pl.col("age") < 18) | pl.col("student"))
    kin = relation.is_in(["child", "parent"]) & pl.col("long_term")
    return (
        city.persons.lazy()
        .select(*KEYS, "relation", age=(digits(pl.lit(AS_OF)) - digits(born)) // 10_000)
        .join(sums, on=KEYS, how="left")
        .with_columns(
            pl.col("wage", "other", "savings").fill_null(0),
            pl.col("at_least", "student", "long_term", "disabled").fill_null(False),
        )
        .with_columns(
            counted=relation.is_in(["self", "spouse"]) | child | kin,
            exempt=pl.when("at_least")
            .then(pl.min_horizontal(pl.col("wage"), EXEMPTION * 12))
            .otherwise(0),
            favoured=(pl.col("age") < 18)
            | (pl.col("age") >= 60)
            | pl.col("student")
            | pl.col("disabled"),
        )
        .with_columns(income=pl.col("wage") - pl.col("exempt") + pl.col("other"))
    )


def _households(people: pl.LazyFrame) -> pl.LazyFrame:
    n = pl.len().cast(pl.Int64)
    base = pl.when(n <= 2).then(SMALL).otherwise(LARGE)
    favoured = pl.col("favoured").sum().cast(pl.Int64)
    return (
        people.filter("counted")
        .group_by("household")
        .agg(
            n=n,
            income=pl.col("income").sum(),
            savings=pl.col("savings").sum(),
            limit=favoured * FAVOURED + (n - favoured) * base,
        )
    )


def _things(city: City, people: pl.LazyFrame) -> pl.LazyFrame:
    """Things of those who count, each once."""
    kinds = ["vehicle", "dwelling", "non_residential"]
    is_disability_vehicle = (pl.col("category") == "disability_vehicle").fill_null(False)
    return (
        city.facts.lazy()
        .filter(pl.col("quantity").is_in(kinds), ~is_disability_vehicle)
        .select(*KEYS, "quantity", "object_key")
        .join(people.filter("counted").select(KEYS), on=KEYS)
        .unique(["household", "quantity", "object_key"])
        .group_by("household")
        .agg(
            vehicles=(pl.col("quantity") == "vehicle").sum().cast(pl.Int64),
            homes=(pl.col("quantity") == "dwelling").sum().cast(pl.Int64),
            shops=(pl.col("quantity") == "non_residential").sum().cast(pl.Int64),
        )
    )
