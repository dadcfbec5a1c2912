"""Name the doubt that an unsure statement hangs on.

One question settles all records that a source holds under one and the same subject: twelve
monthly wages under one mistyped number are one doubt, not twelve. The doubt is named for the
first of those records, `match:<record>:<person>`.
"""

from __future__ import annotations

import polars as pl

from verify.domain.verdict import DoubtKind
from verify.reconcile.statements import CERTAIN, NAME_ONLY

# Without a number, two records under one name (and birth date) are taken for the same subject
# only if they are also about the same payer, account or thing.
_NO_NUMBER = pl.col("subject_id").is_null() | (pl.col("subject_id") == "")
_SUBJECT = (
    *("household", "person", "source", "standing", "rule"),
    *("subject_name", "subject_id", "subject_birth"),
    pl.when(_NO_NUMBER).then(pl.coalesce("object_key", "record")),
)
_DOUBT = pl.concat_str(
    pl.lit("match:"), pl.col("record").min().over(*_SUBJECT), pl.lit(":"), "person"
).alias("doubt")
_NO_DOUBT = pl.lit(None, pl.String).alias("doubt")


def hang(statements: pl.LazyFrame, *, unsure: bool) -> pl.LazyFrame:
    """`statements` with the column `doubt`: null where certain (everywhere unless `unsure`)."""
    if not unsure:
        return statements.with_columns(_NO_DOUBT)
    certain = pl.col("standing") == CERTAIN
    return pl.concat(
        [
            statements.filter(certain).with_columns(_NO_DOUBT),
            statements.filter(~certain).with_columns(_DOUBT),
        ]
    )


def name_only(statements: pl.LazyFrame) -> pl.LazyFrame:
    """Records that agree in nothing but a name, as rows of doubts that never widen a bound."""
    return statements.filter(pl.col("standing") == NAME_ONLY).select(
        *("household", "person", "quantity", "doubt"),
        pl.lit(DoubtKind.MATCH.value).alias("kind"),
        pl.col("rule").alias("code"),
        "others",
        pl.concat_list("record").alias("records"),
        pl.lit(value=False).alias("weighs"),
    )
