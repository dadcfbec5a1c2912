"""Link two registers, or find the repeated persons of one: the whole path in named steps.

    columns    which column is which field, which script family      -> fields
    normalise  normal forms beside the originals, coded               -> Registers
    block      pairs that share a key, with a report                  -> pairs (l, r, rules)
    agree      one rank of agreement a field                          -> agreed
    estimate   u counted, m and prior by EM, unless a model is given  -> Model
    weigh      integer weights and their sum                          -> scored
    settle     positive | unsure | negative, jointly                  -> judged

Every step is a function on Polars frames that can be called and inspected alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from verify.domain.match import Judgement
from verify.identity import settle as settling
from verify.identity.agree import agree
from verify.identity.block import Blocked, Missed, block, missed
from verify.identity.columns import ID, Field, choose_family, map_columns
from verify.identity.components import clusters, groups
from verify.identity.estimate import estimate
from verify.identity.model import Model
from verify.identity.normalise import Registers, prepare
from verify.identity.settle import How, how_sides_relate, settle
from verify.identity.weigh import weigh
from verify.scoring.kinds import KINDS
from verify.scoring.linking import LinkSettings

LEFT, RIGHT = ID + "_l", ID + "_r"
_WIDEST = 60  # rows of a cluster whose missing pairs are compared too


@dataclass(frozen=True)
class Linked:
    """What linking found, and every intermediate result under its name.

    `pairs`: `unique_id_l`, `unique_id_r`, `score` (milli-bits), `judgement`, `rule`, and the level
    and weight of every field; sorted by the ids. Pairs below `kept` are left out.
    """

    pairs: pl.DataFrame
    model: Model
    family: str
    fields: tuple[Field, ...]
    registers: Registers
    blocked: Blocked
    how: str
    missed: Missed


def link(
    left: pl.DataFrame,
    right: pl.DataFrame | None,
    families: Mapping[str, LinkSettings],
    *,
    family: str | None = None,
    model: Model | None = None,
    how: How | None = None,
) -> Linked:
    """Find the rows of one person in two registers, or in one (`right` is None).

    Args:
        left: a row for each entry, with `unique_id` and any columns that
            `scoring/linking/` knows; right: the other register.
        families: `scoring.linking.link_settings`. `family` names one; by default the script of
            the data decides.
        model: weights held fixed (from an earlier run); by default estimated from these registers
            without labels.
        how: how many counterparts a row may have; by default told from the pairs.

    Raises:
        InputError: no `unique_id`, or no column in common.
    """
    if family is None and model is not None:
        family = model.family
    settings = families[family] if family else choose_family(left, right, families)
    fields = map_columns(left, right, settings)
    registers = prepare(left, right, fields, settings)
    blocked = block(registers, settings.declared.blocking)
    agreed = agree(registers, blocked.pairs)
    chosen = model or estimate(registers, agreed, settings)
    scored = _confirmed(weigh(registers, agreed, chosen), registers, settings)
    if registers.dedupe:
        relation: str = "clusters"
        judged = _clustered(registers, scored, chosen, settings)
    else:
        relation = how or how_sides_relate(scored, chosen.positive)
        kept = scored.filter((pl.col("score") >= chosen.kept) | pl.col("proven"))
        judged = settle(kept, chosen.positive, chosen.unsure, relation)
    positive = judged.filter(pl.col("judgement") == Judgement.POSITIVE.value)
    reported = (pl.col("score") >= chosen.kept) | (pl.col("judgement") != "negative")
    return Linked(
        pairs=_named(judged.filter(reported), registers),
        model=chosen,
        family=settings.family,
        fields=fields,
        registers=registers,
        blocked=blocked,
        how=relation,
        missed=missed(positive, blocked.rules, _settling(blocked, settings)),
    )


def _settling(blocked: Blocked, settings: LinkSettings) -> int:
    settles = {rule.rule for rule in settings.declared.blocking.rules if rule.settles}
    return sum(1 << bit for bit, rule in enumerate(blocked.rules) if rule in settles)


def _confirmed(scored: pl.DataFrame, registers: Registers, settings: LinkSettings) -> pl.DataFrame:
    """Add `confirmed`, whether anything that the family calls confirming agrees at all, and
    `proven`, whether a field agrees exactly that never lets a pair be negative."""
    proofs = [pl.col(n) == 0 for n in settings.declared.never_negative if n in registers.fields]
    scored = scored.with_columns(proven=pl.any_horizontal(proofs) if proofs else pl.lit(False))
    wanted = [name for name in settings.declared.confirming if name in registers.fields]
    if not settings.declared.confirming:
        return scored.with_columns(confirmed=pl.lit(value=True))
    agrees = [
        pl.col(name) < KINDS[registers.fields[name].field.kind].index("different")
        for name in wanted
    ]
    return scored.with_columns(confirmed=pl.any_horizontal(agrees) if agrees else pl.lit(False))


def _clustered(
    registers: Registers, scored: pl.DataFrame, model: Model, settings: LinkSettings
) -> pl.DataFrame:
    """Judge the pairs of one register by clusters: see `identity.settle`."""
    joined = scored.filter((pl.col("score") >= model.positive) & pl.col("confirmed"))
    hanging = [rows for rows in groups(joined) if len(rows) > 2]
    inside = _inside(hanging)
    fresh = inside.join(scored, on=["l", "r"], how="anti", maintain_order="left").with_columns(
        rules=pl.lit(0, pl.Int64)
    )
    added = _confirmed(weigh(registers, agree(registers, fresh), model), registers, settings)
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


def _named(judged: pl.DataFrame, registers: Registers) -> pl.DataFrame:
    """Row numbers become ids, ranks become the names of levels."""
    levels = [
        pl.lit(pl.Series(KINDS[coded.field.kind], dtype=pl.String)).gather(pl.col(name)).alias(name)
        for name, coded in registers.fields.items()
    ]
    return judged.sort("l", "r").select(
        registers.left[ID].gather(judged.sort("l", "r")["l"]).alias(LEFT),
        registers.right[ID].gather(judged.sort("l", "r")["r"]).alias(RIGHT),
        "score",
        "judgement",
        "rule",
        "rules",
        *levels,
        *(f"{name}_milli" for name in registers.fields),
    )
