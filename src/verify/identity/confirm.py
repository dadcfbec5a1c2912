"""What a score may not decide alone: names that nothing confirms, numbers that agree."""

from __future__ import annotations

import polars as pl

from verify.identity.coding import Registers
from verify.scoring.kinds import KINDS
from verify.scoring.linking import LinkSettings


def confirmed(scored: pl.DataFrame, registers: Registers, settings: LinkSettings) -> pl.DataFrame:
    """Add `confirmed`, whether anything that the family calls confirming agrees at all, and
    `proven`, whether a field agrees exactly that never lets a pair be negative."""
    proofs = [pl.col(n) == 0 for n in settings.declared.never_negative if n in registers.fields]
    scored = scored.with_columns(proven=pl.any_horizontal(proofs) if proofs else pl.lit(False))
    wanted = [name for name in settings.declared.confirming if name in registers.fields]
    if not settings.declared.confirming:
        return scored.with_columns(confirmed=pl.lit(value=True))
    agrees = [
        pl.col(name) < KINDS[registers.fields[name].field.kind].index("different")
        for name in wanted
    ]
    return scored.with_columns(confirmed=pl.any_horizontal(agrees) if agrees else pl.lit(False))
