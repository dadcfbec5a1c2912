"""Expectation-maximisation over patterns of agreement: m and the prior, without labels.

Winkler (1988). A pattern is one combination of levels; pairs with the same pattern are equally
likely true. Pairs that were never compared count as pairs of different people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FLOOR: Final = 1e-12
_ROUNDS = 60
_STEADY = 1e-6
_LEFT_OVER = 1 / 128  # at least this share of exact agreements is chance: 7 bits, not more


@dataclass(frozen=True)
class Start:
    """Where estimation begins, by field: shares of the levels but `missing`, strongest first.

    `u` as counted; `m` as declared, which goes on counting as `pseudo` true pairs; `covered`:
    levels of which every pair there is was compared; `prior`: the first guess, `most`: its bound.
    """

    u: dict[str, Floats]
    m: dict[str, Floats]
    covered: dict[str, list[int]]
    pseudo: int
    prior: float
    most: float


def maximise(
    patterns: pl.DataFrame, start: Start, total: float
) -> tuple[dict[str, Floats], dict[str, Floats], float]:
    """m, u and the prior of the registers.

    `patterns`: a column of ranks for each field and `len`, how many compared pairs have them;
    `total`: pairs there are, compared or not. u changes by the true pairs among exact agreements;
    of other levels it is at least what the compared pairs show.
    """
    counted = {name: float(u[0]) for name, u in start.u.items()}
    u = {name: values.copy() for name, values in start.u.items()}
    m, prior = dict(start.m), start.prior
    often = patterns["len"].to_numpy().astype(float)
    ranks = {name: patterns[name].to_numpy() for name in u}
    for _ in range(_ROUNDS):
        true = often * _truth(ranks, m, u, prior)
        seen = {
            name: np.bincount(column, weights=true, minlength=len(u[name]) + 1)[:-1].astype(float)
            for name, column in ranks.items()
        }
        for name, column in ranks.items():
            every = np.bincount(column, weights=often, minlength=len(u[name]) + 1)[:-1]
            u[name][1:] = _others(every - seen[name], start, name, total)[1:]
        fresh = {name: _shares(seen[name] + start.pseudo * start.m[name]) for name in u}
        found = min(max(float(true.sum()) / total, 0.5 / total), start.most)
        moved = max(float(np.abs(fresh[name] - m[name]).max()) for name in u)
        moved = max(moved, abs(found - prior) / prior)
        m, prior = fresh, found
        for name, share in counted.items():
            u[name][0] = max(share - prior * m[name][0], share * _LEFT_OVER)
        if moved < _STEADY:
            break
    return m, u, prior


def _truth(
    ranks: dict[str, NDArray[np.uint8]],
    m: dict[str, Floats],
    u: dict[str, Floats],
    prior: float,
) -> Floats:
    """The probability that a pair of each pattern is true."""
    odds = np.full(len(next(iter(ranks.values()))), np.log(prior / (1 - prior)))
    for name, seen in ranks.items():
        ratio = np.maximum(m[name], FLOOR) / np.maximum(u[name], FLOOR)
        odds += np.append(np.log(ratio), 0.0)[seen]
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))))


def _others(others: Floats, start: Start, name: str, total: float) -> Floats:
    """u from the compared pairs of different people: what it is where all were compared, else the
    least it can be."""
    least = np.maximum(others, 0.5) / total
    found = np.maximum(start.u[name], least)
    covered = start.covered.get(name, [])
    found[covered] = least[covered]
    return np.asarray(found)


def _shares(counts: Floats) -> Floats:
    return np.asarray(counts / counts.sum())
