"""From scores to judgements over whole registers, settled jointly.

A pair at or above the positive cut-off is positive, down to the unsure one unsure. Then what is
known of the registers is used for all pairs together:

*Between two registers* a row may belong to at most one row of the other side where that side
holds each person once. Which side does is told from the pairs themselves (`how`): then the sum of
evidence over the whole component decides, not each row for itself. A row that fits two equally
well is unsure with both.

*Within one register* rows of one person form a cluster. Rows are joined by weight, and evidence
against counts as much as evidence for, so that one false bridge does not join two persons; pairs
inside a cluster that no evidence contradicts are positive too.
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from verify.domain.match import Judgement
from verify.identity.assignment import best_assignment
from verify.identity.components import components

How = Literal["one_to_one", "many_to_one", "one_to_many", "many_to_many"]

BY_SCORE: Final = "by_score"
IN_CLUSTER: Final = "same_cluster"
BELOW: Final = "below_cutoff"
NOT_CONFIRMED: Final = "nothing_confirms"
AMBIGUOUS: Final = "ambiguous"
BETTER: Final = "better_candidate"
ASSIGNED_ELSEWHERE: Final = "assigned_elsewhere"

_POSITIVE, _UNSURE, _NEGATIVE = (
    Judgement.POSITIVE.value,
    Judgement.UNSURE.value,
    Judgement.NEGATIVE.value,
)
_MARGIN = 2000  # milli-bits by which a candidate must lead: 4 to 1
_LARGEST = 120  # rows of a component's smaller side that are assigned exactly
_REPEATS = 50  # rows with several strong partners, of 1,000, from which a side holds repeats


def how_sides_relate(scored: pl.DataFrame, positive: int) -> How:
    """Whether rows have at most one counterpart, told from strong pairs.

    Where under five in a hundred rows with a strong partner have several, the other side is
    taken to hold each person once. Rows that repeat are no rule but chance then.
    """
    strong = scored.filter(pl.col("score") >= positive)

    return relate(partners(strong["l"]), partners(strong["r"]))


def partners(rows: pl.Series) -> NDArray[np.int64]:
    """How many pairs each row of one side stands in, by row number."""
    return np.bincount(rows.to_numpy()).astype(np.int64)


def relate(of_left: NDArray[np.int64], of_right: NDArray[np.int64]) -> How:
    """The same, from how many partners the rows of either side have."""
    left_has_one, right_has_one = (not _several(counts) for counts in (of_left, of_right))
    if left_has_one and right_has_one:
        return "one_to_one"
    if left_has_one:
        return "many_to_one"
    return "one_to_many" if right_has_one else "many_to_many"


def _several(counts: NDArray[np.int64]) -> bool:
    repeated = int((counts > 1).sum())
    return repeated > 0 and 1000 * repeated >= _REPEATS * int((counts > 0).sum())


def settle(scored: pl.DataFrame, positive: int, unsure: int, how: How) -> pl.DataFrame:
    """Add `judgement` and `rule` to pairs with `l`, `r`, `score`, `confirmed` and `proven`."""
    judged = scored.with_columns(_first_judgement(positive, unsure))
    if how == "one_to_one":
        return _one_to_one(judged, unsure)
    if how == "many_to_one":
        return _at_most_one(judged, "l")
    return _at_most_one(judged, "r") if how == "one_to_many" else judged


def _first_judgement(positive: int, unsure: int) -> list[pl.Expr]:
    high = pl.col("score") >= positive
    open_ = (pl.col("score") >= unsure) | pl.col("proven")
    sure = high & pl.col("confirmed")
    return [
        pl.when(sure)
        .then(pl.lit(_POSITIVE))
        .when(open_)
        .then(pl.lit(_UNSURE))
        .otherwise(pl.lit(_NEGATIVE))
        .alias("judgement"),
        pl.when(high & ~pl.col("confirmed"))
        .then(pl.lit(NOT_CONFIRMED))
        .when(open_)
        .then(pl.lit(BY_SCORE))
        .otherwise(pl.lit(BELOW))
        .alias("rule"),
    ]


_LIVE = pl.col("judgement") != _NEGATIVE


def _fallen(judged: pl.DataFrame, behind: pl.Expr, rivalled: pl.Expr, why: str) -> pl.DataFrame:
    """What falls behind becomes negative, what has an equal rival unsure."""
    doubtful = (pl.col("judgement") == _POSITIVE) & rivalled
    return judged.with_columns(
        judgement=pl.when(_LIVE & behind)
        .then(pl.lit(_NEGATIVE))
        .when(doubtful)
        .then(pl.lit(_UNSURE))
        .otherwise("judgement"),
        rule=pl.when(_LIVE & behind)
        .then(pl.lit(why))
        .when(doubtful)
        .then(pl.lit(AMBIGUOUS))
        .otherwise("rule"),
    )


def _at_most_one(judged: pl.DataFrame, side: str) -> pl.DataFrame:
    """Each row of `side` has at most one counterpart: a clear leader stays, the others fall.

    Which counterpart a row has does not touch any other row's, so this is already the joint
    optimum.
    """
    # Most rows have one candidate and are settled; the few others are looked at. Joins, because
    # window expressions were measured a hundred times slower on a million groups.
    rows = judged[side].to_numpy()
    contested = pl.Series((np.bincount(rows) > 1)[rows])
    if not contested.any():
        return judged
    numbered = judged.with_row_index("at")
    some = numbered.filter(contested)
    ranked = some.join(
        some.group_by(side).agg(best=pl.col("score").max()),
        on=side,
        how="left",
        maintain_order="left",
    )
    close = ranked.filter(pl.col("score") >= pl.col("best") - _MARGIN)
    ranked = ranked.join(
        close.group_by(side).agg(near=pl.len()), on=side, how="left", maintain_order="left"
    )
    behind = pl.col("score") < pl.col("best") - _MARGIN
    settled = _fallen(ranked, behind, pl.col("near") > 1, BETTER).drop("best", "near")
    return pl.concat([numbered.filter(~contested), settled]).sort("at").drop("at")


def _one_to_one(judged: pl.DataFrame, unsure: int) -> pl.DataFrame:
    """The assignment of the largest sum of evidence decides; what nearly equals it is a rival.

    A candidate is no rival if its other row is better held by somebody else, unless the two
    holders might as well change places: which of two equal assignments is found is chance.
    """
    live = judged.filter(_LIVE)
    held = _assignment(live, unsure)
    of_left = held.select("l", lr="r", ls="score")
    of_right = held.select("r", rl="l", rs="score")
    joined = judged.join(of_left, on="l", how="left", maintain_order="left").join(
        of_right, on="r", how="left", maintain_order="left"
    )
    mine = ((pl.col("lr") == pl.col("r")) & (pl.col("rl") == pl.col("l"))).fill_null(value=False)
    nothing = pl.lit(unsure, pl.Int64)
    # Taking this pair would give up what both of its rows hold now.
    given_up = pl.max_horizontal(pl.col("ls").fill_null(nothing), pl.col("rs").fill_null(nothing))
    # Or both holders change places: what is given up, less what the two left over then have.
    exchanged = live.select(rl="l", lr="r", other="score")
    joined = joined.join(exchanged, on=["rl", "lr"], how="left", maintain_order="left")
    loss = pl.min_horizontal(given_up, pl.col("ls") + pl.col("rs") - pl.col("other"))
    near = ~mine & _LIVE & (pl.col("score") >= loss - _MARGIN)
    joined = joined.with_columns(mine=mine, near=near)
    rivals = joined.filter("near").select("l", "r")
    rivalled = (
        pl.col("l").is_in(rivals["l"].unique().implode())
        | pl.col("r").is_in(rivals["r"].unique().implode())
    ) & (pl.col("near") | pl.col("mine"))
    behind = ~pl.col("mine") & ~pl.col("near")
    return _fallen(joined, behind, rivalled, ASSIGNED_ELSEWHERE).select(judged.columns)


def _assignment(live: pl.DataFrame, unsure: int) -> pl.DataFrame:
    """`l`, `r`, `score` of the pairs of the best assignment."""
    degrees = live.select("l", "r", "score")
    for side, name in (("l", "dl"), ("r", "dr")):
        counts = degrees.group_by(side).agg(pl.len().alias(name))
        degrees = degrees.join(counts, on=side, how="left", maintain_order="left")
    alone = degrees.filter((pl.col("dl") == 1) & (pl.col("dr") == 1)).select("l", "r", "score")
    rest = degrees.filter((pl.col("dl") > 1) | (pl.col("dr") > 1))
    chosen: list[tuple[int, int]] = []
    for edges in components(rest.select("l", "r", "score")):
        chosen.extend(_solve(edges, unsure))
    table = pl.DataFrame(chosen, schema={"l": pl.UInt32, "r": pl.UInt32}, orient="row")
    solved = rest.join(table, on=["l", "r"], how="semi").select("l", "r", "score")
    return pl.concat([alone, solved])


def _solve(edges: list[tuple[int, int, int]], unsure: int) -> set[tuple[int, int]]:
    weights = {(a, b): score - unsure + 1 for a, b, score in edges}
    small = min(len({a for a, _ in weights}), len({b for _, b in weights}))
    if small <= _LARGEST:
        return best_assignment(weights)
    # A component this large is a hostile or worthless block: best first, and all of it doubtful.
    taken: set[tuple[int, int]] = set()
    left, right = set[int](), set[int]()
    for a, b in sorted(weights, key=lambda e: (-weights[e], e)):
        if a not in left and b not in right:
            taken.add((a, b))
            left.add(a)
            right.add(b)
    return taken
