"""Whose statement each record is, and what it says in integer bounds.

A record becomes at most one person's statement. It is *certain* (identity judged it positive),
*doubtful* (unsure, with an identifier that supports it) or *name only* (unsure, a name and
nothing else): the last is kept to be asked about and never becomes a fact (invariant 2).
"""

from __future__ import annotations

import polars as pl

from verify.domain.match import Judgement
from verify.domain.period import Granularity
from verify.reconcile.kinds import DEATH, DECEASED, KIND_RANK, is_counted, is_flow
from verify.reconcile.shape import run

CERTAIN, DOUBTFUL, NAME_ONLY = 0, 1, 2

# A co-ownership of more parts than this is a reading error; it also keeps products in 64 bits.
MAX_PARTS = 1_000_000_000

_HOUSEHOLD_RECORD = ["household", "record"]
_CANDIDATE: tuple[str | pl.Expr, ...] = (
    *_HOUSEHOLD_RECORD,
    *("person", "rule", "score"),
    pl.when(pl.col("judgement") == Judgement.POSITIVE.value)
    .then(pl.lit(CERTAIN, pl.Int8))
    .when("weighs")
    .then(pl.lit(DOUBTFUL, pl.Int8))
    .otherwise(pl.lit(NAME_ONLY, pl.Int8))
    .alias("standing"),
    pl.struct(_HOUSEHOLD_RECORD).is_duplicated().alias("contested"),
    pl.lit("").alias("others"),
)
_CHOSEN = (*_HOUSEHOLD_RECORD, "person", "rule", "standing", "others")
_KEPT = (
    *("record", "evidence", "source", "person", "standing", "rule", "others", "kind"),
    *("subject_name", "subject_id", "subject_birth", "object_key", "category", "detail"),
    *("granularity", "period_start", "period_end", "as_of"),
)

_RANK = pl.col("rank")
_IS_ANNUAL = (pl.col("granularity") == Granularity.YEAR.value) & is_flow(_RANK)
_QUANTITY = (
    pl.when(pl.col("kind") == DEATH).then(pl.lit(DECEASED)).otherwise("kind").alias("quantity")
)

_NUM, _DEN = pl.col("share_num"), pl.col("share_den")
_READABLE = (_DEN > 0) & (_DEN <= MAX_PARTS) & (_NUM >= 0) & (_NUM <= _DEN)


def _with_zero(value: pl.Expr, *, up: bool) -> pl.Expr:
    """The upper (or lower) end of the range from `value` to 0; null stays null."""
    return pl.when(value < 0 if up else value > 0).then(0).otherwise(value)


_REST, _WHOLE, _DIVISOR = pl.col("rest"), pl.col("whole"), pl.col("divisor")
_DIVIDE = (
    (pl.col("lo") % _DIVISOR * _NUM).alias("rest"),
    (pl.col("lo") // _DIVISOR * _NUM).alias("whole"),
)
_SHARE = (
    pl.when("readable")
    .then(_WHOLE + _REST // _DIVISOR)
    .otherwise(_with_zero(pl.col("lo"), up=False))
    .alias("lo"),
    pl.when("readable")
    .then(_WHOLE + (_REST + _DIVISOR - 1) // _DIVISOR)
    .otherwise(_with_zero(pl.col("hi"), up=True))
    .alias("hi"),
    pl.when("readable").then(pl.col("area_dm2") * _NUM // _DIVISOR).alias("area_dm2"),
)
_START = (KIND_RANK.alias("rank"), pl.col("amount").alias("lo"), pl.col("amount").alias("hi"))
_STATEMENT: tuple[str | pl.Expr, ...] = (
    "household",
    *_KEPT,
    "rank",
    _QUANTITY,
    *(
        pl.when(is_counted(_RANK))
        .then(1)
        .when(_IS_ANNUAL)
        .then(_with_zero(pl.col(name), up=up))
        .otherwise(name)
        .alias(name)
        for name, up in (("lo", False), ("hi", True))
    ),
    "area_dm2",
)


def _share(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Amounts and areas times the person's share, rounded outwards (areas down), in 64 bits.

    Quotient and remainder are scaled apart, so the largest product is about `MAX_PARTS` squared.
    A share that cannot be one (0 parts, more than the whole) says only "none to all of it".
    """
    return (
        rows.with_columns(_READABLE.alias("readable"))
        .with_columns(pl.when("readable").then(_DEN).otherwise(1).alias("divisor"))
        .with_columns(_DIVIDE)
        .with_columns(_SHARE)
    )


def choose_person(matches: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """The one person each record is a statement about; none for rejected records.

    Certain goes before doubtful before name only. Where several persons remain, a member goes
    before a supporter (a member's means always matter to the household's upper bound), then the
    higher score, then the person key; `others` names those passed over, for the question.
    """
    rejected = pl.col("judgement") == Judgement.NEGATIVE.value
    (candidates,) = run(matches.lazy().filter(~rejected).select(_CANDIDATE))
    if not candidates["contested"].any():
        return candidates.select(_CHOSEN)
    ranked = (
        candidates.lazy()
        .filter("contested")
        .join(persons.lazy().select("household", "person", "role"), on=["household", "person"])
        .sort(
            *_HOUSEHOLD_RECORD,
            *("standing", "role"),  # "member" sorts before "supporter"
            *("score", "person"),
            descending=[False, False, False, False, True, False],
        )
        .group_by(_HOUSEHOLD_RECORD, maintain_order=True)
        .agg(
            pl.col("person", "rule", "standing").first(),
            others=pl.col("person")
            .filter(pl.col("standing") == pl.col("standing").first())
            .slice(1)
            .str.join(","),
        )
    )
    alone = candidates.lazy().filter(~pl.col("contested"))
    return run(pl.concat([alone.select(_CHOSEN), ranked.select(_CHOSEN)]))[0]


def attribute(
    records: pl.DataFrame, chosen: pl.DataFrame, shut: pl.DataFrame | None
) -> pl.LazyFrame:
    """Statements: one row per record that may be about its person.

    `shut` lists evidence (household, evidence) whose records say nothing usable, such as stale
    answers; an open bound stands in their place (`verify.reconcile.gaps`).

    `lo` and `hi` are the person's own share in fen (the share of a co-owner outside the
    household never counts), or 1 for a thing, a role or a death. An amount known per year alone
    says nothing about any month: it ranges from 0 to the amount. An amount that the source left
    out has null bounds. An area is the person's share of it, rounded down.
    """
    rows = records.lazy().join(chosen.lazy(), on=_HOUSEHOLD_RECORD)
    if shut is not None:
        rows = rows.join(shut.lazy(), on=["household", "evidence"], how="anti")
    rows = rows.with_columns(_START)
    num, den = records["share_num"], records["share_den"]
    if not ((num == den).all() and (num > 0).all()):
        rows = _share(rows)
    return rows.select(_STATEMENT)
