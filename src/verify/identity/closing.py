"""Rows that a blocking rule settles, so that the rules after it need not look for them again.

An entry whose identity number and name are exactly those of one person is found: on most registers
that is nearly every row, and the dearer rules are left with the few others.

A row is closed only where it can have no further counterpart: on a side whose rows have one at
most. Which side that is the caller says, or it is told from the settled pairs themselves, by the
same measure as judging uses (`settle.how_sides_relate`). A person with several entries stays
open, and so does a row to which the rule gave two counterparts.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from verify.identity.coding import Registers
from verify.identity.settle import How, partners, relate
from verify.scoring.linking import RuleDeclared

Open = tuple[pl.Series, pl.Series]
"""Rows of the left and of the right side that are still looked for."""


def everyone(registers: Registers) -> Open:
    """All rows of both sides."""
    left, right = (
        pl.int_range(side.height, dtype=pl.UInt32, eager=True)
        for side in (registers.left, registers.right)
    )
    return left, right


def still_open(
    registers: Registers, pairs: pl.DataFrame, rule: RuleDeclared, rows: Open, how: How | None
) -> Open:
    """`rows` without those that agree exactly on all fields that settle this rule."""
    if not rule.settles or registers.dedupe:
        return rows
    if any(name not in registers.fields for name in rule.settles):
        return rows
    sure = pairs
    for name in rule.settles:
        coded = registers.fields[name]
        same = coded.left.gather(sure["l"]) == coded.right.gather(sure["r"])
        sure = sure.filter(same.fill_null(value=False))
    left, right = sure["l"].to_numpy(), sure["r"].to_numpy()
    of_left, of_right = partners(sure["l"]), partners(sure["r"])
    lone_left, lone_right = of_left[left] == 1, of_right[right] == 1
    relation = how or relate(of_left, of_right)
    if relation == "one_to_one" and how is None:
        return rows  # a guess: whichever side were closed, the other would see other rows
    if relation == "one_to_one":
        lone_left = lone_right = lone_left & lone_right
    return (
        _without(rows[0], left[lone_left]) if relation in _LEFT_HAS_ONE else rows[0],
        _without(rows[1], right[lone_right]) if relation in _RIGHT_HAS_ONE else rows[1],
    )


_LEFT_HAS_ONE, _RIGHT_HAS_ONE = ("one_to_one", "many_to_one"), ("one_to_one", "one_to_many")


def _without(rows: pl.Series, closed: np.ndarray) -> pl.Series:
    kept = np.ones(int(rows.max() or 0) + 1, dtype=np.bool_)  # type: ignore[arg-type]  # row numbers
    kept[closed] = False
    return rows.filter(pl.Series(kept[rows.to_numpy()]))
