"""What agreement is worth in these registers: u counted, m estimated, without any label.

*u*, the share of a level among pairs of different people, is counted from value frequencies: the
chance that two random rows agree exactly is the sum over values of f_left x f_right. No random
pairs of rows are drawn. True pairs agree too, so their share is taken off as it becomes known: an
identity number that stands once on either side then proves more than one in the number of rows.
The share of a lesser level among unequal values is measured on a grid of
values taken at even distances through the distribution of either side.

*m*, the share among true pairs, is estimated by expectation-maximisation over the whole cross
product: pairs that no blocking rule brought together count as pairs of different people, so the
prior is that of the whole registers and the choice of blocking rules does not bend m.

Fellegi and Sunter (1969); Winkler (1988) for EM; Winkler (2000) for value-specific agreement.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import polars as pl
from numpy.typing import NDArray

from verify.identity.chance import counts, exact_u
from verify.identity.coding import Coded, Registers
from verify.identity.expectation import FLOOR, Start, maximise
from verify.identity.model import FieldModel, Model
from verify.scoring.bits import millibits
from verify.scoring.kinds import level_rank
from verify.scoring.linking import LinkSettings

Floats = NDArray[np.float64]
# True pairs for each row, at most: more would be a class of pairs that have something else in
# common (a town), not one person.
_MOST_EACH = 5
_TENTHS = 10**12


def estimate(registers: Registers, agreed: pl.DataFrame, settings: LinkSettings) -> Model:
    """A model for these registers from the agreement of all blocked pairs (`agree`)."""
    fields = list(registers.fields)
    u = {name: exact_u(registers.fields[name], registers) for name in fields}
    starts = {
        name: np.array([float(s) for s in settings.kinds[coded.field.kind].shares])
        for name, coded in registers.fields.items()
    }
    patterns = agreed.group_by(fields).len().sort(fields)
    total = _all_pairs(registers)
    first = _deterministic(agreed, registers, settings)
    rows = max(registers.left.height, registers.right.height)
    most = min(0.5, _MOST_EACH * rows / total)
    start = Start(
        u=u,
        m=starts,
        covered=_covered(registers, settings),
        pseudo=settings.pseudo_pairs,
        prior=min(first / total, most),
        most=most,
    )
    m, u, prior = maximise(patterns, start, total)
    return Model(
        family=settings.family,
        digest=settings.digest,
        prior=millibits(_exact(prior / (1 - prior))),
        positive=settings.declared.cutoffs.positive,
        unsure=settings.declared.cutoffs.unsure,
        kept=settings.declared.cutoffs.kept,
        fields=tuple(
            _field_model(registers.fields[name], registers, m[name], u[name]) for name in fields
        ),
    )


def _covered(registers: Registers, settings: LinkSettings) -> dict[str, list[int]]:
    """Ranks of which every pair was compared, by field."""
    found: dict[str, list[int]] = {}
    for rule in settings.declared.blocking.rules:
        for covers in rule.covers:
            name, _, level = covers.partition(".")
            if name in registers.fields:
                rank = level_rank(registers.fields[name].field.kind, level)
                found.setdefault(name, []).append(rank)
    return found


def _all_pairs(registers: Registers) -> float:
    rows = registers.left.height
    if registers.dedupe:
        return max(1.0, rows * (rows - 1) / 2)
    return max(1.0, float(rows) * registers.right.height)


def _deterministic(agreed: pl.DataFrame, registers: Registers, settings: LinkSettings) -> float:
    """Pairs that agree exactly where that is taken for proof: a first count of true pairs."""
    certain = pl.lit(value=False)
    for group in settings.declared.deterministic:
        if all(name in registers.fields for name in group):
            certain |= pl.all_horizontal(pl.col(name) == 0 for name in group)
    return max(1.0, float(agreed.select(certain.sum()).item()))


# ---------------------------------------------------------------- integers


def _exact(value: float) -> Fraction:
    return Fraction(value).limit_denominator(_TENTHS) or Fraction(1, _TENTHS)


def _field_model(coded: Coded, registers: Registers, m: Floats, u: Floats) -> FieldModel:
    weights = _falling(np.log2(np.maximum(m, FLOOR) / np.maximum(u, FLOOR)), m + u)
    field = coded.field
    return FieldModel(
        name=field.name,
        kind=field.kind,
        title=field.title,
        weights=(*(int(w) for w in np.rint(weights * 1000)), 0),
        exact=millibits(_exact(float(m[0]))),
        rarity=rarity(coded, registers, float(u[0])) if field.frequency else None,
        m=tuple(float(x) for x in m),
        u=tuple(float(x) for x in u),
    )


def _falling(weights: Floats, size: Floats) -> Floats:
    """Pool neighbouring levels until no lesser agreement weighs more (isotonic regression)."""
    pooled: list[list[float]] = []
    for weight, share in zip(weights, size, strict=True):
        pooled.append([float(weight), float(share), 1.0])
        while len(pooled) > 1 and pooled[-2][0] < pooled[-1][0]:
            late, early = pooled.pop(), pooled.pop()
            both = early[1] + late[1]
            mean = (early[0] * early[1] + late[0] * late[1]) / both
            pooled.append([mean, both, early[2] + late[2]])
    return np.concatenate([np.full(int(n), w) for w, _, n in pooled])


def rarity(coded: Coded, registers: Registers, chance: float) -> pl.DataFrame:
    """`value` and `milli`: log2(1/f) for the share f of rows that hold it, on both sides.

    A value that only one pair of rows holds is as rare as an agreement by `chance`, or as one pair
    of rows among all, whichever is less.
    """
    left, right = counts(coded, registers)
    both = left if registers.dedupe else left + right
    total = max(2, int(both.sum()))
    often = np.maximum(both, 2)
    occurs = np.flatnonzero(np.bincount(often)) if len(often) else often
    milli = np.zeros(int(occurs.max()) + 1 if len(occurs) else 0, dtype=np.int64)
    milli[occurs] = [millibits(Fraction(total, int(n))) for n in occurs]
    if len(occurs) and occurs[0] == 2:
        milli[2] = max(int(milli[2]), millibits(1 / _exact(chance)))
    return pl.DataFrame({"value": coded.values, "milli": milli[often]})
