"""From agreement to judgement: theirs, not theirs, or a person must say.

These rules are code, not content, because no weight may overrule them (design, section 2,
invariants 2 and 9; domain facts, section 7.3):

1. Only a confirming identifier makes a record theirs, and only together with the name.
2. The number without the name is 姓名不符: a person must say.
3. Another valid number is another person, whatever the name.
4. A name alone never counts against anyone: it is asked about (`unsure`), but never `weighs`.
5. One record belongs to at most one person; one person may have many records.

Every rule holds for a level and all stronger ones, and better outcomes are tried first, so more
agreement never lowers a judgement. Nothing here looks at the script of a name, its separators or
the place digits of a number.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import polars as pl

from verify.domain.match import Judgement
from verify.scoring.levels import ADDRESS, BIRTH, ID, NAME, PHONE, rank

CONFIRMING: Final = "confirming_identifier"
NAME_DIFFERS: Final = "id_equal_name_differs"
NAME_MISSING: Final = "id_equal_name_missing"
BELOW_CUTOFF: Final = "below_positive_cutoff"
NEAR: Final = "id_near"
MASKED: Final = "id_masked"
NAME_AND_BIRTH: Final = "name_and_birth"
NAME_AND_CONTACT: Final = "name_and_contact"
BY_SCORE: Final = "by_score"
NAME_ONLY: Final = "name_only"
UNREADABLE: Final = "id_unreadable"
TOO_LITTLE: Final = "too_little_to_tell"
OTHER_PERSON: Final = "other_person"
TOO_DIFFERENT: Final = "too_different"
AMBIGUOUS: Final = "ambiguous"
BELONGS_ELSEWHERE: Final = "belongs_to_another"
BETTER_CANDIDATE: Final = "better_candidate"

_POSITIVE, _UNSURE, _NEGATIVE = (
    Judgement.POSITIVE.value,
    Judgement.UNSURE.value,
    Judgement.NEGATIVE.value,
)


def _at_least(field: str, level: str) -> pl.Expr:
    """The field agrees at this level or better."""
    return pl.col(field) <= rank(field, level)


def _is(field: str, level: str) -> pl.Expr:
    return pl.col(field) == rank(field, level)


_NAME_AGREES = _at_least(NAME, "homophone")
_NAME_NOT_AGAINST = _at_least(NAME, "missing")
_ID_CONFIRMS = _at_least(ID, "repaired")
_ID_AGREES = _at_least(ID, "masked")
_ID_NOT_AGAINST = _at_least(ID, "missing")
_ID_READS_OTHER = ~_at_least(ID, "invalid_different")
_BIRTH_AGREES = _at_least(BIRTH, "swapped")
_BIRTH_NOT_AGAINST = _at_least(BIRTH, "missing")
_CONTACT_AGREES = _at_least(PHONE, "partial") | _at_least(ADDRESS, "similar")
# Families share telephone and address: they support only where the name does not contradict.
_SUPPORTED = _ID_AGREES | _BIRTH_AGREES | (_CONTACT_AGREES & _NAME_NOT_AGAINST)
# Agreement worth keeping for the reader although the judgement may be negative.
_AGREES_IN_SOMETHING = (
    _at_least(NAME, "one_character")
    | _ID_AGREES
    | _is(ID, "same_birth_sex")
    | _BIRTH_AGREES
    | _CONTACT_AGREES
)


def judge(pairs: pl.LazyFrame, positive: int, unsure: int) -> pl.LazyFrame:
    """Add `judgement`, `weighs` and `rule` to scored pairs, and settle each record jointly.

    `positive` and `unsure` are the cut-offs in milli-bits. Pairs that agree in nothing are left
    out, unless the record would have none: then the best one stays (of equals, the person the
    source was asked about).
    """
    return (
        pairs.with_columns(agrees=_AGREES_IN_SOMETHING)
        .sort("r", "agrees", "score", "asked", "p", descending=[False, True, True, True, False])
        .filter(pl.col("agrees") | pl.col("r").is_first_distinct())
        .with_columns(rule=_rule(positive, unsure))
        .with_columns(judgement=_JUDGEMENT, weighs=_WEIGHS)
        .with_columns(owners=_OWNERS, claim=_CLAIM)
        .with_columns(best=pl.col("claim").max().over("r"))
        .with_columns(rivals=_RIVALS)
        .with_columns(ambiguous=_AMBIGUOUS, elsewhere=_ELSEWHERE, outdone=_OUTDONE)
        .with_columns(**_SETTLED)
    )


@lru_cache(maxsize=16)
def _rule(positive: int, unsure: int) -> pl.Expr:
    """The first rule that holds, best outcome first (a different valid number before all)."""
    score = pl.col("score")
    return (
        pl.when(_ID_READS_OTHER)
        .then(pl.lit(OTHER_PERSON))
        .when(_ID_CONFIRMS & _NAME_AGREES & (score >= positive))
        .then(pl.lit(CONFIRMING))
        .when(_ID_CONFIRMS & _NAME_AGREES)
        .then(pl.lit(BELOW_CUTOFF))
        .when(_ID_CONFIRMS & _is(NAME, "missing"))
        .then(pl.lit(NAME_MISSING))
        .when(_ID_CONFIRMS)
        .then(pl.lit(NAME_DIFFERS))
        .when(_at_least(ID, "near") & _NAME_AGREES)
        .then(pl.lit(NEAR))
        .when(_ID_AGREES & _NAME_AGREES)
        .then(pl.lit(MASKED))
        .when(_NAME_AGREES & _ID_NOT_AGAINST & _at_least(BIRTH, "equal"))
        .then(pl.lit(NAME_AND_BIRTH))
        .when(_NAME_AGREES & _ID_NOT_AGAINST & _BIRTH_NOT_AGAINST & _CONTACT_AGREES)
        .then(pl.lit(NAME_AND_CONTACT))
        .when(_SUPPORTED & (score >= unsure))
        .then(pl.lit(BY_SCORE))
        .when(_NAME_AGREES & _is(ID, "invalid_different") & _BIRTH_NOT_AGAINST)
        .then(pl.lit(UNREADABLE))
        .when(_NAME_AGREES & _ID_NOT_AGAINST & _BIRTH_NOT_AGAINST)
        .then(pl.lit(NAME_ONLY))
        .when(_NAME_NOT_AGAINST & _ID_NOT_AGAINST & _BIRTH_NOT_AGAINST)
        .then(pl.lit(TOO_LITTLE))
        .otherwise(pl.lit(TOO_DIFFERENT))
    )


_UNDECIDED = pl.col("judgement") == _UNSURE
_SILENT = [OTHER_PERSON, TOO_DIFFERENT, UNREADABLE, NAME_ONLY, TOO_LITTLE]
_WEIGHS = ~pl.col("rule").is_in(_SILENT)
_JUDGEMENT = (
    pl.when(pl.col("rule") == CONFIRMING)
    .then(pl.lit(_POSITIVE))
    .when(pl.col("rule").is_in([OTHER_PERSON, TOO_DIFFERENT]))
    .then(pl.lit(_NEGATIVE))
    .otherwise(pl.lit(_UNSURE))
)

# One record, at most one person: the pairs of a record are settled together. A record that is
# surely one person's is nobody else's. Two persons with an equal claim are both unsure. Where a
# better candidate stands, a claim that does not weigh is dropped; one that weighs stays, for a
# person to see.
_OWNERS = (pl.col("judgement") == _POSITIVE).sum().over("r")
# A claim that weighs is above any that does not; scores lie far below this step.
_CLAIM = pl.when(_UNDECIDED).then(pl.col("score") + pl.col("weighs").cast(pl.Int64) * (1 << 40))
_LEADS = _UNDECIDED & (pl.col("claim") == pl.col("best"))
_RIVALS = _LEADS.sum().over("r")
_AMBIGUOUS = ((pl.col("owners") > 1) & (pl.col("judgement") == _POSITIVE)) | (
    (pl.col("owners") == 0) & (pl.col("rivals") > 1) & _LEADS
)
_ELSEWHERE = (pl.col("owners") > 0) & _UNDECIDED
_OUTDONE = (
    (pl.col("owners") == 0) & _UNDECIDED & ~pl.col("weighs") & (pl.col("claim") < pl.col("best"))
)
_DROPPED = pl.col("elsewhere") | pl.col("outdone")
_SETTLED = {
    "rule": pl.when("ambiguous")
    .then(pl.lit(AMBIGUOUS))
    .when("elsewhere")
    .then(pl.lit(BELONGS_ELSEWHERE))
    .when("outdone")
    .then(pl.lit(BETTER_CANDIDATE))
    .otherwise(pl.col("rule")),
    "judgement": pl.when("ambiguous")
    .then(pl.lit(_UNSURE))
    .when(_DROPPED)
    .then(pl.lit(_NEGATIVE))
    .otherwise(pl.col("judgement")),
    "weighs": pl.col("weighs") & ~_DROPPED,
}
