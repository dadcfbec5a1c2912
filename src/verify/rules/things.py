"""Things one by one: vehicles and dwellings with what is known of each.

A thing has one row per world, however many members own it. How often it is there is an interval
(nought to one while it is in doubt; nought to any number where nobody answered), and so is every
detail: worth and debt add up the parts of the owners who count, other numbers range over what is
said, and a text that is not known may be any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from verify.rules.contributions import NUMBERS
from verify.rules.interval import POSITION, Column
from verify.rules.plan import Measure
from verify.rules.units import CAPS, Unit

MANY = 1000
"""As many things as ever count: "any number" reads so where the completions are examined."""

_SHARED = ("worth", "debt")
_CAPS = {
    "area_dm2": CAPS[Unit.DM2],
    "years_owned": CAPS[Unit.YEARS],
    "months_owned": CAPS[Unit.MONTHS],
}


@dataclass(frozen=True)
class Things:
    """Things of one kind in every world: the row of each, its key, its number, its details."""

    row: pl.Series
    key: pl.Series
    number: Column
    details: Mapping[str, Column]


def thing_table(owned: pl.DataFrame, measure: Measure, details: Sequence[str]) -> Things:
    """Things from the rows of their owners.

    `owned`: row, object, m, lo and hi (how often it is there, for this owner), told (an unknown
    detail settled as the most, 1, or nothing, 0), and a column per detail.
    """
    mine = owned.filter(pl.col("m") == measure.index)
    perhaps = (pl.col("hi") > 0).fill_null(True)
    certain = pl.col("lo") > 0
    found = (
        mine.group_by("row", "object")
        .agg(
            pl.col("lo").max().clip(upper_bound=MANY),
            pl.when(pl.col("hi").null_count() == 0).then(pl.col("hi").max()).alias("hi"),
            *(e for d in details for e in _ends(d, certain, perhaps)),
        )
        .sort("row", "object")
    )
    number = Column(found["lo"], found["hi"].clip(upper_bound=MANY))
    if found["hi"].null_count() == 0 and number.lo.equals(number.hi):
        number = Column(number.lo, number.lo)
    return Things(
        found["row"].cast(POSITION),
        found["object"].str.strip_chars_start("\0"),
        number,
        {d: _column(found, d) for d in details},
    )


def _ends(detail: str, certain: pl.Expr, perhaps: pl.Expr) -> list[pl.Expr]:
    value, told = pl.col(detail), pl.col("told")
    if detail not in NUMBERS:
        agreed = (value.filter(perhaps).n_unique() == 1) & (value.filter(perhaps).null_count() == 0)
        return [pl.when(agreed).then(value.filter(perhaps).first()).alias(f"{detail}.lo")]
    cap = _CAPS.get(detail, CAPS[Unit.FEN])
    settled = pl.when(told == 1).then(cap).when(told == 0).then(0)
    value = pl.coalesce(value, settled)
    least, most = value.fill_null(0), value.filter(perhaps)
    unknown = most.null_count() > 0
    if detail in _SHARED:
        lo, hi = least.filter(certain).sum(), most.sum()
    else:
        lo, hi = least.filter(perhaps).min(), most.max()
    return [
        lo.fill_null(0).clip(upper_bound=cap).alias(f"{detail}.lo"),
        pl.when(~unknown).then(hi.fill_null(0).clip(upper_bound=cap)).alias(f"{detail}.hi"),
    ]


def _column(found: pl.DataFrame, detail: str) -> Column:
    lo = found[f"{detail}.lo"]
    if detail not in NUMBERS:
        return Column(lo, lo)
    hi = found[f"{detail}.hi"]
    return Column(lo, lo) if hi.null_count() == 0 and lo.equals(hi) else Column(lo, hi)
