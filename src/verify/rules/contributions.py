"""Facts as contributions to the measures of a rulebook.

A contribution says: for this member and measure, add an amount between `lo` and `hi` (null:
unbounded) if the doubt it hangs on is settled that way. Everything later works on contributions;
the facts themselves are only looked at again for their evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from verify.domain.verdict import DoubtKind
from verify.rules.plan import Measure, Plan

CERTAIN, BINARY, MISSING, ANNUAL = 0, 1, 2, 3
"""Classes of contributions by what they hang on."""

_CLASS = {
    DoubtKind.MATCH.value: BINARY,
    DoubtKind.CONFLICT.value: BINARY,
    DoubtKind.ATTESTATION.value: BINARY,
    DoubtKind.LAW.value: BINARY,
    DoubtKind.MISSING.value: MISSING,
    DoubtKind.STALE.value: MISSING,
    DoubtKind.ANNUAL_ONLY.value: ANNUAL,
}

_DOUBT = "h doubt kind code person source record quantities weighs".split()
COLUMNS = "h p m cap largest doubt cls lo hi fuzzy evidence quantity period".split()


@dataclass(frozen=True)
class Contributions:
    """`frame`: h, p (member row), m, doubt, cls, lo, hi, fuzzy, evidence, quantity.

    `doubts`: h, doubt, kind, code, person, source, record, quantities, weighs; given doubts and
    the ones that the rulebook itself raises about persons.
    """

    frame: pl.DataFrame
    doubts: pl.DataFrame


def contributions(
    plan: Plan,
    households: pl.DataFrame,
    members: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
) -> Contributions:
    """Map facts to measures.

    `households` has h, household and the window columns; `members` h, p, household, person.

    Raises:
        ValueError: a fact hangs on a doubt that is not listed.
    """
    doubts = (
        doubts
        .join(households.select("h", "household"), on="household")
        .select(
            *_DOUBT,
            pl.col("kind").replace_strict(_CLASS, return_dtype=pl.Int64).alias("cls"),
            pl.lit("").alias("asks"),
        )
    )
    mapped = (_mapped(plan, households, members, facts))
    if mapped["unclassed"].any():
        doubts = pl.concat([doubts, _class_doubts(mapped)])
    frame = (
        mapped.join(
            doubts.select("h", "doubt", "weighs", "cls"), on=["h", "doubt"], how="left"
        )
        # A doubt that does not weigh never widens a bound, whatever was attached to it.
        .filter(pl.col("weighs").fill_null(True))
        .with_columns(
            pl.when(pl.col("doubt").is_null()).then(CERTAIN).otherwise(pl.col("cls")).alias("cls")
        )
        .select("person", *COLUMNS)
    )
    if frame["cls"].null_count():
        raise ValueError("a fact hangs on a doubt that the doubts frame does not list")
    for measure in plan.measures:
        if measure.model.absent is not None:
            facts_raised, doubts_raised = _raised(plan, measure, frame)
            frame = pl.concat([frame, facts_raised])
            doubts = pl.concat([doubts, doubts_raised])
    frame = frame.select(COLUMNS).sort("h", "p", "m", "doubt", "lo", "hi", "period")
    return Contributions(frame, doubts)


def _class_doubts(frame: pl.DataFrame) -> pl.DataFrame:
    return (
        frame.filter(pl.col("unclassed"))
        .select(
            "h",
            "doubt",
            pl.lit(DoubtKind.ATTESTATION.value).alias("kind"),
            pl.lit("class_unknown").alias("code"),
            "person",
            pl.lit("").alias("source"),
            pl.lit("").alias("record"),
            pl.concat_list("quantity").alias("quantities"),
            pl.lit(True).alias("weighs"),
            pl.lit(BINARY, dtype=pl.Int64).alias("cls"),
            pl.lit("").alias("asks"),
        )
        .unique(["h", "doubt"], keep="first", maintain_order=True)
    )


def _mapped(
    plan: Plan, households: pl.DataFrame, members: pl.DataFrame, facts: pl.DataFrame
) -> pl.DataFrame:
    index = pl.DataFrame(
        [
            (q.value, m.index, m.cap, m.largest, m.model.of, bool(m.model.annual), m.model.window or "")
            for m in plan.measures
            for q in m.model.quantities
        ],
        schema={
            "quantity": pl.String,
            "m": pl.Int64,
            "cap": pl.Int64,
            "largest": pl.Boolean,
            "of": pl.String,
            "annual": pl.Boolean,
            "window": pl.String,
        },
        orient="row",
    )
    frame = (
        facts
        .join(
            members.select("household", "person", "h", "p"), on=["household", "person"]
        )
        .join(index, on="quantity")
        .join(households.drop("household"), on="h")
    )
    inside, touches = _in_window(plan)
    member, perhaps = _in_filter(plan)
    yearly = pl.col("annual") & (pl.col("granularity") == "year")
    area = pl.col("of") == "area"
    # An item known not to exist (hi 0) has no area; an unanswered question has any.
    lo = pl.when(area).then(pl.when(pl.col("lo") > 0).then(pl.col("area_dm2")).otherwise(0))
    hi = pl.when(area & (pl.col("hi") != 0)).then(pl.col("area_dm2"))
    frame = frame.with_columns(
        lo=lo.otherwise(pl.col("lo")).fill_null(0), hi=hi.otherwise(pl.col("hi"))
    )
    # Nothing says whether a thing of unknown class is of the class meant: a question of its own.
    unclassed = ~member & pl.col("doubt").is_null() & pl.col("hi").is_not_null()
    frame = frame.filter(touches, perhaps).with_columns(
        fuzzy=~inside | (~member & ~unclassed) | yearly | pl.col("lo").is_null(),
        unclassed=unclassed,
        doubt=pl.when(unclassed)
        .then(pl.format("attestation:class_unknown:{}", "fact"))
        .otherwise(pl.col("doubt")),
    )
    cap = pl.col("cap")
    return frame.with_columns(
        lo=pl.col("lo").clip(upper_bound=cap),
        hi=pl.when(pl.col("hi") <= cap).then(pl.col("hi")),
        period=_period_text(),
    )


def _period_text() -> pl.Expr:
    start, end = pl.col("period_start"), pl.col("period_end")
    return pl.when(start.is_not_null()).then(pl.format("{}/{}", start, end)).otherwise(pl.lit(""))


def _in_window(plan: Plan) -> tuple[pl.Expr, pl.Expr]:
    """Whether a fact lies inside its measure's window, and whether it may touch it.

    A fact without a period (nobody answered) is about any period. A fact that lies partly inside
    is never split: it counts as anything between nothing and all of it.
    """
    inside, touches = pl.lit(True), pl.lit(True)
    start, end = pl.col("period_start"), pl.col("period_end")
    for name in plan.windows:
        first, last = pl.col(f"{name}.start"), pl.col(f"{name}.end")
        here = pl.col("window") == name
        within = start.is_null() | ((start >= first) & (end <= last))
        overlap = start.is_null() | ((start <= last) & (end >= first))
        inside = pl.when(here).then(within).otherwise(inside)
        touches = pl.when(here).then(overlap).otherwise(touches)
    return inside, touches


def _in_filter(plan: Plan) -> tuple[pl.Expr, pl.Expr]:
    """Whether a fact passes its measure's filters for certain, and whether it may.

    An unknown class or grade is neither in nor out: it counts as perhaps.
    """
    certain, perhaps = pl.lit(True), pl.lit(True)
    category, grade = pl.col("category"), pl.col("grade")
    for m in plan.measures:
        checks: list[tuple[pl.Expr, pl.Expr]] = []
        if m.model.except_categories:
            checks.append((category, ~category.is_in(m.model.except_categories)))
        if m.model.only_categories:
            checks.append((category, category.is_in(m.model.only_categories)))
        if m.model.grades:
            checks.append((grade, grade.is_in(m.model.grades)))
        if not checks:
            continue
        here = pl.col("m") == m.index
        known = pl.all_horizontal(c.is_not_null() & ok.fill_null(False) for c, ok in checks)
        may = pl.all_horizontal(ok.fill_null(True) for _, ok in checks)
        certain = pl.when(here).then(known).otherwise(certain)
        perhaps = pl.when(here).then(may).otherwise(perhaps)
    # An unanswered question has no class; its bounds already say [0, unbounded].
    return certain, perhaps


def _raised(
    plan: Plan, measure: Measure, frame: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Doubts about a circumstance on which nothing was said, though the law looks at it."""
    absent = measure.model.absent
    assert absent is not None
    triggers = [m.index for m in plan.measures if m.name in absent.arises_with]
    # Where nobody answered (hi unbounded) the question would be premature: the answer comes first.
    m, doubt = pl.col("m"), f"law:{absent.unknown.doubt}:"
    rows = (
        frame
        .group_by("h", "p", "person")
        .agg(
            (m.is_in(triggers) & ((pl.col("hi") > 0) | (pl.col("lo") > 0))).any().alias("asked"),
            (m == measure.index).any().alias("said"),
        )
        .filter(pl.col("asked") & ~pl.col("said"))
        .with_columns(doubt=pl.lit(doubt) + pl.col("person"))
        .sort("h", "p")
    )
    one = pl.lit(1, dtype=pl.Int64)
    quantity = measure.model.quantities[0].value
    facts = rows.select(
        "person",
        "h",
        "p",
        pl.lit(measure.index, dtype=pl.Int64).alias("m"),
        pl.lit(measure.cap, dtype=pl.Int64).alias("cap"),
        pl.lit(measure.largest).alias("largest"),
        "doubt",
        pl.lit(BINARY, dtype=pl.Int64).alias("cls"),
        one.alias("lo"),
        one.alias("hi"),
        pl.lit(False).alias("fuzzy"),
        pl.lit([], dtype=pl.List(pl.String)).alias("evidence"),
        pl.lit(quantity).alias("quantity"),
        pl.lit("").alias("period"),
    )
    doubts = rows.select(
        "h",
        "doubt",
        pl.lit(DoubtKind.LAW.value).alias("kind"),
        pl.lit(absent.unknown.doubt).alias("code"),
        "person",
        pl.lit("").alias("source"),
        pl.lit("").alias("record"),
        pl.lit([quantity], dtype=pl.List(pl.String)).alias("quantities"),
        pl.lit(True).alias("weighs"),
        pl.lit(BINARY, dtype=pl.Int64).alias("cls"),
        pl.lit(absent.unknown.doubt).alias("asks"),
    )
    return facts, doubts
