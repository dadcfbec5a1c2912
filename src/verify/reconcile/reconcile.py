"""Step 4 of a verification: what is known, how well, and what does not fit together.

The low end of a bound counts what is certain; the high end adds everything unsure, missing
(unbounded) or in conflict. Nothing here applies law: which facts count, for whom and over which
window is for the rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from verify.domain.vocabulary import StatementKind
from verify.reconcile import gaps
from verify.reconcile.circumstances import claim_facts, settle_deaths
from verify.reconcile.counting import count_once
from verify.reconcile.declared import compare, declared_facts, differences, windows
from verify.reconcile.doubtful import hang, name_only_doubts
from verify.reconcile.kinds import FACTUAL, SUPPORT
from verify.reconcile.shape import (
    discrepancies_frame,
    doubt_part,
    doubts_frame,
    fact_part,
    numbered,
)
from verify.reconcile.statements import NAME_ONLY, attribute, choose_person


@dataclass(frozen=True)
class Reconciled:
    """Facts, the doubts they hang on, and discrepancies: frames of `verify.frames`."""

    facts: pl.DataFrame
    doubts: pl.DataFrame
    discrepancies: pl.DataFrame
