"""What a score means, by what people found: scores mapped to shares of same-person pairs.

A score claims odds: milli-bits `s` claim `2^(s/1000)` to 1. Where clerical decisions say otherwise,
the map from scores to shares is estimated by isotonic regression (pool adjacent violators; Ayer et
al., 1955; Zadrozny and Elkan, 2002, for classifier scores), so that a higher score never means
less. What the scores claim counts as `strength` decisions, spread over all of them, so that a few
decisions move it little. Integers throughout: shares are per million.

No judgement rests on this map: a verdict is judged by cited weights (decision 0013). It tells
whoever tunes how far the claims can be believed, and where a cut-off would have to stand to mean
what it says.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import polars as pl

from verify.service.matching.evaluation import BAND, MILLION, per_million

FOLDS = 5
_MOST_BITS = 40_000  # beyond these milli-bits a share per million is 0 or all of them
_SCALE = 1 << 20

Row = dict[str, Any]
Scored = Sequence[tuple[int, bool]]
"""Scores in milli-bits, and whether a person found the two to be the same."""


@dataclass(frozen=True)
class Odds:
    """`starts[k]` is the lowest score whose share is `shares[k]`; both rise."""

    starts: tuple[int, ...]
    shares: tuple[int, ...]

    def share(self, score: int) -> int:
        """Same-person pairs of this score, per million."""
        return self.shares[max(0, bisect_right(self.starts, score) - 1)]

    def reaches(self, share: int) -> int | None:
        """The lowest score that means at least this share; None where none does."""
        return next(
            (s for s, found in zip(self.starts, self.shares, strict=True) if found >= share), None
        )


def claimed(score: int) -> int:
    """The share per million that a score claims."""
    bits = max(-_MOST_BITS, min(_MOST_BITS, score))
    odds = round(2.0 ** (bits / 1000) * _SCALE)
    return per_million(odds, odds + _SCALE) or 0


def told(pairs: pl.DataFrame) -> Scored:
    """Labelled pairs that a person could tell (`label`, `score`, `key`), in the order of keys."""
    known = pairs.filter(pl.col("label") != "unsure").sort("key")
    return list(
        zip(known["score"].to_list(), (known["label"] == "positive").to_list(), strict=True)
    )


def learn(decided: Scored, strength: int) -> Odds:
    """The map that decisions suggest; without any, what the scores claim."""
    every = len(decided)
    if not every:
        steps = range(-_MOST_BITS, _MOST_BITS + 1, 1000)
        return Odds(tuple(steps), tuple(map(claimed, steps)))
    # Of each block: sum of values, of weights, and the lowest score. One decision weighs `every`.
    blocks: list[tuple[int, int, int]] = []
    for score, values in _by_score(decided):
        size = len(values)
        total = every * MILLION * sum(values) + strength * size * claimed(score)
        blocks.append((total, size * (every + strength), score))
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            late, early = blocks.pop(), blocks.pop()
            blocks.append((early[0] + late[0], early[1] + late[1], early[2]))
    shares = [round(Fraction(total, weight)) for total, weight, _ in blocks]
    return Odds(tuple(start for *_, start in blocks), tuple(shares))


def _by_score(decided: Scored) -> Iterable[tuple[int, list[bool]]]:
    grouped: dict[int, list[bool]] = {}
    for score, same in sorted(decided):
        grouped.setdefault(score, []).append(same)
    return grouped.items()


def calibration_error(said: Iterable[tuple[int, int, bool]]) -> int | None:
    """Expected calibration error per million: the gap between what is said and what is found, by
    bands of score, weighted by pairs. `said`: score, share, same; None of no pairs."""
    bands: dict[int, list[int]] = {}
    for score, share, same in said:
        band = bands.setdefault(score // BAND, [0, 0])
        band[0] += MILLION * same - share
        band[1] += 1
    every = sum(size for _, size in bands.values())
    return round(Fraction(sum(abs(gap) for gap, _ in bands.values()), every)) if every else None


def held_out(decided: Scored, strength: int) -> tuple[int | None, int | None]:
    """The error of the claims, and of maps learnt from the other four fifths of the decisions."""
    claims = calibration_error((score, claimed(score), same) for score, same in decided)
    if len(decided) < FOLDS:
        return claims, None
    said = []
    for fold in range(FOLDS):
        odds = learn([pair for at, pair in enumerate(decided) if at % FOLDS != fold], strength)
        said += [(score, odds.share(score), same) for score, same in decided[fold::FOLDS]]
    return claims, calibration_error(said)


def bands(decided: Scored, odds: Odds | None = None) -> tuple[Row, ...]:
    """What is said and what was found, by bands of score, as `evaluation.calibration` has them."""
    found: dict[int, list[tuple[int, bool]]] = {}
    for score, same in sorted(decided):
        share = claimed(score) if odds is None else odds.share(score)
        found.setdefault(score // BAND, []).append((share, same))
    return tuple(
        {
            "from": band * BAND,
            "to": (band + 1) * BAND,
            "pairs": len(pairs),
            "same": sum(same for _, same in pairs),
            "expected": round(Fraction(sum(share for share, _ in pairs), len(pairs))),
            "observed": per_million(sum(same for _, same in pairs), len(pairs)),
        }
        for band, pairs in sorted(found.items())
    )


def report(decided: Scored, strength: int, positive: int, unsure: int) -> Row:
    """What these decisions say of the scores in use.

    `claimed` and `calibrated`: bands for drawing, before and after. `error`: the expected
    calibration error of both, the second on decisions it was not learnt from. `cutoffs`: the
    scores in use beside the lowest scores that mean what the cut-offs (milli-bits) claim.
    """
    odds = learn(decided, strength)
    before, after = held_out(decided, strength)
    return {
        "claimed": list(bands(decided)),
        "calibrated": list(bands(decided, odds)),
        "error": {"claimed": before, "calibrated": after},
        "cutoffs": {
            name: {
                "cutoff": cutoff,
                "means": odds.share(cutoff),
                "meant": claimed(cutoff),
                "from": odds.reaches(claimed(cutoff)),
            }
            for name, cutoff in (("positive", positive), ("unsure", unsure))
        },
    }
