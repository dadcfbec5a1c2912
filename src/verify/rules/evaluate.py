"""Run a plan over worlds: rows of (household, which doubts are settled how).

The same compiled expressions judge a household as it stands (every doubt open) and every way in
which its doubts could be settled. A *world* is one such row:

- `bits`: for each examined doubt, one bit: settled yes (or the largest answer) or no (nothing);
- `open`: the examined doubts that stay open in this world, as a bit mask;
- `law#<doubt>` and `proof#<test>`: -1 open, 0 or 1 for a limit that the sources do not know and
  for a test that refers to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from verify.rules.contributions import ANNUAL, CERTAIN, MISSING
from verify.rules.plan import HOUSEHOLD, PERSON, Plan, Stage
from verify.rules.units import CAPS

INELIGIBLE, UNDETERMINED, ELIGIBLE = 0, 1, 2

_BY_ROW = ["row", "p"]


@dataclass(frozen=True)
class Batch:
    """Households of one rulebook, ready to be evaluated.

    `households`: h, residence, limits (`.lo`, `.hi`), clauses, operators. `members`: h, p, person,
    relation, age. `parts`: see `PART`.
    """

    plan: Plan
    households: pl.DataFrame
    members: pl.DataFrame
    parts: pl.DataFrame


@dataclass(frozen=True)
class Evaluated:
    """Household rows (with `outcome` and `<test>#state`) and person rows, by `row`."""

    households: pl.DataFrame
    persons: pl.DataFrame


def open_worlds(plan: Plan, households: Sequence[int]) -> pl.DataFrame:
    """One world per household in which everything stays open."""
    return worlds_frame(plan, [(h, 0, 0, {}) for h in households])


def worlds_frame(
    plan: Plan, rows: Sequence[tuple[int, int, int, dict[str, int]]]
) -> pl.DataFrame:
    """A frame of worlds from (h, bits, open mask, law and proof settings)."""
    settings = setting_columns(plan)
    data: dict[str, list[int]] = {
        "h": [r[0] for r in rows],
        "bits": [r[1] for r in rows],
        "open": [r[2] for r in rows],
        **{s: [r[3].get(s, -1) for r in rows] for s in settings},
    }
    data = {"row": list(range(len(rows))), **data}
    return pl.DataFrame(data, schema=dict.fromkeys(data, pl.Int64))


def setting_columns(plan: Plan) -> list[str]:
    """Names of the law and proof settings of a plan."""
    return [f"law#{d}" for d in sorted(plan.unknowns)] + [f"proof#{t}" for t in plan.refer_tests]


def evaluate(batch: Batch, worlds: pl.DataFrame) -> Evaluated:
    """Evaluate every quantity and test in every world."""
    plan = batch.plan
    households = (
        worlds
        .join(batch.households, on="h", how="left", maintain_order="left")
        .with_columns(_limit_settings(plan))
    )
    persons = (
        worlds
        .select("row", "h")
        .join(batch.members, on="h", maintain_order="left_right")
        .sort(_BY_ROW)
    )
    persons = persons.hstack(_measures(batch, worlds, persons))
    rows = persons["row"]
    for kind, stages in groupby(plan.stages, key=lambda s: s.kind):
        if kind == PERSON:
            persons = (_chain(persons, stages))
        elif kind == HOUSEHOLD:
            households = (_chain(households, stages))
        elif kind == "spread":
            copied = [c for s in stages for c in s.columns]
            persons = persons.hstack(households.select(copied)[rows])
        else:
            sums = [e for s in stages for e in s.exprs]
            grouped = persons.group_by("row", maintain_order=True).agg(sums).drop("row")
            households = households.hstack((grouped))
    judged = (households.with_columns(_states(plan)).with_columns(_outcome(plan)))
    return Evaluated(judged, persons)


def _chain(frame: pl.DataFrame, stages: Iterable[Stage]) -> pl.DataFrame:
    query = frame
    for stage in stages:
        query = query.with_columns(stage.exprs)
    return query


def _limit_settings(plan: Plan) -> list[pl.Expr]:
    """Put the examined extremes of unknown limits in place of their open interval."""
    exprs = []
    for name, limit in plan.limits.items():
        lo, hi = pl.col(f"{name}.lo"), pl.col(f"{name}.hi")
        unknown = hi.is_null() | (lo < hi)
        for doubt in sorted({e.unknown.doubt for e in limit.entries if e.unknown}):
            setting = pl.col(f"law#{doubt}")
            asked = unknown & (pl.col(f"{name}.doubt") == doubt) & (setting >= 0)
            value = setting * CAPS[limit.unit]
            lo = pl.when(asked).then(value).otherwise(lo)
            hi = pl.when(asked).then(value).otherwise(hi)
        if limit.entries and any(e.unknown for e in limit.entries):
            exprs += [lo.alias(f"{name}.lo"), hi.alias(f"{name}.hi")]
    return exprs


def _measures(batch: Batch, worlds: pl.DataFrame, persons: pl.DataFrame) -> pl.DataFrame:
    """Every measure of every person row, in the order of `persons`."""
    measures, width = batch.plan.measures, len(batch.plan.measures)
    starts = persons.select("row", "p").with_row_index("position")
    keyed = (
        worlds
        .select("row", "h", "bits", "open")
        .join(batch.parts, on="h")
        .join(starts, on=_BY_ROW)
        .with_columns(slot=pl.col("position").cast(pl.Int64) * width + pl.col("m"))
    )
    totals = (_added_up(_settled(keyed), ["slot"]))
    slots = totals["slot"].cast(pl.UInt32)
    size = persons.height * width
    return pl.concat(
        [
            pl.repeat(0, size, dtype=pl.Int64, eager=True)
            .scatter(slots, totals[end])
            .reshape((persons.height, width))
            .arr.to_struct(fields=[f"{m.name}.{end}" for m in measures])
            .struct.unnest()
            for end in ("lo", "hi")
        ],
        how="horizontal",
    )


def condensed(parts: pl.DataFrame) -> pl.DataFrame:
    """Add up, per member and measure, what does not hang on an examined doubt.

    Those parts are the same in every world, so the worlds need only carry their total.
    """
    fixed = parts.filter(pl.col("place") == 0).with_columns(
        bits=pl.lit(0, dtype=pl.Int64), open=pl.lit(0, dtype=pl.Int64)
    )
    by = ["h", "p", "m", "cap", "largest"]
    totals = _added_up(_settled(fixed), by).select(*by, "lo", "hi")
    totals = totals.with_columns(
        cls=pl.lit(CERTAIN, dtype=pl.Int64),
        fuzzy=pl.lit(False),
        place=pl.lit(0, dtype=pl.Int64),
    )
    examined = parts.filter(pl.col("place") > 0)
    return pl.concat([(totals.select(PART)), examined.select(PART)])


PART = ["h", "p", "m", "cap", "largest", "cls", "lo", "hi", "fuzzy", "place"]
"""Columns of a part: a contribution with the bit of its examined doubt (0: not examined)."""


def _settled(frame: pl.DataFrame) -> pl.DataFrame:
    """Bounds of each part in its world; see FACTS in `verify.frames` for the meaning."""
    lo, hi, cls, place = pl.col("lo"), pl.col("hi"), pl.col("cls"), pl.col("place")
    # min_horizontal and max_horizontal skip nulls: an unbounded end must stay unbounded.
    low = pl.when(lo.is_not_null()).then(pl.min_horizontal(lo, 0))
    high = pl.when(hi.is_not_null()).then(pl.max_horizontal(hi, 0))
    is_open = ((place == 0) & (cls != CERTAIN)) | ((place > 0) & (pl.col("open") // place % 2 == 1))
    no = (place > 0) & (pl.col("bits") // place % 2 == 0)
    ranged = cls.is_in([MISSING, ANNUAL])
    most = pl.when(cls == MISSING).then(hi.fill_null(pl.col("cap"))).otherwise(hi)
    fuzzy = pl.col("fuzzy")

    def end(widest: pl.Expr, exact: pl.Expr) -> pl.Expr:
        settled = pl.when(no).then(0).when((place > 0) & ranged).then(most)
        return pl.when(is_open).then(widest).otherwise(
            settled.when(fuzzy).then(widest).otherwise(exact)
        )

    return frame.with_columns(lo=end(low, lo), hi=end(high, hi))


def _added_up(frame: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Sum (of truths: largest) of parts, cut at the cap of the measure's unit.

    `sum` and `max` skip nulls, so unbounded ends are put back by hand. Beyond the cap a value
    reads "at least this much": still true, and safe from overflow.
    """
    lo, hi = pl.col("lo"), pl.col("hi")
    keys = dict.fromkeys([*by, "cap", "largest"])
    totals = frame.group_by(list(keys)).agg(
        pl.when(pl.col("largest").first()).then(lo.max()).otherwise(lo.sum()).alias("lo"),
        pl.when(pl.col("largest").first()).then(hi.max()).otherwise(hi.sum()).alias("hi"),
        lo.is_null().any().alias("lo_open"),
        hi.is_null().any().alias("hi_open"),
    )
    cap = pl.col("cap")
    hi_open = pl.col("hi_open") | (hi > cap)
    return totals.with_columns(
        lo=pl.when(~pl.col("lo_open") & (lo >= -cap)).then(lo.clip(upper_bound=cap)),
        hi=pl.when(~hi_open)
        .then(hi.clip(lower_bound=-cap))
        .when(pl.col("largest"))
        .then(cap),
    )


def _states(plan: Plan) -> list[pl.Expr]:
    """Per test: `#good` and `#bad` (for the outcome) and `#state` (for the finding)."""
    exprs = []
    for test in plan.tests:
        n = test.name
        holds_lo, holds_hi = pl.col(f"{n}#holds.lo"), pl.col(f"{n}#holds.hi")
        applies_lo, applies_hi = pl.col(f"{n}#applies.lo"), pl.col(f"{n}#applies.hi")
        refers_lo, refers_hi = pl.col(f"{n}#refers.lo"), pl.col(f"{n}#refers.hi")
        proof = pl.col(f"proof#{n}") if n in plan.refer_tests else pl.lit(-1)
        good = (applies_hi == 0) | (holds_lo == 1) | ((refers_lo == 1) & (proof == 1))
        bad = (applies_lo == 1) & (holds_hi == 0) & ((refers_hi == 0) | (proof == 0))
        state = (
            pl.when(applies_hi == 0)
            .then(pl.lit("not_applicable"))
            .when(good)
            .then(pl.lit("satisfied"))
            .when(bad)
            .then(pl.lit("not_satisfied"))
            .otherwise(pl.lit("undetermined"))
        )
        exprs += [good.alias(f"{n}#good"), bad.alias(f"{n}#bad"), state.alias(f"{n}#state")]
    return exprs


def _outcome(plan: Plan) -> pl.Expr:
    bad = pl.any_horizontal(f"{t.name}#bad" for t in plan.tests)
    good = pl.all_horizontal(f"{t.name}#good" for t in plan.tests)
    outcome = pl.when(bad).then(INELIGIBLE).when(good).then(ELIGIBLE).otherwise(UNDETERMINED)
    return outcome.cast(pl.Int64).alias("outcome")
