"""Scores of agreed pairs: the prior plus one integer weight a field, in milli-bits."""

from __future__ import annotations

import polars as pl

from verify.identity.coding import Coded, Registers
from verify.identity.model import FieldModel, Model

WEIGHT = "_milli"


def weigh(registers: Registers, agreed: pl.DataFrame, model: Model) -> pl.DataFrame:
    """`agreed` with `<field>_milli` for each field and `score`, the prior plus their sum."""
    weights = [
        _weights(agreed, registers.fields[f.name], f).alias(f.name + WEIGHT)
        for f in model.fields
        if f.name in registers.fields
    ]
    return agreed.with_columns(*weights).with_columns(
        score=pl.sum_horizontal(w.name for w in weights) + pl.lit(model.prior, pl.Int64)
    )


def _weights(agreed: pl.DataFrame, coded: Coded, model: FieldModel) -> pl.Series:
    levels = pl.Series(model.weights, dtype=pl.Int64)
    weights = levels.gather(agreed[model.name])
    if model.rarity is None:
        return weights
    rare = _by_code(coded, model.rarity)
    exact = pl.max_horizontal(
        pl.lit(rare.gather(coded.left.gather(agreed["l"]))) + model.exact, pl.lit(model.weights[1])
    )
    return pl.select(
        pl.when(pl.lit(agreed[model.name]) == 0).then(exact).otherwise(pl.lit(weights))
    ).to_series()


def _by_code(coded: Coded, rarity: pl.DataFrame) -> pl.Series:
    """Rarity of every value of these registers; a value the model never saw is of the rarest."""
    if rarity["value"].equals(coded.values):
        return rarity["milli"]
    rarest = int(rarity["milli"].max() or 0)  # type: ignore[arg-type]  # an integer column
    return (
        pl.DataFrame({"value": coded.values})
        .join(rarity, on="value", how="left", maintain_order="left")["milli"]
        .fill_null(rarest)
    )
