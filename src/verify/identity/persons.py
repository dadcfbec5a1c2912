"""The persons of one register: its rows clustered by the evidence between all of them."""

from __future__ import annotations

from itertools import combinations

import polars as pl

from verify.domain.match import Judgement
from verify.identity import settle as settling
from verify.identity.agree import agree
from verify.identity.coding import Registers
from verify.identity.components import clusters, groups
from verify.identity.confirm import confirmed
from verify.identity.model import Model
from verify.identity.settle import settle
from verify.identity.weigh import weigh
from verify.scoring.linking import LinkSettings

_WIDEST = 60  # rows of a cluster whose missing pairs are compared too


def cluster(
    registers: Registers, scored: pl.DataFrame, model: Model, settings: LinkSettings
) -> pl.DataFrame:
    """Judge the pairs of one register by clusters: see `identity.settle`."""
    joined = scored.filter((pl.col("score") >= model.positive) & pl.col("confirmed"))
    hanging = [rows for rows in groups(joined) if len(rows) > 2]
    inside = _inside(hanging)
    fresh = inside.join(scored, on=["l", "r"], how="anti", maintain_order="left").with_columns(
        rules=pl.lit(0, pl.Int64)
    )
    added = confirmed(weigh(registers, agree(registers, fresh), model), registers, settings)
    everything = pl.concat([scored, added.select(scored.columns)])
    judged = settle(everything, model.positive, model.unsure, "many_to_many")
    if not hanging:
        return judged
    known = inside.join(everything, on=["l", "r"], how="inner").select("l", "r", "score")
    return _by_cluster(judged, hanging, known, model)


def _inside(hanging: list[list[int]]) -> pl.DataFrame:
    pairs = [pair for rows in hanging if len(rows) <= _WIDEST for pair in combinations(rows, 2)]
    return pl.DataFrame(pairs, schema={"l": pl.UInt32, "r": pl.UInt32}, orient="row")


def _by_cluster(
    judged: pl.DataFrame, hanging: list[list[int]], known: pl.DataFrame, model: Model
) -> pl.DataFrame:
    weights = {(a, b): _pull(score, model) for a, b, score in known.iter_rows()}
    place: dict[int, int] = {}
    for rows in hanging:
        if len(rows) > _WIDEST:
            continue
        mine = {pair: weights[pair] for pair in combinations(rows, 2) if pair in weights}
        for cluster in clusters(rows, mine):
            place.update(dict.fromkeys(cluster, cluster[0]))
    table = pl.DataFrame(
        {"row": list(place), "of": list(place.values())},
        schema={"row": pl.UInt32, "of": pl.UInt32},
    )
    at = judged.join(table.rename({"row": "l", "of": "cl"}), on="l", how="left").join(
        table.rename({"row": "r", "of": "cr"}), on="r", how="left"
    )
    together, apart = pl.col("cl") == pl.col("cr"), pl.col("cl") != pl.col("cr")
    high = pl.col("judgement") == Judgement.POSITIVE.value
    return at.with_columns(
        rule=pl.when(together & ~high)
        .then(pl.lit(settling.IN_CLUSTER))
        .when(apart & high)
        .then(pl.lit(settling.BETTER))
        .otherwise("rule"),
        judgement=pl.when(together)
        .then(pl.lit(Judgement.POSITIVE.value))
        .when(apart & high)
        .then(pl.lit(Judgement.UNSURE.value))
        .otherwise("judgement"),
    ).drop("cl", "cr")


def _pull(score: int, model: Model) -> int:
    """What a pair says about two clusters: for them from the cut-off up; against them only as far
    as its fields contradict, without the prior, which every pair of a cluster would repeat."""
    if score >= model.positive:
        return score - model.positive + 1
    return min(0, score - model.prior)
