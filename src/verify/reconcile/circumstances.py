"""Circumstances of persons: proved, denied, merely claimed, or contradicted by a register."""

from __future__ import annotations

import polars as pl

from verify.domain.period import Granularity
from verify.domain.verdict import DoubtKind
from verify.reconcile.kinds import DECEASED
from verify.reconcile.shape import fact_part

_PERSON = ["household", "person"]
_FACT = (
    *("household", "person", "quantity", "granularity", "as_of", "lo", "hi"),
    *("category", "grade", "doubt", "note"),
)


def settle_deaths(counted: pl.DataFrame, claims: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A death notice about a person of the application contradicts the application.

    The fact hangs on a conflict until a person looks; unless the application itself says that
    the person has died: then the register proves the claim, and the claim is not needed.
    """
    notice = (pl.col("quantity") == DECEASED) & pl.col("doubt").is_null()
    if not (counted["quantity"] == DECEASED).any():
        return counted, claims
    notices = counted.filter(notice)
    is_claim = (pl.col("kind") == DECEASED) & pl.col("holds")
    claimed = claims.filter(is_claim)
    contradicting = notices.join(claimed, on=_PERSON, how="anti").with_columns(
        doubt=pl.concat_str(pl.lit(f"conflict:{DECEASED}:"), "person"),
        kind=pl.lit(DoubtKind.CONFLICT.value),
        code=pl.lit("death_notice_against_member"),
    )
    agreeing = notices.join(claimed, on=_PERSON, how="semi")
    return (
        pl.concat([counted.filter(~notice), contradicting, agreeing]),
        pl.concat(
            [claims.filter(~is_claim), claimed.join(notices, on=_PERSON, how="anti")],
        ),
    )


def claim_facts(claims: pl.DataFrame, window: pl.LazyFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Facts of truth (0 or 1) and the doubts of those claimed without a document.

    A documented claim is certain either way. An undocumented one may or may not hold, so its
    fact is "holds", hanging on an attestation: open it is 0 to 1, and its answer decides.
    """
    documented = pl.col("documented")
    rows = (
        claims.lazy()
        .join(window, on="household")
        .with_columns(
            quantity="kind",
            doubt=pl.when(~documented).then(
                pl.concat_str(pl.lit("attestation:"), "kind", pl.lit(":"), "person")
            ),
        )
    )
    truth = pl.when(documented).then(pl.col("holds").cast(pl.Int64)).otherwise(1)
    facts = rows.with_columns(
        granularity=pl.lit(Granularity.INSTANT.value),
        lo=truth,
        hi=truth,
        note=pl.when(documented).then(pl.lit("documented")).otherwise(pl.lit("claimed")),
    )
    holds = pl.struct(
        pl.lit("holds").alias("key"),
        pl.when("holds").then(pl.lit("true")).otherwise(pl.lit("false")).alias("value"),
    )
    nothing = pl.lit("")
    doubts = rows.filter(~documented).select(
        *("household", "doubt"),
        pl.lit(DoubtKind.ATTESTATION.value).alias("kind"),
        pl.lit(value=True).alias("weighs"),
        "person",
        nothing.alias("source"),
        nothing.alias("record"),
        nothing.alias("evidence"),
        pl.concat_list("quantity").alias("quantities"),
        pl.lit("claimed_without_document").alias("code"),
        pl.concat_list(holds).alias("params"),
    )
    return fact_part(facts, _FACT), doubts
