"""What auxiliary sources say: something to look at, beside the facts and never among them.

The use of water and power, say, may be out of proportion to what a family declares (57号 article
17). Such a signal is told to the person who decides; it enters no fact, and the silence of such a
source leaves nothing open.
"""

from __future__ import annotations

import polars as pl

from verify.domain.match import Judgement
from verify.domain.vocabulary import Nature, StatementKind
from verify.frames import DISCREPANCIES
from verify.reconcile.gaps import shut_evidence, unanswered
from verify.reconcile.shape import run

SIGNAL = "auxiliary_signal"
INDICATOR_ONLY = "indicator_only"
_THINGS = sorted(k.value for k in StatementKind if k.nature is Nature.ITEM)
_MONEY = sorted(
    k.value for k in StatementKind if k.nature in (Nature.FLOW, Nature.SPENDING, Nature.STOCK)
)
_WHAT = ["household", "person", "quantity"]
_NOTHING = DISCREPANCIES.frame()


def auxiliary_signals(
    records: pl.DataFrame, matches: pl.DataFrame, coverage: pl.DataFrame
) -> pl.DataFrame:
    """Discrepancies (`auxiliary_signal`) out of auxiliary evidence alone.

    Only a record that is surely the person's own signals anything, and no stale one. `found_lo`
    is what is there at least: things are counted, of amounts it is the largest single one, since
    nobody has added them up; an indicator without any amount has 1. Frames of `verify.frames`.
    """
    if records.is_empty() and INDICATOR_ONLY not in coverage["detail"]:
        return _NOTHING
    own = matches.lazy().filter(
        (pl.col("judgement") == Judgement.POSITIVE.value) & pl.col("weighs")
    )
    shut = shut_evidence(unanswered(coverage)).lazy()
    found = (
        records.lazy()
        .join(shut, on=["household", "evidence"], how="anti")
        .join(own.select("household", "record", "person"), on=["household", "record"])
        .with_columns(
            quantity="kind",
            least=pl.when(pl.col("kind").is_in(_MONEY)).then("amount").otherwise(1),
            thing=pl.coalesce("object_key", "record"),
        )
        .group_by(_WHAT)
        .agg(
            pl.col("least").max().fill_null(0),
            pl.col("thing").n_unique().cast(pl.Int64),
            pl.col("evidence").unique().sort(),
        )
        .with_columns(
            found_lo=pl.when(pl.col("quantity").is_in(_THINGS)).then("thing").otherwise("least")
        )
    )
    indicated = (
        coverage.lazy()
        .filter(pl.col("detail") == INDICATOR_ONLY)
        .with_columns(quantity="yields", evidence=pl.concat_list("evidence"))
        .explode("quantity")
        .with_columns(found_lo=pl.lit(1, pl.Int64))
    )
    columns = [*_WHAT, "found_lo", "evidence"]
    told = (
        pl.concat([found.select(columns), indicated.select(columns)])
        .with_columns(
            code=pl.lit(SIGNAL),
            declared=pl.lit(None, pl.Int64),
            found_hi=pl.lit(None, pl.Int64),
        )
        .select(list(DISCREPANCIES.columns))
    )
    return DISCREPANCIES.check(run(told)[0])
