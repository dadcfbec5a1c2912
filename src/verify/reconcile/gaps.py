"""What nobody answered: each silent or unusable answer leaves its quantities open.

"Nobody answered" is never "nothing found": the fact is "from nothing to anything".
"""

from __future__ import annotations

import polars as pl

from verify.domain.evidence import EvidenceState
from verify.domain.period import Granularity
from verify.domain.verdict import DoubtKind
from verify.frames import DOUBTS
from verify.reconcile.kinds import MEANS, QUANTITY_RANK, is_flow
from verify.reconcile.shape import fact_part, run

_ANSWERED = [s.value for s in EvidenceState if s.answered]
# Incomplete or contradictory answers still say what is certainly there; all others say nothing.
_USABLE = [*_ANSWERED, EvidenceState.PARTIAL.value, EvidenceState.CONFLICTING.value]
_STALE = pl.col("state") == EvidenceState.STALE.value
_FACT = (
    *("household", "person", "quantity", "granularity", "as_of"),
    *("lo", "doubt", "evidence"),
)
_EMPTY_PARAMS = pl.lit([], DOUBTS.columns["params"])


def unanswered(coverage: pl.DataFrame) -> pl.DataFrame:
    """Coverage rows that are no full answer."""
    return run(coverage.lazy().filter(~pl.col("state").is_in(_ANSWERED)))[0]


def shut_evidence(gaps: pl.DataFrame) -> pl.DataFrame:
    """Evidence whose records are not used at all: old answers, answers about someone else."""
    return gaps.filter(~pl.col("state").is_in(_USABLE)).select("household", "evidence")


def open_bounds(gaps: pl.DataFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Facts [0, unbounded] and their doubts, for every mandatory source that did not answer.

    A source that is not mandatory may stay silent; but where it answered with old records, those
    are not simply forgotten: they leave the same open bound.
    """
    owed = (
        gaps.lazy()
        .filter(pl.col("mandatory") | (_STALE & (pl.col("records") > 0)))
        .with_columns(
            kind=pl.when(_STALE)
            .then(pl.lit(DoubtKind.STALE.value))
            .otherwise(pl.lit(DoubtKind.MISSING.value)),
            quantities=pl.col("yields")
            .list.eval(pl.element().filter(pl.element().is_in(MEANS)))
            .list.unique()
            .list.sort(),
        )
    )
    owed = owed.with_columns(doubt=pl.concat_str("kind", pl.lit(":"), "evidence"))
    facts = (
        owed.filter(pl.col("quantities").list.len() > 0)
        .with_columns(quantity="quantities")
        .explode("quantity")
        .with_columns(
            granularity=pl.when(is_flow(QUANTITY_RANK))
            .then(pl.lit(Granularity.MONTH.value))
            .otherwise(pl.lit(Granularity.INSTANT.value)),
            lo=pl.lit(0, pl.Int64),
            evidence=pl.concat_list("evidence"),
        )
    )
    detail = pl.struct(pl.lit("detail").alias("key"), pl.col("detail").alias("value"))
    day = pl.struct(
        pl.lit("as_of").alias("key"),
        pl.col("as_of").dt.to_string("iso").alias("value"),
    )
    doubts = owed.select(
        *("household", "doubt", "kind"),
        pl.lit(value=True).alias("weighs"),
        *("person", "source"),
        pl.lit("").alias("record"),
        *("evidence", "quantities"),
        pl.col("state").alias("code"),
        pl.concat_list(
            pl.when(pl.col("as_of").is_not_null())
            .then(pl.concat_list(day))
            .otherwise(_EMPTY_PARAMS),
            pl.when(pl.col("detail") != "").then(pl.concat_list(detail)).otherwise(_EMPTY_PARAMS),
        ).alias("params"),
    )
    return fact_part(facts, _FACT), doubts
