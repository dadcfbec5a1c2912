"""Which record belongs to which person: compare, score, judge, explain; pure, always a batch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from verify.frames import MATCHES
from verify.identity.compare import ENGINE, Compared, compare
from verify.identity.judge import judge
from verify.scoring import Family, FieldScoring, Scoring
from verify.scoring.levels import ID, MISSING, NAME


def resolve(
    persons: pl.DataFrame, records: pl.DataFrame, scoring: Scoring, *, family: str = "cn"
) -> pl.DataFrame:
    """Judge every record against every person of its household.

    Args:
        persons: `frames.PERSONS`; records: `frames.RECORDS`. Households are separate blocks: a
            household's matches depend on that household alone.
        scoring: the content set; `family` names the script family to use.

    Returns:
        `frames.MATCHES`, sorted by its key: every pair that agrees in anything, and for a record
        that agrees with nobody its best pair, so that no record goes unmentioned. Scores are
        log-odds in milli-bits: the prior plus the weights of the reasons (Fellegi and Sunter,
        1969).

    Raises:
        ValueError: two different rows of an input share a key (not looked for without records).
    """
    if records.is_empty():
        return _NONE
    chosen = scoring.family(family)
    compared = compare(persons, records, chosen)
    plan = _plan(chosen.fields, chosen.prior)
    scored = score(compared.pairs.lazy(), chosen)
    # Row numbers follow the keys on both sides, so this is the order of MATCHES.key.
    judged = judge(scored, chosen.positive, chosen.unsure).sort("r", "p").collect(engine=ENGINE)
    return MATCHES.check(_matches(judged, compared, plan, chosen.prior))


_NONE = MATCHES.frame()


def score(pairs: pl.LazyFrame, family: Family) -> pl.LazyFrame:
    """Add the weight of each field and `score`, their sum with the prior, in milli-bits.

    `pairs` has one rank column per field and `name_weight` (see `identity.compare.Compared`).
    """
    plan = _plan(family.fields, family.prior)
    return pairs.with_columns(plan.weights).with_columns(score=plan.score)


@dataclass(frozen=True)
class _Plan:
    """Expressions that score pairs and name the reasons, one reason selection per field."""

    weights: tuple[pl.Expr, ...]
    score: pl.Expr
    reasons: tuple[_Selection, ...]


@dataclass(frozen=True)
class _Selection:
    """Which pairs have a reason of this field, and its columns."""

    speaks: pl.Expr
    columns: tuple[pl.Expr, ...]


@lru_cache(maxsize=16)
def _plan(fields: tuple[FieldScoring, ...], prior: int) -> _Plan:
    """Building expressions costs as much as running them on one household, so they are kept."""
    return _Plan(
        weights=tuple(_weight(f).alias(_weight_column(f.field)) for f in fields),
        score=pl.sum_horizontal(_weight_column(f.field) for f in fields) + prior,
        reasons=tuple(_selection(f, at) for at, f in enumerate(fields)),
    )


def _weight_column(field: str) -> str:
    return f"{field}_milli"


def _weight(field: FieldScoring) -> pl.Expr:
    """Milli-bits of the pair's level; a name weighs at most what its rarity allows."""
    weight = pl.lit(pl.Series(field.weights, dtype=pl.Int64)).gather(pl.col(field.field))
    if field.field != NAME:
        return weight
    return pl.min_horizontal(weight, pl.col("name_weight"))


def _selection(field: FieldScoring, place: int) -> _Selection:
    """A comparison is a reason if it moved the score; and name and number always are.

    The judgement rests on those two, so that a source gave none is worth a line (weight 0).
    """
    detail = {NAME: pl.col("name_detail"), ID: pl.col("id_detail")}.get(field.field, pl.lit(""))
    levels = pl.lit(pl.Series(field.levels, dtype=pl.String))
    said = pl.col(field.field) != field.levels.index(MISSING)
    return _Selection(
        pl.lit(True) if field.field in (NAME, ID) else said,
        (
            pl.col("at"),
            pl.lit(place, pl.Int8).alias("place"),
            pl.lit(field.field).alias("field"),
            levels.gather(pl.col(field.field)).alias("level"),
            pl.col(_weight_column(field.field)).alias("weight"),
            detail.alias("detail"),
        ),
    )


def _matches(judged: pl.DataFrame, compared: Compared, plan: _Plan, prior: int) -> pl.DataFrame:
    """The columns of MATCHES: row numbers become keys, reasons become a list per pair.

    Reasons are gathered in long form and grouped: a list of structs built side by side was
    measured thirty times slower on a hundred thousand pairs.
    """
    pairs = judged.lazy().with_row_index("at")
    long = pl.concat([pairs.filter(s.speaks).select(s.columns) for s in plan.reasons])
    reasons = (
        long.sort("at", "place")
        .group_by("at", maintain_order=True)
        .agg(pl.struct("field", "level", "weight", "detail").alias("reasons"))
        .select("reasons")
    )
    return (
        # Every pair has at least the reasons of name and number, so the rows line up.
        pl.concat([pairs, reasons], how="horizontal")
        .select(
            pl.lit(compared.records["household"]).gather(pl.col("r")),
            pl.lit(compared.records["record"]).gather(pl.col("r")),
            pl.lit(compared.persons["person"]).gather(pl.col("p")),
            "judgement",
            "weighs",
            "score",
            pl.lit(prior, pl.Int64).alias("prior"),
            "rule",
            "reasons",
        )
        .collect(engine=ENGINE)
    )
