"""Name the doubt that an unsure statement hangs on.

One question settles all records that a source holds under one and the same subject: twelve
monthly wages under one mistyped number are one doubt, not twelve. The doubt is named for the
first of those records, `match:<record>:<person>`.
"""

from __future__ import annotations

import polars as pl

from verify.domain.verdict import DoubtKind
from verify.reconcile.shape import doubt_part
from verify.reconcile.statements import CERTAIN, NAME_ONLY

# Without a number, two records under one name (and birth date) are taken for the same subject
# only if they are also about the same payer, account or thing.
_NO_NUMBER = pl.col("subject_id").is_null() | (pl.col("subject_id") == "")
_SUBJECT = (
    *("household", "person", "source", "standing", "rule"),
    *("subject_name", "subject_id", "subject_birth"),
    pl.when(_NO_NUMBER).then(pl.coalesce("object_key", "record")),
)


def hang(statements: pl.DataFrame) -> pl.DataFrame:
    """`statements` with the column `doubt`: null where certain."""
    certain = pl.col("standing") == CERTAIN
    unsure = statements.filter(~certain)
    if unsure.is_empty():
        return statements.with_columns(doubt=pl.lit(None, pl.String))
    named = unsure.with_columns(
        doubt=pl.concat_str(
            pl.lit("match:"), pl.col("record").min().over(*_SUBJECT), pl.lit(":"), "person"
        )
    )
    return pl.concat(
        [statements.filter(certain).with_columns(doubt=pl.lit(None, pl.String)), named]
    )


def name_only_doubts(statements: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame | None:
    """Doubts that never widen a bound: records that agree in nothing but a name."""
    rows = statements.filter(pl.col("standing") == NAME_ONLY)
    if rows.is_empty():
        return None
    rows = rows.with_columns(
        kind=pl.lit(DoubtKind.MATCH.value),
        code=pl.col("rule"),
        records=pl.concat_list("record"),
    )
    return doubt_part(rows, records, weighs=False)
