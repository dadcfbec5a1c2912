"""How good a scoring is, held against labels. Integers throughout: counts, and shares per million.

A label is what a person said: the same person (`positive`), another (`negative`), or that it
cannot be told (`unsure`). Precision, recall and calibration count the first two; a doubt that
a person shares is no error of the scoring, and stands in the table of judgements only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from verify.domain.match import Judgement
from verify.identity.judge import BELOW_CUTOFF, CONFIRMING

MILLION = 1_000_000
_JUDGEMENTS = tuple(j.value for j in Judgement)
_POSITIVE, _UNSURE, _NEGATIVE = _JUDGEMENTS
BAND = 3000  # milli-bits of a calibration band

Row = dict[str, Any]


def per_million(part: int, whole: int) -> int | None:
    """A share per million, rounded half up; None of nothing."""
    return (2 * part * MILLION + whole) // (2 * whole) if whole else None


@dataclass(frozen=True)
class Evaluation:
    """Labelled pairs and how they are judged; shares are per million.

    `table` counts pairs by label and judgement. `precision` is the share of same-person pairs
    among those judged positive, `recall` the share judged positive of all same-person pairs,
    `recall_with_unsure` that of positive and unsure together; `unsure` of all pairs that a person
    could tell. `wrong` lists the keys judged against their label.
    """

    pairs: int
    table: dict[str, dict[str, int]]
    precision: int | None
    recall: int | None
    recall_with_unsure: int | None
    f1: int | None
    unsure: int | None
    curve: tuple[Row, ...]
    calibration: tuple[Row, ...]
    wrong: tuple[Row, ...]


def evaluate(judged: pl.DataFrame, positive: int) -> Evaluation:
    """Evaluate judged pairs (`labelled.judged`) at the scoring's own cut-offs.

    `positive` is the cut-off in milli-bits, marked in the curve.
    """
    table = {
        label: {j: _count(judged, (pl.col("label") == label) & (pl.col("judgement") == j))
                for j in _JUDGEMENTS}
        for label in _JUDGEMENTS
    }  # fmt: skip
    same, other = table[_POSITIVE], table[_NEGATIVE]
    found, claimed = same[_POSITIVE], same[_POSITIVE] + other[_POSITIVE]
    told = sum(same.values()) + sum(other.values())
    return Evaluation(
        pairs=judged.height,
        table=table,
        precision=per_million(found, claimed),
        recall=per_million(found, sum(same.values())),
        recall_with_unsure=per_million(found + same[_UNSURE], sum(same.values())),
        f1=per_million(2 * found, claimed + sum(same.values())),
        unsure=per_million(same[_UNSURE] + other[_UNSURE], told),
        curve=curve(_eligible(judged), positive),
        calibration=calibration(judged),
        wrong=tuple(_wrong(judged)),
    )


def _count(frame: pl.DataFrame, condition: pl.Expr) -> int:
    return int(frame.select(condition.sum()).item())


def _wrong(judged: pl.DataFrame) -> Iterable[Row]:
    against = judged.filter(pl.col("label") != pl.col("judgement")).sort("origin", "key")
    columns = ("key", "origin", "title_zh", "title_en", "label", "judgement", "rule", "score")
    yield from against.select(columns).iter_rows(named=True)


def _eligible(judged: pl.DataFrame) -> pl.DataFrame:
    """`score` and `same`, and whether the rules would let the pair be positive at all.

    No cut-off makes a record theirs without a confirming identifier and the name: such pairs
    count as not found at every cut-off.
    """
    return _told(judged).select(
        "score", "same", eligible=pl.col("rule").is_in([CONFIRMING, BELOW_CUTOFF])
    )


def _told(judged: pl.DataFrame) -> pl.DataFrame:
    return judged.filter(pl.col("label") != _UNSURE).with_columns(same=pl.col("label") == _POSITIVE)


def curve(pairs: pl.DataFrame, cutoff: int) -> tuple[Row, ...]:
    """Precision and recall at every score that occurs, highest cut-off first.

    `pairs` has `score` (milli-bits), `same` and `eligible`. Each point: `cutoff`, `found` and
    `wrong` pairs at or above it, `precision` and `recall` per million; `chosen` marks the first
    point at or above `cutoff`, the one in use.
    """
    everyone = int(pairs["same"].sum())
    steps = (
        pairs.filter("eligible")
        .group_by("score")
        .agg(same=pl.col("same").sum().cast(pl.Int64), every=pl.len().cast(pl.Int64))
        .sort("score", descending=True)
        .with_columns(pl.col("same").cum_sum(), pl.col("every").cum_sum())
    )
    points: list[Row] = [
        {
            "cutoff": score,
            "found": same,
            "wrong": every - same,
            "precision": per_million(same, every),
            "recall": per_million(same, everyone),
            "chosen": False,
        }
        for score, same, every in steps.iter_rows()
    ]
    above = [p for p in points if p["cutoff"] >= cutoff]
    if above:
        above[-1]["chosen"] = True
    return tuple(points)


def thinned(points: Sequence[Row], most: int) -> tuple[Row, ...]:
    """At most about `most` points, evenly, with both ends and the chosen one kept."""
    if len(points) <= most:
        return tuple(points)
    step = -(-len(points) // most)
    last = len(points) - 1
    return tuple(p for i, p in enumerate(points) if i % step == 0 or i == last or p["chosen"])


def calibration(pairs: pl.DataFrame) -> tuple[Row, ...]:
    """Whether odds mean what they say, by bands of `BAND` milli-bits of score.

    `pairs` has `score` and a label. Each band: `from` and `to` (milli-bits), `pairs`, `same`,
    `expected` (the mean of what the scores claim) and `observed`, per million. Labelled pairs
    are chosen for being difficult, so the two need not agree there; on a sample they must.
    """
    told = _told(pairs) if "same" not in pairs.columns else pairs
    claimed = (1.0 / (1.0 + (2.0 ** (-pl.col("score") / 1000.0)))) * MILLION
    bands = (
        told.with_columns(band=pl.col("score").floordiv(BAND), claimed=claimed)
        .group_by("band")
        .agg(
            pairs=pl.len().cast(pl.Int64),
            same=pl.col("same").sum().cast(pl.Int64),
            expected=pl.col("claimed").mean().round(0).cast(pl.Int64),
        )
        .sort("band")
    )
    return tuple(
        {
            "from": band * BAND,
            "to": (band + 1) * BAND,
            "pairs": pairs_,
            "same": same,
            "expected": expected,
            "observed": per_million(same, pairs_),
        }
        for band, pairs_, same, expected in bands.iter_rows()
    )
