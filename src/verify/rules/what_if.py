"""Households as they would be if something were different, judged by the same expressions.

A variant is a household of its own in an evaluation: the members and contributions of the real
one, with some contributions added or left out, or a member counted otherwise. Nothing else knows
that it is not real.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from verify.rules.contributions import NUMBERS
from verify.rules.evaluate import Batch, Evaluation
from verify.rules.interval import POSITION, Column
from verify.rules.parts import part_columns
from verify.rules.plan import Plan
from verify.rules.portions import CERTAIN
from verify.rules.prepare import Prepared


@dataclass(frozen=True)
class Variant:
    """Household `h`, changed.

    `add`: (p, m, amount) contributions more; `without`: rows of the contributions that are left
    out; `counts`: by p, whether a member counts, whatever the composition says.
    """

    h: int
    add: tuple[tuple[int, int, int], ...] = ()
    without: frozenset[int] = frozenset()
    counts: Mapping[int, bool] = field(default_factory=dict)


def evaluate(prepared: Prepared, variants: Sequence[Variant]) -> Evaluation:
    """An evaluation with one row per variant, in the order given."""
    plan = prepared.book.plan
    rows = pl.DataFrame(
        {"j": range(len(variants)), "h": [v.h for v in variants]},
        schema={"j": pl.Int64, "h": pl.Int64},
    )
    people = rows.join(prepared.people, on="h", maintain_order="left_right")
    people = people.sort("supporter", maintain_order=True)  # members first, as everywhere
    people = people.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("q"))
    parts = pl.concat([_kept(prepared, rows, variants), _added(plan, variants)])
    placed = parts.join(people["j", "p", "q"], on=["j", "p"]).drop("p")
    placed = placed.rename({"j": "h", "q": "p"}).select(part_columns(plan))
    of_households = rows["h"].cast(POSITION)
    batch = Batch(
        plan,
        prepared.households[of_households],
        prepared.table,
        people.drop("h", "p").rename({"j": "h", "q": "p"}),
        placed,
    )
    forced = [
        (at, variants[j].counts[p])
        for at, (j, p) in enumerate(people["j", "p"].iter_rows())
        if p in variants[j].counts
    ]
    return _WhatIf(batch, forced)


def _kept(prepared: Prepared, rows: pl.DataFrame, variants: Sequence[Variant]) -> pl.DataFrame:
    """The contributions of the real household, without those left out."""
    frame = prepared.contributions.frame.with_row_index("at")
    mine = rows.join(
        frame.with_columns(pl.lit(0, dtype=pl.Int64).alias("place")), on="h", how="inner"
    )
    left_out = [(j, at) for j, v in enumerate(variants) for at in sorted(v.without)]
    if left_out:
        schema = {"j": pl.Int64, "at": pl.UInt32}
        gone = pl.DataFrame(left_out, schema=schema, orient="row")
        mine = mine.join(gone, on=["j", "at"], how="anti")
    return mine.select("j", *(c for c in part_columns(prepared.book.plan) if c != "h"))


def _added(plan: Plan, variants: Sequence[Variant]) -> pl.DataFrame:
    more = [(j, *a) for j, v in enumerate(variants) for a in v.add]
    frame = pl.DataFrame(
        {
            "j": [a[0] for a in more],
            "p": [a[1] for a in more],
            "m": [a[2] for a in more],
            "cap": [plan.measures[a[2]].cap for a in more],
            "largest": [plan.measures[a[2]].largest for a in more],
            "cls": [CERTAIN] * len(more),
            "lo": [a[3] for a in more],
            "hi": [a[3] for a in more],
            "fuzzy": [False] * len(more),
            "place": [0] * len(more),
            "object": ["\u0000what-if"] * len(more),
            "thing": [plan.measures[a[2]].level != "person" for a in more],
        },
        schema={
            **dict.fromkeys(("j", "p", "m", "cap"), pl.Int64),
            "largest": pl.Boolean,
            **dict.fromkeys(("cls", "lo", "hi"), pl.Int64),
            "fuzzy": pl.Boolean,
            "place": pl.Int64,
            "object": pl.String,
            "thing": pl.Boolean,
        },
    )
    return frame.with_columns(
        pl.lit(None, dtype=pl.Int64 if d in NUMBERS else pl.String).alias(d) for d in plan.details
    ).select("j", *(c for c in part_columns(plan) if c != "h"))


class _WhatIf(Evaluation):
    """An evaluation in which some members are counted as a variant says."""

    def __init__(self, batch: Batch, forced: Sequence[tuple[int, bool]]) -> None:
        super().__init__(batch)
        self._forced = forced

    def _given(self, name: str, level: str) -> Column:
        found = super()._given(name, level)
        if name != "counted" or not self._forced:
            return found
        places = [at for at, _ in self._forced]
        says = pl.Series([counts for _, counts in self._forced], dtype=pl.Boolean)
        lo = found.lo.clone().scatter(places, says)
        return Column(lo, lo if found.certain else found.hi.clone().scatter(places, says))
