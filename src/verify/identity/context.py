"""Evidence from the household: whose record stands beside whose.

Two owners of one flat, two holders of one account, two rows of one household: once one of them is
surely a person of a household, that the other is a member of the same household is more likely
than chance. The level `member` says so, `apart` that the companions belong to other households.
Companions count only as far as they are positive by their own data.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Final

import polars as pl

from verify.domain.match import Judgement
from verify.domain.verdict import Text
from verify.identity.agree import agree
from verify.identity.coding import Registers
from verify.identity.confirm import confirmed
from verify.identity.model import FieldModel, Model
from verify.identity.normalise import HOUSEHOLD
from verify.identity.weigh import WEIGHT, weigh
from verify.scoring.bits import millibits
from verify.scoring.kinds import KINDS
from verify.scoring.linking import LinkSettings

CONTEXT: Final = "context"
_TITLE = Text("户内关联", "Household")
_MEMBER, _APART, _MISSING = (KINDS[CONTEXT].index(x) for x in ("member", "apart", "missing"))
_LARGEST = 30  # rows of a group, persons of a household: larger ones are institutions


def with_context(
    registers: Registers,
    scored: pl.DataFrame,
    judged: pl.DataFrame,
    model: Model,
    settings: LinkSettings,
    *,
    learn: bool,
) -> tuple[pl.DataFrame, Model]:
    """Scored pairs with `context` and its weight, and the model with the field.

    Rows that are not settled are also compared with the members of their companions' households,
    whatever the blocking rules say. Registers without households on both sides, and a model
    that lacks the field when it is not to `learn`, come back as they are.
    """
    sure = _sure(registers, judged)
    if sure is None:
        return scored, model
    if not model.has(CONTEXT):
        if not (learn and sure.height):
            return scored, model
        model = replace(model, fields=(*model.fields, _estimated(registers, sure, settings)))
    fresh = _members(registers, scored, sure)
    added = confirmed(weigh(registers, agree(registers, fresh), model), registers, settings)
    everything = pl.concat([scored, added.select(scored.columns)])
    levels = _levels(registers, everything, sure)
    weights = pl.Series(model.field(CONTEXT).weights, dtype=pl.Int64).gather(levels)
    return everything.with_columns(
        pl.Series(CONTEXT, levels),
        weights.alias(CONTEXT + WEIGHT),
        score=pl.col("score") + weights,
    ), model


def _sure(registers: Registers, judged: pl.DataFrame) -> pl.DataFrame | None:
    """`l2`, `r2`, `g` (the left row's group) and `h` (the person's household) of positive pairs."""
    if HOUSEHOLD not in registers.left.columns or HOUSEHOLD not in registers.right.columns:
        return None
    positive = judged.filter(pl.col("judgement") == Judgement.POSITIVE.value)
    return _placed(registers, positive.select("l", "r")).rename({"l": "l2", "r": "r2"}).drop_nulls()


def _placed(registers: Registers, pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.with_columns(
        g=registers.left[HOUSEHOLD].gather(pairs["l"]),
        h=registers.right[HOUSEHOLD].gather(pairs["r"]),
    )


def _rows(frame: pl.DataFrame, row: str, group: str) -> pl.DataFrame:
    """`row` and `group` of all rows in groups that are not too large."""
    rows = frame.select(pl.col(HOUSEHOLD).alias(group)).with_row_index(row).drop_nulls()
    small = rows.group_by(group).len().filter(pl.col("len") <= _LARGEST)
    return rows.join(small, on=group, how="semi")


def _members(registers: Registers, scored: pl.DataFrame, sure: pl.DataFrame) -> pl.DataFrame:
    """Pairs of unsettled rows with the household members of their companions, not yet scored."""
    waiting = _rows(registers.left, "l", "g").join(sure.select(l="l2"), on="l", how="anti")
    households = sure.select("g", "h").unique()
    members = _rows(registers.right, "r", "h")
    pairs = waiting.join(households, on="g").join(members, on="h").select("l", "r").unique()
    return (
        pairs.join(scored.select("l", "r"), on=["l", "r"], how="anti")
        .sort("l", "r")
        .with_columns(rules=pl.lit(0, pl.Int64))
    )


def _levels(registers: Registers, scored: pl.DataFrame, sure: pl.DataFrame) -> pl.Series:
    """The rank of every pair: what other rows of its group say."""
    placed = _placed(registers, scored.select("l", "r")).with_row_index("at")
    beside = (
        placed.drop_nulls()
        .join(sure.rename({"h": "h2"}), on="g")
        .filter((pl.col("l2") != pl.col("l")) & (pl.col("r2") != pl.col("r")))
        .group_by("at")
        .agg(member=(pl.col("h2") == pl.col("h")).any())
    )
    return (
        placed.join(beside, on="at", how="left", maintain_order="left")
        .select(
            pl.when("member")
            .then(pl.lit(_MEMBER, pl.UInt8))
            .when(~pl.col("member"))
            .then(pl.lit(_APART, pl.UInt8))
            .otherwise(pl.lit(_MISSING, pl.UInt8))
        )
        .to_series()
    )


def _estimated(registers: Registers, sure: pl.DataFrame, settings: LinkSettings) -> FieldModel:
    """m from the companions of positive pairs; u from the sizes of the households."""
    levels = _levels(registers, sure.rename({"l2": "l", "r2": "r"}), sure)
    kind = settings.kinds[CONTEXT]
    counts = [int((levels == rank).sum()) for rank in (_MEMBER, _APART)]
    pseudo = settings.pseudo_pairs
    total = sum(counts) + pseudo
    m = [(n + pseudo * share) / total for n, share in zip(counts, kind.shares, strict=True)]
    sizes = registers.right[HOUSEHOLD].drop_nulls().value_counts()["count"].cast(pl.Int64)
    people = max(2, int(sizes.sum()))
    together = max(1, int((sizes * (sizes - 1)).sum()))
    u = Fraction(min(together, people * (people - 1) - 1), people * (people - 1))
    weights = (millibits(m[0] / u), millibits(m[1] / (1 - u)), 0)
    return FieldModel(
        CONTEXT, CONTEXT, _TITLE, weights, 0, None, tuple(map(float, m)), (float(u), float(1 - u))
    )
