"""Link two registers, or find the repeated persons of one: the whole path in named steps.

    columns    which column is which field, which script family      -> fields
    normalise  normal forms beside the originals, coded               -> Registers
    block      pairs that share a key, with a report                  -> pairs (l, r, rules)
    agree      one rank of agreement a field                          -> agreed
    estimate   u counted, m and prior by EM, unless a model is given  -> Model
    weigh      integer weights and their sum                          -> scored
    settle     positive | unsure | negative, jointly                  -> judged
    context    what other members of the household add; settled again -> judged

Every step is a function on Polars frames that can be called and inspected alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from verify.domain.match import Judgement
from verify.identity.agree import agree
from verify.identity.block import Blocked, Missed, block, missed
from verify.identity.coding import Registers, prepare
from verify.identity.columns import ID, Field, choose_family, map_columns
from verify.identity.confirm import confirmed
from verify.identity.context import CONTEXT, with_context
from verify.identity.estimate import estimate
from verify.identity.model import Model
from verify.identity.persons import cluster
from verify.identity.settle import How, how_sides_relate, settle
from verify.identity.weigh import weigh
from verify.scoring.kinds import KINDS
from verify.scoring.linking import LinkSettings

LEFT, RIGHT = ID + "_l", ID + "_r"


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
    blocked = block(registers, settings.declared.blocking, how)
    agreed = agree(registers, blocked.pairs)
    chosen = model or estimate(registers, agreed, settings)
    scored = confirmed(weigh(registers, agreed, chosen), registers, settings)
    if registers.dedupe:
        relation: str = "clusters"
        judged = cluster(registers, scored, chosen, settings)
    else:
        relation = how or how_sides_relate(scored, chosen.positive)
        judged = _settled(scored, chosen, relation)
        scored, chosen = with_context(
            registers, scored, judged, chosen, settings, learn=model is None
        )
        if chosen.has(CONTEXT):
            judged = _settled(scored, chosen, relation)
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


def _settled(scored: pl.DataFrame, model: Model, how: How) -> pl.DataFrame:
    kept = scored.filter((pl.col("score") >= model.kept) | pl.col("proven"))
    return settle(kept, model.positive, model.unsure, how)


def _settling(blocked: Blocked, settings: LinkSettings) -> int:
    settles = {rule.rule for rule in settings.declared.blocking.rules if rule.settles}
    return sum(1 << bit for bit, rule in enumerate(blocked.rules) if rule in settles)


def _named(judged: pl.DataFrame, registers: Registers) -> pl.DataFrame:
    """Row numbers become ids, ranks become the names of levels."""
    kinds = {name: coded.field.kind for name, coded in registers.fields.items()}
    if CONTEXT in judged.columns:
        kinds[CONTEXT] = CONTEXT
    levels = [
        pl.lit(pl.Series(KINDS[kind], dtype=pl.String)).gather(pl.col(name)).alias(name)
        for name, kind in kinds.items()
    ]
    ordered = judged.sort("l", "r")
    return ordered.select(
        registers.left[ID].gather(ordered["l"]).alias(LEFT),
        registers.right[ID].gather(ordered["r"]).alias(RIGHT),
        "score",
        "judgement",
        "rule",
        "rules",
        *levels,
        *(f"{name}_milli" for name in kinds),
    )
