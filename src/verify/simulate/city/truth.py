"""What people truly earned and owned when they applied; what their applications say of it."""

from __future__ import annotations

import polars as pl

from verify.simulate.city import marginals
from verify.simulate.city.departments import (
    bank,
    real_estate,
    savings,
    social_insurance,
    tax,
    vehicle,
)
from verify.simulate.city.draws import Draws
from verify.simulate.city.spells import months_in
from verify.simulate.city.timeline import SNAPSHOTS, WINDOW
from verify.simulate.earnings import AS_OF

_QUANTITY = {
    "wage": "wage", "business": "business_income", "rent": "property_income",
    "employee_pension": "pension", "resident_pension": "pension",
    "unemployment": "unemployment_benefit",
}  # fmt: skip
CENTRAL = "central_basic_pension"
_MONEY = ["bank_balance", "fund", "housing_fund", "securities", "wealth_product"]


def earned(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """True income of the twelve months before the application: `person`, `quantity`, `fen`."""
    months = months_in(0, WINDOW - 1)
    taxed = tax.incomes(draws, town).select(
        person="u", quantity=pl.col("item").replace_strict(_QUANTITY),
        fen=pl.col("amount") * months,
    )  # fmt: skip
    paid = social_insurance.payouts(draws, town)
    drawn = paid.select(
        person="u", quantity=pl.col("item").replace_strict(_QUANTITY),
        fen=(pl.col("amount") - pl.col("central_basic")) * months,
    )  # fmt: skip
    central = paid.select(
        person="u", quantity=pl.lit(CENTRAL), fen=pl.col("central_basic") * months
    )
    every = pl.concat([taxed, drawn, central]).filter(pl.col("fen") > 0)
    return every.group_by("person", "quantity").agg(pl.col("fen").sum()).sort("person", "quantity")


def owned(draws: Draws, town: pl.DataFrame) -> pl.DataFrame:
    """True assets at the application: `person`, `quantity`, `fen` or a count."""
    money = bank.accounts(draws, town).filter(pl.col("as_of") == SNAPSHOTS[0]).select(
        person="u",
        quantity=pl.when(pl.col("type") == "wealth").then(pl.lit("wealth_product"))
        .otherwise(pl.lit("bank_balance")),
        fen=pl.col("balance") // pl.col("share_den"),
    )  # fmt: skip
    fund = savings.funds(draws, town).filter(pl.col("known_on") <= AS_OF).select(
        person="u", quantity=pl.lit("housing_fund"), fen="balance"
    )  # fmt: skip
    held = savings.holdings(draws, town).filter(pl.col("as_of") == SNAPSHOTS[0]).select(
        person="u",
        quantity=pl.when(pl.col("product") == "fund").then(pl.lit("fund"))
        .otherwise(pl.lit("securities")),
        fen="worth",
    )  # fmt: skip
    there = (pl.col("registered_on") <= AS_OF) & (
        pl.col("until").is_null() | (pl.col("until") > AS_OF)
    )
    cars = vehicle.vehicles(draws, town).filter(there).select(
        person="u", quantity=pl.lit("vehicles"), fen=pl.lit(1, pl.Int64)
    )  # fmt: skip
    homes = real_estate.titles(draws, town).filter(there).select(
        person="u", quantity=pl.lit("titles"), fen=pl.lit(1, pl.Int64)
    )  # fmt: skip
    every = pl.concat([money, fund, held, cars, homes])
    return every.group_by("person", "quantity").agg(pl.col("fen").sum()).sort("person", "quantity")


def declared(draws: Draws, income: pl.DataFrame, assets: pl.DataFrame) -> pl.DataFrame:
    """What the application says, in fen: income a month, money as it stands; some of it left out.

    Columns: `person`, `quantity`, `fen`.
    """
    money = assets.filter(pl.col("quantity").is_in(_MONEY))
    every = pl.concat([income.with_columns(fen=pl.col("fen") // WINDOW), money])
    hidden = pl.when(pl.col("quantity").is_in(["wage", "pension"])).then(
        marginals.UNDECLARED_PER_MILLION // 2
    ).otherwise(marginals.UNDECLARED_PER_MILLION)  # fmt: skip
    # The place of the quantity in the alphabet keeps two quantities of one person apart.
    names = sorted({*_QUANTITY.values(), CENTRAL, *_MONEY})
    at = pl.col("quantity").replace_strict({name: i for i, name in enumerate(names)})
    line = pl.col("person") * 16 + at.cast(pl.UInt64)
    return every.filter(~draws.chance("undeclared", line, hidden.cast(pl.UInt64)))


def applications(seed: int, town: pl.DataFrame) -> pl.DataFrame:
    """One row per household with somebody alive: case, programme, region, residence, date."""
    alive = town.filter(pl.col("died_on").is_null() | (pl.col("died_on") > AS_OF))
    draws = Draws("applications", seed)
    return (
        alive.group_by("h", maintain_order=True)
        .agg(pl.col("district").first(), pl.col("rural").first(), pl.len().alias("members"))
        .select(
            household="h",
            case_number=pl.lit(f"S{seed}-") + pl.col("h").cast(pl.String).str.zfill(9),
            programme=pl.when(draws.chance("programme", "h", 800_000))
            .then(pl.lit("dibao"))
            .otherwise(pl.lit("dibao_margin")),
            region="district",
            residence=pl.when("rural").then(pl.lit("rural")).otherwise(pl.lit("urban")),
            as_of=pl.lit(AS_OF),
            members="members",
        )
    )
