"""Does this record belong to this person? Uncertainty is a value."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Judgement(enum.StrEnum):
    """Positive: theirs. Negative: not theirs. Unsure: a person must say."""

    POSITIVE = "positive"
    UNSURE = "unsure"
    NEGATIVE = "negative"


@dataclass(frozen=True, slots=True)
class Reason:
    """One comparison that moved the score: field, agreement level, weight in milli-bits."""

    field: str
    level: str
    weight: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class MatchScore:
    """Log-odds in milli-bits (prior + sum of weights) and the reasons that make it up."""

    total: int
    prior: int
    reasons: tuple[Reason, ...]
