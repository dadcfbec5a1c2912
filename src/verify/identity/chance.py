"""How often values of different people agree: u, counted from value frequencies."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from verify.identity.coding import Coded, Registers
from verify.identity.expectation import FLOOR
from verify.identity.likeness import LIKENESS
from verify.scoring.kinds import KINDS, level_rank

Floats = NDArray[np.float64]
_GRID = {"han_name": 250, "cn_id": 150, "han_address": 200}  # compared one by one
_GRID_SIDE = 450
_GOLDEN, _WHOLE = 40503, 1 << 16  # 2**16 over the golden ratio


def counts(coded: Coded, registers: Registers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many rows of either side hold each value, by code."""

    def of(codes: pl.Series) -> NDArray[np.int64]:
        return np.bincount(codes.drop_nulls().to_numpy(), minlength=len(coded.values))

    left = of(coded.left)
    return left, left if registers.dedupe else of(coded.right)


def exact_u(coded: Coded, registers: Registers) -> Floats:
    """u of every level but `missing`."""
    left, right = counts(coded, registers)
    rows_l, rows_r = float(left.sum()), float(right.sum())
    levels = len(KINDS[coded.field.kind]) - 1
    u = np.zeros(levels)
    if not rows_l or not rows_r:
        return np.full(levels, 1 / levels)
    if registers.dedupe:
        same = float((left.astype(float) * (left - 1)).sum()) / max(1.0, rows_l * (rows_l - 1))
    else:
        same = float((left.astype(float) * right).sum()) / (rows_l * rows_r)
    if coded.field.kind == "cn_id":
        u[1:] = _id_levels(coded)[1:]
    else:
        lesser, seen = _grid(coded)
        u[1:] = (1 - same) * (lesser[1:] + 0.5) / (seen + 0.5 * (levels - 1))
    u[0] = same if same > 0 else 0.5 / max(rows_l, rows_r)
    return _with_swaps(coded, registers, u)


def _grid(coded: Coded) -> tuple[Floats, float]:
    """Counts of levels among unequal values met at even distances through both sides."""
    side = _GRID.get(coded.field.kind, _GRID_SIDE)
    a, b = _evenly(coded.left, side), _evenly(coded.right, side)
    grid_a, grid_b = np.repeat(a, len(b)), np.tile(b, len(a))
    unlike = grid_a != grid_b
    grid_a, grid_b = grid_a[unlike], grid_b[unlike]
    levels = len(KINDS[coded.field.kind]) - 1
    if not len(grid_a):
        return np.zeros(levels), 0.0
    ranks = LIKENESS[coded.field.kind](
        coded.values.gather(pl.Series(grid_a)), coded.values.gather(pl.Series(grid_b))
    )
    found = np.bincount(ranks, minlength=levels + 1)[:levels].astype(float)
    return found, float(found.sum())


def _id_levels(coded: Coded) -> Floats:
    """u of identity numbers, counted: broken and masked ones are too few to meet on a grid.

    `near` and `masked` hardly ever agree by chance; compared pairs say how often (`covered`).
    """
    starred = coded.values.str.contains("*", literal=True).to_numpy()
    whole = coded.whole.to_numpy()
    kinds, places = _births_and_sexes(coded)
    sides = [codes.drop_nulls().to_numpy() for codes in (coded.left, coded.right)]
    masked = [_share(starred, side) for side in sides]
    valid = [_share(whole, side) for side in sides]
    broken = [max(0.0, 1 - a - b) for a, b in zip(masked, valid, strict=True)]
    alike = [
        np.bincount(places[side[whole[side]]], minlength=kinds) / max(1, len(side))
        for side in sides
    ]
    told = {
        "near": FLOOR,
        "masked": FLOOR,
        "invalid_different": broken[0] * (1 - masked[1]) + valid[0] * broken[1],
        "same_birth_sex": float((alike[0] * alike[1]).sum()),
        "masked_different": masked[0] * valid[1] + valid[0] * masked[1],
    }
    u = np.array([told.get(level, 0.0) for level in KINDS["cn_id"][:-1]])
    u[level_rank("cn_id", "different")] = max(FLOOR, 1 - float(u.sum()))
    return np.asarray(np.maximum(u, FLOOR))


def _share(flags: NDArray[np.bool_], codes: NDArray[np.uint32]) -> float:
    return float(flags[codes].mean()) if len(codes) else 0.0


def _births_and_sexes(coded: Coded) -> tuple[int, NDArray[np.int64]]:
    """How many pairs of a day and a sex there may be, and the number of the one that each valid
    number tells (0 for other values). The seventeenth digit is odd for men."""
    told = np.zeros(len(coded.values), dtype=np.int64)
    digits = coded.values.filter(coded.whole).str.slice(6, 11).cast(pl.Int64).to_numpy()
    if not len(digits):
        return 1, told
    year, month, day = digits // 10**7, digits // 10**5 % 100, digits // 10**3 % 100
    days = (year - int(year.min())) * 372 + (month - 1) * 31 + day - 1
    told[coded.whole.to_numpy()] = days * 2 + digits % 2
    return int(told.max()) + 1, told


def _evenly(codes: pl.Series, side: int) -> NDArray[np.int64]:
    """Values of rows spread evenly over the register: common values come often.

    The k-th lies at the fraction k x golden ratio (a low-discrepancy sequence): even distances
    would fall in step with registers whose ids follow a pattern.
    """
    given = codes.drop_nulls().to_numpy().astype(np.int64)
    if len(given) <= side:
        return given
    places = np.arange(1, side + 1) * _GOLDEN % _WHOLE * len(given) // _WHOLE
    return given[np.unique(places)]


def _with_swaps(coded: Coded, registers: Registers, u: Floats) -> Floats:
    """The chance that a value stands in the other column of a random row."""
    kind, other = coded.field.kind, coded.field.swaps_with
    if "swapped" not in KINDS[kind] or KINDS[kind][-2] == "swapped":
        return u
    if kind == "date":
        return u
    at = level_rank(kind, "swapped")
    chance = FLOOR
    if other in registers.fields:
        mine, theirs = counts(coded, registers)[0], counts(registers.fields[other], registers)[1]
        size = min(len(mine), len(theirs))
        chance = float((mine[:size].astype(float) * theirs[:size]).sum()) / max(
            1.0, float(mine.sum()) * float(theirs.sum())
        )
    u[at] = max(FLOOR, min(chance, u[0]))
    return u
