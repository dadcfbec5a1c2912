"""What clerical decisions say the shares m should be.

*m* is the share of a level among pairs of the same person. It is counted among the pairs that
people found to be the same, with the declared shares counting as much as `strength` such pairs
(the mean of a Dirichlet posterior), so that a few decisions move it little. Only fields that the
record gave are counted. *u* is left alone: pairs that come to a clerk are those that look alike,
and say nothing of pairs drawn at random.

Where the counts would let a weaker agreement weigh more than a stronger one, neighbouring levels
are pooled until they do not (pool adjacent violators, on m over u). Where they would let silence
weigh more than an agreement, or less than a contradiction, the level is held at no weight (m = u)
and the others make room in proportion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import polars as pl

from verify.domain.match import Judgement
from verify.scoring.bits import millibits
from verify.scoring.declared import FamilyDeclared, FieldDeclared, LevelDeclared
from verify.scoring.levels import MISSING

DECIMALS = 15
_UNIT = 10**DECIMALS
_HEAVIEST = 1 << 40  # the exact name: its weight is that of the name at hand

Shares = dict[str, dict[str, Fraction]]


@dataclass(frozen=True)
class Counted:
    """How often same-person pairs agreed at each level, by field."""

    pairs: int
    levels: Mapping[str, Mapping[str, int]]


def count(pairs: pl.DataFrame, declared: FamilyDeclared) -> Counted:
    """Count levels among labelled pairs (`labelled.COLUMNS`) that are the same person."""
    same = pairs.filter(pl.col("label") == Judgement.POSITIVE.value)
    found: dict[str, dict[str, int]] = {}
    for field in declared.fields:
        ranks = dict(same[field.field].value_counts().iter_rows())
        found[field.field] = {
            level.level: int(ranks.get(at, 0))
            for at, level in enumerate(field.levels)
            if level.level != MISSING
        }
    return Counted(same.height, found)


def shares(declared: FamilyDeclared, counted: Counted, strength: int) -> Shares:
    """New m by field and level: exact decimals that sum to 1 in each field."""
    return {f.field: _field(f, counted.levels[f.field], strength) for f in declared.fields}


def _field(field: FieldDeclared, counts: Mapping[str, int], strength: int) -> dict[str, Fraction]:
    total = sum(counts.values())
    levels = [level for level in field.levels if level.m is not None]
    raw = [
        (Fraction(level.m or 0) * strength + counts[level.level]) / (strength + total)
        for level in levels
    ]
    return dict(zip((level.level for level in levels), _rounded(field, raw), strict=True))


def _rounded(field: FieldDeclared, raw: Sequence[Fraction]) -> list[Fraction]:
    """Sound, then cut to the grid of decimals; the strongest level takes up the rest."""
    levels = [level for level in field.levels if level.m is not None]
    units = [max(1, int(share * _UNIT)) for share in _held(field, _monotone(levels, raw))]
    for at in range(1, len(units)):
        # Cutting may turn equal weights round by a milli-bit; a step here is a third of one.
        while units[at] > 1 and _weight(levels, units, at) > _weight(levels, units, at - 1):
            units[at] -= max(1, units[at] // 5000)
    units[0] += _UNIT - sum(units)
    return [Fraction(unit, _UNIT) for unit in units]


def _held(field: FieldDeclared, shares_: Sequence[Fraction]) -> list[Fraction]:
    """Hold levels above `missing` at m >= u and those below at m <= u, keeping the sum at 1.

    Ratios m/u above 1 are drawn together or apart around 1, which keeps their order.
    """
    order = [level.level for level in field.levels].index(MISSING)
    levels = [level for level in field.levels if level.m is not None]
    above = [at for at in range(order) if levels[at].u is not None]
    m = list(shares_)
    u = [Fraction(level.u or 0) for level in levels]
    for at in range(len(levels)):
        if at >= order:
            m[at] = min(m[at], u[at])
        elif levels[at].u is not None:
            m[at] = max(m[at], u[at])
    free = m[0] if levels[0].u is None else Fraction(0)
    room = 1 - sum(m[order:]) - sum(u[at] for at in above)
    beyond = sum((m[at] - u[at] for at in above), Fraction(0))
    if levels[0].u is None and free + beyond <= room:
        m[0] = room - beyond
    elif free + beyond > 0:
        scale = room / (free + beyond)
        for at in above:
            m[at] = u[at] + (m[at] - u[at]) * scale
        m[0] = free * scale if levels[0].u is None else m[0]
    else:
        m[0] += room
    return m


def _weight(levels: Sequence[LevelDeclared], units: Sequence[int], at: int) -> int:
    u = levels[at].u
    return _HEAVIEST if u is None else millibits(Fraction(units[at], _UNIT) / u)


def _monotone(levels: Sequence[LevelDeclared], raw: Sequence[Fraction]) -> list[Fraction]:
    """m such that m over u does not rise from a stronger level to a weaker one.

    A level without u (the exact name, weighed by how common it is) stands outside.
    """
    blocks: list[list[int]] = []
    for at, level in enumerate(levels):
        if level.u is None:
            continue
        blocks.append([at])
        while len(blocks) > 1 and _ratio(levels, raw, blocks[-2]) < _ratio(levels, raw, blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    made = list(raw)
    for block in blocks:
        ratio = _ratio(levels, raw, block)
        for at in block:
            made[at] = ratio * (levels[at].u or 0)
    return made


def _ratio(levels: Sequence[LevelDeclared], raw: Sequence[Fraction], block: list[int]) -> Fraction:
    m = sum((raw[at] for at in block), Fraction(0))
    u = sum((Fraction(levels[at].u or 0) for at in block), Fraction(0))
    return m / u
