"""Step 4 of a verification: what is known, how well, and what does not fit together.

The low end of a bound counts what is certain; the high end adds everything unsure, missing
(unbounded) or in conflict. Nothing here applies law: which facts count, for whom and over which
window is for the rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from verify.frames import DISCREPANCIES, DOUBTS
from verify.reconcile import gaps
from verify.reconcile.circumstances import claim_facts, settle_deaths
from verify.reconcile.counting import count_once
from verify.reconcile.declared import (
    compare,
    declared_facts,
    differences,
    support_once,
    windows,
)
from verify.reconcile.doubtful import hang, name_only
from verify.reconcile.kinds import CONTRIBUTION, MOVEMENT, is_factual
from verify.reconcile.shape import (
    DOUBT_ROW,
    doubt_part,
    fact_part,
    facts_frame,
    numbered,
    run,
    together,
)
from verify.reconcile.signals import credits_exceed_income, insured_without_wage
from verify.reconcile.statements import CERTAIN, NAME_ONLY, attribute, choose_person


@dataclass(frozen=True)
class Reconciled:
    """Facts, the doubts they hang on, and discrepancies: frames of `verify.frames`."""

    facts: pl.DataFrame
    doubts: pl.DataFrame
    discrepancies: pl.DataFrame


def reconcile(  # noqa: PLR0917 - one frame per step of the path
    households: pl.DataFrame,
    persons: pl.DataFrame,
    records: pl.DataFrame,
    matches: pl.DataFrame,
    coverage: pl.DataFrame,
    declared: pl.DataFrame,
    claims: pl.DataFrame,
) -> Reconciled:
    """Turn records and judgements about them into facts, for a batch of households.

    All arguments are frames of `verify.frames` (HOUSEHOLDS, PERSONS, RECORDS, MATCHES, COVERAGE,
    DECLARED, CLAIMS). A household's result depends on that household alone, and on neither the
    order nor the repetition of rows.
    """
    silent = gaps.unanswered(coverage)
    shut = None if silent.is_empty() else gaps.shut_evidence(silent)
    chosen = choose_person(matches, persons)
    unsure = bool((chosen["standing"] != CERTAIN).any())
    (statements,) = run(attribute(records, chosen, shut))

    factual = statements.lazy().filter(is_factual(pl.col("rank")))
    factual = run(hang(factual, unsure=unsure))[0].lazy()
    counted = count_once(factual.filter(pl.col("standing") != NAME_ONLY))
    counted, claims = settle_deaths(support_once(counted, declared), claims)

    known = fact_part(counted.lazy(), counted.columns)
    doubts = []
    if counted["doubt"].null_count() < counted.height or unsure:
        hanging = counted.lazy().filter(pl.col("doubt").is_not_null()).select(DOUBT_ROW)
        doubts.append(doubt_part(pl.concat([hanging, name_only(factual)]), records))
    if not silent.is_empty():
        bounds, silence = gaps.open_bounds(silent)
        known = pl.concat([known, bounds])
        doubts.append(silence)

    window = windows(households)
    (compared,) = run(compare(known, declared, window))
    facts = known
    if compared["amount"].null_count() < compared.height:
        facts = pl.concat([facts, declared_facts(compared.lazy(), window)])
    if not claims.is_empty():
        attested, attestations = claim_facts(claims, window)
        facts = pl.concat([facts, attested])
        doubts.append(attestations)
    facts_out, doubts_out = run(numbered(facts), together(DOUBTS, doubts))

    differing = [differences(compared, coverage)]
    kinds = statements["kind"].unique()
    if CONTRIBUTION in kinds:
        differing.append(insured_without_wage(statements.lazy(), facts_out.lazy(), window))
    if MOVEMENT in kinds:
        differing.append(credits_exceed_income(statements.lazy(), compared.lazy()))
    (discrepancies,) = run(together(DISCREPANCIES, differing))
    return Reconciled(
        facts=facts_frame(facts_out),
        doubts=DOUBTS.check(doubts_out),
        discrepancies=DISCREPANCIES.check(discrepancies),
    )
