"""Facts as contributions to the measures of a rulebook.

A contribution says: for this member and measure, add an amount between `lo` and `hi` (null:
unbounded) if the doubt it hangs on is settled that way. Everything later works on contributions;
the facts themselves are only looked at again for their evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from verify.domain.verdict import DoubtKind
from verify.rules.grammar import AbsentM, UnstatedM
from verify.rules.interval import POSITION
from verify.rules.plan import HOUSEHOLD, Measure, Plan

CERTAIN, BINARY, MISSING, ANNUAL, DETAIL = 0, 1, 2, 3, 4
"""Classes of contributions by what they hang on. `DETAIL`: the thing is there for certain, but
not everything that the rules look at is known of it."""

_CLASS = {
    DoubtKind.MATCH.value: BINARY,
    DoubtKind.CONFLICT.value: BINARY,
    DoubtKind.ATTESTATION.value: BINARY,
    DoubtKind.LAW.value: BINARY,
    DoubtKind.MISSING.value: MISSING,
    DoubtKind.STALE.value: MISSING,
    DoubtKind.ANNUAL_ONLY.value: ANNUAL,
}

_DOUBT = ["h", "doubt", "kind", "code", "person", "source", "record", "quantities", "weighs"]
_DOUBT_SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(_DOUBT, pl.String()),
    "h": pl.Int64(),
    "quantities": pl.List(pl.String()),
    "weighs": pl.Boolean(),
    "cls": pl.Int64(),
    "asks": pl.String(),
}
_SCHEMA: dict[str, pl.DataType] = {
    "h": pl.Int64(),
    "p": pl.Int64(),
    "person": pl.String(),
    "m": pl.Int64(),
    "cap": pl.Int64(),
    "largest": pl.Boolean(),
    "thing": pl.Boolean(),
    "object": pl.String(),  # a thing with two owners is one thing
    "doubt": pl.String(),
    "cls": pl.Int64(),
    "lo": pl.Int64(),
    "hi": pl.Int64(),
    "fuzzy": pl.Boolean(),
    "quantity": pl.String(),
    "evidence": pl.List(pl.String()),
    # Of things only (see `verify.rules.things`); null: not known.
    "worth": pl.Int64(),
    "price": pl.Int64(),
    "debt": pl.Int64(),
    "area_dm2": pl.Int64(),
    "years_owned": pl.Int64(),
    "months_owned": pl.Int64(),
    "category": pl.String(),
    "basis": pl.String(),
    "danger": pl.String(),
    "purpose": pl.String(),
}
NUMBERS = ("worth", "price", "debt", "area_dm2", "years_owned", "months_owned")
TEXTS = ("category", "basis", "danger", "purpose")
DETAILS = (*NUMBERS, *TEXTS)


@dataclass(frozen=True)
class Contributions:
    """`frame`: h and p number households and members, m measures.

    `doubts`: given doubts, and the ones that the rulebook itself raises about persons (`asks`
    names the question).
    """

    frame: pl.DataFrame
    doubts: pl.DataFrame


def contributions(  # noqa: PLR0917 - one argument per frame
    plan: Plan,
    households: pl.DataFrame,
    table: pl.DataFrame,
    people: pl.DataFrame,
    facts: pl.DataFrame,
    doubts: pl.DataFrame,
) -> Contributions:
    """Map facts to measures.

    `households` has h, household and regime; `table` the windows by regime; `people` (members and
    statutory supporters) h, p, household, person, supporter.

    Raises:
        ValueError: a fact hangs on a doubt that is not listed.
    """
    if doubts.is_empty():
        doubts = pl.DataFrame(schema=_DOUBT_SCHEMA)
    else:
        doubts = doubts.join(households["h", "household"], on="household").select(
            *_DOUBT,
            pl.col("kind").replace_strict(_CLASS, return_dtype=pl.Int64).alias("cls"),
            pl.lit("").alias("asks"),
        )
    mapped = _mapped(plan, households["regime"], table, people, facts)
    if mapped["unclassed"].any():
        doubts = pl.concat([doubts, _class_doubts(mapped)])
    if mapped["undetailed"].any():
        doubts = pl.concat([doubts, _detail_doubts(mapped)])
    frame = _with_classes(mapped, doubts)
    frame = frame[list(_SCHEMA)]
    for measure in plan.measures:
        if measure.model.absent is not None:
            more, asked = _raised(plan, measure, measure.model.absent, frame)
            if more.height:
                frame, doubts = pl.concat([frame, more]), pl.concat([doubts, asked])
        elif measure.model.unstated is not None:
            more, asked = _unstated(measure, measure.model.unstated, frame, people)
            if more.height:
                frame, doubts = pl.concat([frame, more]), pl.concat([doubts, asked])
    return Contributions(frame.sort("h", "p", "m", "doubt", "object", "lo", "hi"), doubts)


def _with_classes(frame: pl.DataFrame, doubts: pl.DataFrame) -> pl.DataFrame:
    """What each contribution hangs on."""
    if frame["doubt"].null_count() == frame.height:
        certain = pl.Series("cls", [CERTAIN], dtype=pl.Int64)
        return frame.hstack([certain.new_from_index(0, frame.height)])
    frame = frame.join(doubts["h", "doubt", "weighs", "cls"], on=["h", "doubt"], how="left")
    if frame["cls"].null_count() > frame["doubt"].null_count():
        raise ValueError("a fact hangs on a doubt that the doubts frame does not list")
    # A doubt that does not weigh never widens a bound, whatever was attached to it.
    return frame.filter(pl.col("weighs").fill_null(True)).with_columns(
        pl.col("cls").fill_null(CERTAIN)
    )


def _mapped(
    plan: Plan, regime: pl.Series, table: pl.DataFrame, people: pl.DataFrame, facts: pl.DataFrame
) -> pl.DataFrame:
    """One row per fact and measure it belongs to, with bounds as they stand."""
    frame = facts.join(people["household", "person", "h", "p"], on=["household", "person"]).join(
        _index(plan), on="quantity"
    )
    of_regime = regime[frame["h"].cast(POSITION)].cast(POSITION)
    windows = [f"{w}.{end}" for w in plan.model.windows for end in ("start", "end")]
    frame = frame.hstack([table[name][of_regime] for name in windows])
    frame = frame.with_columns(*_ages(plan, table["as_of"][of_regime]))
    inside, touches = _in_window(plan)
    member, perhaps = _in_filter(plan)
    yearly = pl.col("annual") & (pl.col("granularity") == "year")
    # The rule is about years, or says in words that a year's amount stands for its months.
    whole = pl.col("in_full") & (pl.col("granularity") == "year") & inside
    known_by_year = whole & pl.col("doubt").str.starts_with(f"{DoubtKind.ANNUAL_ONLY.value}:")
    frame = frame.with_columns(doubt=pl.when(~known_by_year.fill_null(False)).then("doubt"))
    area, no_area = pl.col("area"), pl.col("area_dm2").is_null()
    worth, no_worth = pl.col("by_worth"), pl.col("worth").is_null()
    exists = pl.col("lo") > 0
    # Something that is not there (hi 0) has no area; an unanswered question has any.
    known_area = pl.when(exists).then(pl.col("area_dm2").fill_null(0)).otherwise(0)
    known_worth = pl.when(exists).then(pl.col("worth").fill_null(0)).otherwise(0)
    lo = pl.when(area).then(known_area).when(worth).then(known_worth).otherwise(pl.col("lo"))
    any_area = pl.when(pl.col("hi") == 0).then(0).otherwise(pl.col("area_dm2"))
    any_worth = pl.when(pl.col("hi") == 0).then(0).otherwise(pl.col("worth"))
    hi = pl.when(area).then(any_area).when(worth).then(any_worth).otherwise(pl.col("hi"))
    # Nothing says whether a thing of unknown class is of the class meant: a question of its own.
    unclassed = ~member & pl.col("doubt").is_null() & pl.col("hi").is_not_null()
    undetailed = _undetailed(plan) & pl.col("doubt").is_null() & exists & ~unclassed
    frame = frame.filter(touches, perhaps).with_columns(
        lo=lo.clip(upper_bound=pl.col("cap")),
        hi=pl.when(hi <= pl.col("cap")).then(hi),
        fuzzy=~inside | (~member & ~unclassed) | yearly | (area & no_area) | (worth & no_worth),
        unclassed=unclassed,
        undetailed=undetailed,
        object=pl.coalesce("object_key", pl.lit("\u0000") + pl.col("fact")),
        doubt=pl.when(unclassed)
        .then(pl.lit("attestation:class_unknown:") + pl.col("fact"))
        .when(undetailed)
        .then(pl.lit("attestation:detail_unknown:") + pl.col("fact"))
        .otherwise(pl.col("doubt")),
    )
    return frame[[c for c in _SCHEMA if c != "cls"] + ["unclassed", "undetailed"]]


def _ages(plan: Plan, as_of: pl.Series) -> list[pl.Expr]:
    """Completed years and months since a thing was acquired."""
    if not plan.details:
        empty = pl.lit(None, dtype=pl.Int64)
        return [empty.alias("years_owned"), empty.alias("months_owned")]
    day, since = pl.lit(as_of).dt, pl.col("acquired").dt
    months = (day.year().cast(pl.Int64) - since.year().cast(pl.Int64)) * 12
    months = months + day.month().cast(pl.Int64) - since.month().cast(pl.Int64)
    months = (months - (day.day() < since.day()).cast(pl.Int64)).clip(lower_bound=0)
    return [(months // 12).alias("years_owned"), months.alias("months_owned")]


def _undetailed(plan: Plan) -> pl.Expr:
    """Whether a thing lacks a detail that a quantity of such things looks at."""
    lacks = pl.lit(False)
    for m in plan.measures:
        wanted = plan.details_of(m.name)
        if wanted:
            here = pl.any_horizontal(pl.col(d).is_null() for d in wanted)
            lacks = lacks | ((pl.col("m") == m.index) & here)
    return lacks


def _index(plan: Plan) -> pl.DataFrame:
    """Which measures a quantity belongs to."""
    rows = [(q, m) for m in plan.measures for q in m.quantities]
    return pl.DataFrame(
        {
            "quantity": [q for q, _ in rows],
            "m": [m.index for _, m in rows],
            "cap": [m.cap for _, m in rows],
            "largest": [m.largest for _, m in rows],
            "thing": [m.level == HOUSEHOLD for _, m in rows],
            "area": [m.model.of == "area" for _, m in rows],
            "by_worth": [m.model.of == "worth" for _, m in rows],
            "annual": [m.model.annual == "upper_bound_only" for _, m in rows],
            "in_full": [m.yearly_in_full for _, m in rows],
            "window": [m.model.window or "" for _, m in rows],
        }
    )


def _in_window(plan: Plan) -> tuple[pl.Expr, pl.Expr]:
    """Whether a fact lies inside its measure's window, and whether it may touch it.

    A fact without a period (nobody answered) is about any period. A fact that lies partly inside
    is never split: it counts as anything between nothing and all of it.
    """
    inside, touches = pl.lit(True), pl.lit(True)
    start, end = pl.col("period_start"), pl.col("period_end")
    for name in plan.model.windows:
        first, last = pl.col(f"{name}.start"), pl.col(f"{name}.end")
        here = pl.col("window") == name
        within = start.is_null() | ((start >= first) & (end <= last))
        overlap = start.is_null() | ((start <= last) & (end >= first))
        inside = pl.when(here).then(within).otherwise(inside)
        touches = pl.when(here).then(overlap).otherwise(touches)
    return inside, touches


def _in_filter(plan: Plan) -> tuple[pl.Expr, pl.Expr]:
    """Whether a fact passes its measure's filters for certain, and whether it may.

    An unknown class or grade is neither in nor out: it counts as perhaps. (An unanswered
    question has no class; its bounds already say "anything".)
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
    return certain, perhaps


def _class_doubts(mapped: pl.DataFrame) -> pl.DataFrame:
    """The question which class a thing is of."""
    rows = (
        mapped.filter("unclassed")
        .group_by("h", "doubt", "person")
        .agg(pl.col("quantity").unique().sort().alias("quantities"))
    )
    return _doubts(rows, DoubtKind.ATTESTATION, "class_unknown", "")


def _detail_doubts(mapped: pl.DataFrame) -> pl.DataFrame:
    """The question what a thing is worth, or what else the rules look at and nobody said."""
    rows = (
        mapped.filter("undetailed")
        .group_by("h", "doubt", "person")
        .agg(pl.col("quantity").unique().sort().alias("quantities"))
    )
    doubts = _doubts(rows, DoubtKind.ATTESTATION, "detail_unknown", "")
    return doubts.with_columns(cls=pl.lit(DETAIL, dtype=pl.Int64))


def _unstated(
    measure: Measure, unstated: UnstatedM, frame: pl.DataFrame, people: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A number of persons that nobody stated about a statutory supporter: not known, not nought."""
    said = frame.filter(pl.col("m") == measure.index)
    keys = ["h", "p", "person"]
    rows = (
        people.filter("supporter")[keys].join(said["h", "p"], on=["h", "p"], how="anti").sort(keys)
    )
    doubt = pl.lit(f"attestation:{unstated.doubt}:") + pl.col("person")
    rows = rows.with_columns(
        doubt=doubt, quantities=pl.lit([measure.quantities[0]], dtype=pl.List(pl.String))
    )
    more = _contributed(rows, measure, lo=unstated.least, hi=None, cls=MISSING)
    asked = _doubts(rows, DoubtKind.ATTESTATION, unstated.doubt, unstated.doubt)
    return more, asked.with_columns(cls=pl.lit(MISSING, dtype=pl.Int64))


def _raised(
    plan: Plan, measure: Measure, absent: AbsentM, frame: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Doubts about a circumstance on which nothing was said, though the law looks at it.

    Where nobody answered about the facts that make it matter, the question would be premature.
    """
    triggers = [m.index for m in plan.measures if m.name in absent.arises_with]
    name, quantity = absent.unknown.doubt, measure.model.quantities[0]
    matters = (pl.col("hi") > 0).fill_null(False) | (pl.col("lo") > 0)
    concerned = frame.filter(pl.col("m").is_in(triggers), matters)
    said = frame.filter(pl.col("m") == measure.index)
    keys = ["h", "p", "person"]
    if concerned.is_empty():
        return frame.clear(), pl.DataFrame(schema=_DOUBT_SCHEMA)
    rows = concerned[keys].unique().join(said["h", "p"], on=["h", "p"], how="anti").sort(keys)
    rows = rows.with_columns(
        doubt=pl.lit(f"law:{name}:") + pl.col("person"),
        quantities=pl.lit([quantity], dtype=pl.List(pl.String)),
    )
    more = _contributed(rows, measure, lo=1, hi=1, cls=BINARY)
    return more, _doubts(rows, DoubtKind.LAW, name, name)


def _contributed(
    rows: pl.DataFrame, measure: Measure, *, lo: int, hi: int | None, cls: int
) -> pl.DataFrame:
    """Contributions of the engine's own, from h, p, person and doubt."""
    values: dict[str, pl.Expr] = {
        "m": pl.lit(measure.index, dtype=pl.Int64),
        "cap": pl.lit(measure.cap, dtype=pl.Int64),
        "largest": pl.lit(measure.largest),
        "thing": pl.lit(False),
        "object": pl.lit(""),
        "cls": pl.lit(cls, dtype=pl.Int64),
        "lo": pl.lit(lo, dtype=pl.Int64),
        "hi": pl.lit(hi, dtype=pl.Int64),
        "fuzzy": pl.lit(False),
        "quantity": pl.lit(measure.quantities[0]),
        "evidence": pl.lit([], dtype=pl.List(pl.String)),
        **{d: pl.lit(None, dtype=_SCHEMA[d]) for d in DETAILS},
    }
    return rows.with_columns(**values)[list(_SCHEMA)]


def _doubts(rows: pl.DataFrame, kind: DoubtKind, code: str, asks: str) -> pl.DataFrame:
    """Doubt rows of the engine's own, from h, doubt, person and quantities."""
    return rows.with_columns(
        pl.lit(kind.value).alias("kind"),
        pl.lit(code).alias("code"),
        pl.lit("").alias("source"),
        pl.lit("").alias("record"),
        pl.lit(True).alias("weighs"),
        pl.lit(BINARY, dtype=pl.Int64).alias("cls"),
        pl.lit(asks).alias("asks"),
    )[list(_DOUBT_SCHEMA)]
