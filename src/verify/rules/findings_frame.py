"""Findings of a batch as a frame: what `findings` says of one household, for all of them.

Values are as shown: divided and rounded half up to whole units. The exact fractions stay in the
trace; every comparison was made on them.
"""

from __future__ import annotations

import polars as pl

from verify.domain.verdict import Effect, FindingState, Outcome
from verify.rules import interval as iv
from verify.rules.evaluate import Evaluation
from verify.rules.interval import Column
from verify.rules.plan import Plan, Test
from verify.rules.trace_frame import STATES

FINDINGS: dict[str, pl.DataType] = {
    "household": pl.String(),
    "test": pl.String(),
    "state": pl.String(),
    "effect": pl.String(),
    "value_lo": pl.Int64(),  # null: unbounded
    "value_hi": pl.Int64(),
    "limit_lo": pl.Int64(),
    "limit_hi": pl.Int64(),
    "gap_lo": pl.Int64(),  # limit minus value
    "gap_hi": pl.Int64(),
    "unit": pl.String(),
}


def findings_frame(
    evaluation: Evaluation, households: pl.Series, states: dict[str, pl.Series]
) -> pl.DataFrame:
    """One row per household and test; test after test, each in the order of `households`.

    `states`: see `trace_frame.state_columns`.
    """
    found = [
        _finding(evaluation, test, households, states[f"test/{test.name}.state"])
        for test in evaluation.plan.tests
    ]
    return pl.concat(found)


def _finding(
    evaluation: Evaluation, test: Test, households: pl.Series, state: pl.Series
) -> pl.DataFrame:
    value_lo, value_hi = shown(evaluation.quantity(test.model.value))
    limit_lo, limit_hi = shown(evaluation.quantity(f"{test.name}#limit"))
    rows = len(households)
    names = pl.Series(STATES_TEXT, dtype=_STATE)
    return pl.DataFrame(
        {
            "household": households,
            "test": _same(test.name, rows),
            "state": names[state.cast(iv.POSITION)].cast(pl.String),
            "effect": _effect(evaluation, test, state),
            "value_lo": value_lo,
            "value_hi": value_hi,
            "limit_lo": limit_lo,
            "limit_hi": limit_hi,
            "gap_lo": limit_lo - value_hi,
            "gap_hi": limit_hi - value_lo,
            "unit": _same(evaluation.plan.unit_name(test.unit), rows),
        }
    )


STATES_TEXT = [s.value for s in STATES]
_STATE = pl.String()


def _same(text: str, rows: int) -> pl.Series:
    return pl.Series([text], dtype=pl.String).new_from_index(0, rows)


def _effect(evaluation: Evaluation, test: Test, state: pl.Series) -> pl.Series:
    """`refer` where the test refers, or where it is open or failed and may refer."""
    rows = len(state)
    if test.model.effect == "refer":
        return _same(Effect.REFER.value, rows)
    unsettled = state >= STATES.index(FindingState.NOT_SATISFIED)
    may_refer = evaluation.quantity(f"{test.name}#refer_when").hi
    fail = _same(Effect.FAIL.value, rows)
    return _same(Effect.REFER.value, rows).zip_with(unsettled & may_refer, fail)


def benefit_columns(
    evaluation: Evaluation, plan: Plan, outcomes: pl.Series
) -> dict[str, pl.Series]:
    """Indicative monthly benefit: nothing said for the ineligible, from nothing up while open."""
    empty = iv.constant_null(len(outcomes))
    if plan.model.benefit is None:
        return {"benefit_lo": empty, "benefit_hi": empty}
    lo, hi = shown(evaluation.quantity(plan.model.benefit.monthly))
    lo = lo.zip_with(outcomes == Outcome.ELIGIBLE.value, iv.constant(0, len(lo)).lo)
    entitled = outcomes != Outcome.INELIGIBLE.value
    return {"benefit_lo": lo.zip_with(entitled, empty), "benefit_hi": hi.zip_with(entitled, empty)}


def shown(column: Column) -> tuple[pl.Series, pl.Series]:
    """Both ends in whole units, rounded half away from zero, as `view.shown` does for one row."""
    low, high = column.over or (None, None)
    lo = _rounded(column.lo, column.den, low)
    same = column.hi is column.lo and high is low
    return lo, lo if same else _rounded(column.hi, column.den, high)


def _rounded(numerator: pl.Series, den: int, over: pl.Series | None) -> pl.Series:
    if den == 1 and over is None:
        return numerator
    divisor = den if over is None else over * den
    # Polars divides integers towards minus infinity: round the magnitude, then put the sign back.
    size = (numerator.abs() * 2 + divisor) // (divisor * 2)
    return size.zip_with(numerator >= 0, -size) if (numerator < 0).any() else size
