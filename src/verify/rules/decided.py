"""Outcomes of a whole batch, completions included, without looking at one household at a time.

The same question as `completions.settle` asks, for the outcome alone: the doubts behind the open
tests of each undetermined household are settled in every combination, and where all of them give
one outcome, that is the outcome. Which doubts decide a case, and what would settle it, is worked
out only where somebody reads it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import polars as pl

from verify.rules.completions import MAX_DOUBTS
from verify.rules.evaluate import (
    UNDETERMINED,
    Evaluation,
    setting_names,
)
from verify.rules.parts import part_columns
from verify.rules.plan import Test
from verify.rules.portions import BINARY
from verify.rules.prepare import Prepared
from verify.rules.units import Unit

WORLDS = 60_000
"""Worlds evaluated in one go."""

_ITEM = {"h": pl.Int64, "doubt": pl.String, "exact": pl.Boolean, "setting": pl.String}


def decided(prepared: Prepared, evaluation: Evaluation) -> pl.Series:
    """The outcome of each household as a number, its completions examined where it is open."""
    outcomes = evaluation.outcomes
    undecided = (outcomes == UNDETERMINED).arg_true()
    if undecided.is_empty():
        return outcomes
    parts = prepared.contributions.of(undecided)
    items = _items(prepared, evaluation, undecided, parts)
    for jobs in _chunks(items):
        found = _examined(prepared, parts, jobs)
        outcomes = outcomes.clone().scatter(found["h"], found["outcome"])
    return outcomes


def _items(
    prepared: Prepared, evaluation: Evaluation, undecided: pl.Series, parts: pl.DataFrame
) -> pl.DataFrame:
    """Doubts with two answers that can touch an open test, each with its place among them.

    Others stay open in every world that is looked at here, so that nothing between is overlooked.
    """
    plan = prepared.book.plan
    open_ = {t.name: _open(evaluation, t) for t in plan.tests}
    found = [
        _of_facts(prepared, evaluation, open_, parts),
        *_of_law(prepared, evaluation, open_),
        *_of_proof(evaluation, open_),
    ]
    of_undecided = pl.DataFrame({"h": undecided.cast(pl.Int64)})
    items = (
        pl.concat(found)
        .group_by("h", "doubt", "setting")
        .agg(pl.col("exact").all())
        .join(of_undecided, on="h", how="semi")
        .filter("exact")
        .sort("h", "doubt")
    )
    place = pl.int_range(pl.len(), dtype=pl.Int64).over("h")
    many = pl.len().over("h")
    return items.with_columns(j=place, n=many.cast(pl.Int64)).filter(pl.col("n") <= MAX_DOUBTS)


def _open(evaluation: Evaluation, test: Test) -> pl.Series:
    """Where a test is undetermined."""
    judged = evaluation.tests[test.name]
    return judged.applies.hi & ~judged.good & ~judged.bad


def _of_facts(
    prepared: Prepared, evaluation: Evaluation, open_: dict[str, pl.Series], parts: pl.DataFrame
) -> pl.DataFrame:
    """Doubts that facts hang on, of those who may count (or about who counts)."""
    plan = prepared.book.plan
    doubtful = parts.filter(
        pl.col("doubt").is_not_null(), (pl.col("lo") != 0) | (pl.col("hi") != 0).fill_null(True)
    )
    any_open = _either(list(open_.values()))
    supporter = prepared.people["supporter"]
    may_count = supporter.clone()
    may_count = may_count.scatter((~supporter).arg_true(), evaluation.quantity("counted").hi)
    found = [pl.DataFrame(schema=_ITEM)]
    for measure in plan.measures:
        mine = doubtful.filter(pl.col("m") == measure.index)
        if mine.is_empty():
            continue
        h, p = mine["h"].cast(pl.UInt32), mine["p"].cast(pl.UInt32)
        own = [open_[t.name] for t in plan.tests if measure.name in t.own_measures]
        touches = _either(own)[h] & may_count[p] if own else None
        if measure.name in plan.composition_measures:
            about = any_open[h]
            touches = about if touches is None else touches | about
        if touches is not None:
            rows = mine.filter(touches)
            found.append(
                rows.select("h", "doubt", exact=pl.col("cls") == BINARY, setting=pl.lit(""))
            )
    return pl.concat(found)


def _of_law(
    prepared: Prepared, evaluation: Evaluation, open_: dict[str, pl.Series]
) -> Iterator[pl.DataFrame]:
    """Limits that the law has and our sources do not."""
    plan, regime = prepared.book.plan, prepared.households["regime"].cast(pl.UInt32)
    for name in sorted({n for t in plan.tests for n in t.limits}):
        asked = [
            r.entries[name].unknown.doubt if r.entries[name].unknown else None  # type: ignore[union-attr]
            for r in prepared.regimes
        ]
        resting = _either([open_[t.name] for t in plan.tests if name in t.limits])
        exact = plan.limits[name].unit is Unit.TRUTH
        for doubt in sorted({d for d in asked if d is not None}):
            here = pl.Series([d == doubt for d in asked], dtype=pl.Boolean)[regime]
            mask = here & resting & evaluation.quantity(f"arises#{doubt}").hi
            yield _rows(mask, f"law:{doubt}", f"law#{doubt}", exact)


def _of_proof(evaluation: Evaluation, open_: dict[str, pl.Series]) -> Iterator[pl.DataFrame]:
    """Tests that refer to a person."""
    for name in evaluation.plan.refer_tests:
        mask = open_[name] & evaluation.quantity(f"{name}#refer_when").hi
        yield _rows(mask, f"refer:{name}", f"proof#{name}", exact=True)


def _rows(mask: pl.Series, doubt: str, setting: str, exact: bool) -> pl.DataFrame:
    frame = pl.DataFrame({"h": mask.arg_true().cast(pl.Int64)})
    return frame.with_columns(
        doubt=pl.lit(doubt), exact=pl.lit(exact), setting=pl.lit(setting)
    ).select(list(_ITEM))


def _either(masks: list[pl.Series]) -> pl.Series:
    return reduce(lambda a, b: a | b, masks)


def _chunks(items: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Items of so many households that their worlds are evaluated in one go."""
    sizes = items.group_by("h").agg(pl.col("n").first()).sort("h")
    worlds = sizes.with_columns(worlds=pl.lit(2, dtype=pl.Int64).pow(pl.col("n")).cast(pl.Int64))
    chunk = ((worlds["worlds"].cum_sum() - worlds["worlds"]) // WORLDS).alias("chunk")
    worlds = worlds.with_columns(chunk)
    for number in worlds["chunk"].unique().sort().to_list():
        yield items.join(worlds.filter(pl.col("chunk") == number), on="h", how="semi")


def _examined(prepared: Prepared, parts: pl.DataFrame, items: pl.DataFrame) -> pl.DataFrame:
    """Households whose completions all give one outcome: h, outcome."""
    plan = prepared.book.plan
    sizes = items.group_by("h").agg(pl.col("n").first()).sort("h")
    worlds = (
        sizes.with_columns(bits=pl.int_ranges(0, pl.lit(2, dtype=pl.Int64).pow(pl.col("n"))))
        .explode("bits")
        .select(
            pl.int_range(pl.len(), dtype=pl.Int64).alias("row"),
            "h",
            pl.col("bits").cast(pl.Int64),
            pl.lit(0, dtype=pl.Int64).alias("open"),
        )
    )
    items = items.with_columns(place=pl.lit(2, dtype=pl.Int64).pow(pl.col("j")).cast(pl.Int64))
    settings = {s: _setting(worlds, items, s) for s in setting_names(plan)}
    placed = items.filter(pl.col("setting") == "").select("h", "doubt", "place")
    mine = (
        parts.join(sizes, on="h", how="semi")
        .join(placed, on=["h", "doubt"], how="left")
        .with_columns(pl.col("place").fill_null(0))
        .select(part_columns(plan))
    )
    judged = Evaluation(prepared.batch(mine), worlds.with_columns(**settings))
    ends = (
        worlds.select("h", outcome=judged.outcomes)
        .group_by("h")
        .agg(pl.col("outcome").min().alias("least"), pl.col("outcome").max().alias("most"))
    )
    same = ends.filter(pl.col("least") == pl.col("most"), pl.col("least") != UNDETERMINED)
    return same.select(pl.col("h").cast(pl.UInt32), outcome="least").sort("h")


def _setting(worlds: pl.DataFrame, items: pl.DataFrame, setting: str) -> pl.Series:
    """How each world settles a limit that is not known or a referral; -1: it stays open."""
    asked = items.filter(pl.col("setting") == setting).select("h", "place")
    if asked.is_empty():
        return pl.Series([-1], dtype=pl.Int64).new_from_index(0, worlds.height)
    found = worlds.join(asked, on="h", how="left", maintain_order="left")
    bit = found["bits"] // found["place"] % 2
    return bit.fill_null(-1)
