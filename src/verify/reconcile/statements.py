"""Whose statement each record is, and what it says in integer bounds.

A record becomes at most one person's statement. It is *certain* (identity judged it positive),
*doubtful* (unsure, with an identifier that supports it) or *name only* (unsure, a name and
nothing else): the last is kept to be asked about and never becomes a fact (invariant 2).
"""

from __future__ import annotations

import polars as pl

from verify.domain.match import Judgement
from verify.domain.period import Granularity
from verify.reconcile.kinds import DEATH, DECEASED, FLOWS, ITEMS, ROLE

CERTAIN, DOUBTFUL, NAME_ONLY = 0, 1, 2

# A co-ownership of more parts than this is a reading error; it also keeps products in 64 bits.
MAX_PARTS = 1_000_000_000

_HOUSEHOLD_RECORD = ["household", "record"]
_STANDING = (
    pl.when(pl.col("judgement") == Judgement.POSITIVE.value)
    .then(pl.lit(CERTAIN))
    .when("weighs")
    .then(pl.lit(DOUBTFUL))
    .otherwise(pl.lit(NAME_ONLY))
    .cast(pl.Int8)
)
_KEPT = (
    *("record", "evidence", "source", "person", "standing", "rule", "others", "kind"),
    *("subject_name", "subject_id", "subject_birth", "object_key", "category", "detail"),
    *("granularity", "period_start", "period_end", "as_of"),
)

_IS_COUNTED = pl.col("kind").is_in((*ITEMS, ROLE, DEATH))
_IS_DEATH = pl.col("kind") == DEATH
_IS_ANNUAL = (pl.col("granularity") == Granularity.YEAR.value) & pl.col("kind").is_in(FLOWS)

_NUM, _DEN = pl.col("share_num"), pl.col("share_den")
_READABLE = (_DEN > 0) & (_DEN <= MAX_PARTS) & (_NUM >= 0) & (_NUM <= _DEN)


def _share(column: str, *, up: bool) -> pl.Expr:
    """`column` times the person's share, rounded down or up, without leaving 64 bits.

    Quotient and remainder are scaled apart, so the largest product is about `MAX_PARTS` squared.
    A share that cannot be one (0 parts, more than the whole) says only "none to all of it".
    """
    value = pl.col(column)
    den = pl.when(_READABLE).then(_DEN).otherwise(1)
    rest = (value % den) * _NUM + (den - 1 if up else 0)
    scaled = (value // den) * _NUM + rest // den
    return pl.when(_READABLE).then(scaled).otherwise(_with_zero(value, up=up))


def _with_zero(value: pl.Expr, *, up: bool) -> pl.Expr:
    """The upper (or lower) end of the range from `value` to 0; null stays null."""
    return pl.when(value < 0 if up else value > 0).then(0).otherwise(value)


def choose_person(matches: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """The one person each record is a statement about; none for rejected records.

    Certain goes before doubtful before name only. Where several persons remain, a member goes
    before a supporter (a member's means always matter to the household's upper bound), then the
    higher score, then the person key; `others` names those passed over, for the question.
    """
    candidates = matches.filter(pl.col("judgement") != Judgement.NEGATIVE.value).select(
        *_HOUSEHOLD_RECORD, "person", "rule", "score", _STANDING.alias("standing")
    )
    contested = candidates.select(pl.struct(_HOUSEHOLD_RECORD).is_duplicated()).to_series()
    plain = candidates.filter(~contested) if contested.any() else candidates
    chosen = plain.drop("score").with_columns(others=pl.lit(""))
    if not contested.any():
        return chosen
    ranked = (
        candidates.filter(contested)
        .join(persons.select("household", "person", "role"), on=["household", "person"])
        .sort(
            *_HOUSEHOLD_RECORD,
            "standing",
            "role",  # "member" sorts before "supporter"
            "score",
            "person",
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
    return pl.concat([chosen, ranked.select(chosen.columns)])


def attribute(records: pl.DataFrame, chosen: pl.DataFrame, shut: pl.DataFrame) -> pl.DataFrame:
    """Statements: one row per record that may be about its person.

    `shut` lists evidence (household, evidence) whose records say nothing usable, such as stale
    answers; an open bound stands in their place (`verify.reconcile.gaps`).

    `lo` and `hi` are the person's own share in fen (the share of a co-owner outside the
    household never counts), or 1 for a thing, a role or a death. An amount known per year alone
    says nothing about any month: it ranges from 0 to the amount. An amount that the source left
    out has null bounds.
    """
    rows = records.join(chosen, on=_HOUSEHOLD_RECORD)
    if not shut.is_empty():
        rows = rows.join(shut, on=["household", "evidence"], how="anti")
    sole = bool(rows.select((_READABLE & (_NUM == _DEN)).all()).item())
    return rows.select(
        "household",
        *_KEPT,
        pl.when(_IS_DEATH).then(pl.lit(DECEASED)).otherwise("kind").alias("quantity"),
        _bound("lo", sole=sole, up=False),
        _bound("hi", sole=sole, up=True),
        pl.col("area_dm2") if sole else _share("area_dm2", up=False).alias("area_dm2"),
    )


def _bound(name: str, *, sole: bool, up: bool) -> pl.Expr:
    amount = pl.col("amount") if sole else _share("amount", up=up)
    return (
        pl.when(_IS_COUNTED)
        .then(1)
        .when(_IS_ANNUAL)
        .then(_with_zero(amount, up=up))
        .otherwise(amount)
        .alias(name)
    )
