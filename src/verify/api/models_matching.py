"""What the tuning routes are sent, and what they answer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from verify.api.models import Day, Digest, Instant, Out
from verify.domain.match import Judgement
from verify.domain.verdict import Outcome
from verify.service.matching.tuning import FAMILY, MAX_STRENGTH, MAX_VERDICTS, STRENGTH
from verify.store.ids import VERIFICATION_ID

_Family = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_MilliBits = Annotated[int, Field(ge=-60_000, le=60_000)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ThresholdIn(_In):
    """Cut-offs to try, in milli-bits; what is left out stays as it is."""

    family: _Family = FAMILY
    positive: _MilliBits | None = Field(None, description="From here a pair may be positive.")
    unsure: _MilliBits | None = Field(None, description="From here a pair is unsure by score.")
    verdicts: int = Field(
        200, ge=0, le=MAX_VERDICTS, description="How many of the newest verdicts to judge again."
    )

    @model_validator(mode="after")
    def _something(self) -> ThresholdIn:
        if self.positive is None and self.unsure is None:
            raise ValueError("give positive, unsure or both")
        return self


class CalibrateIn(_In):
    """How to weigh decisions against the declared figures."""

    family: _Family = FAMILY
    strength: int = Field(
        STRENGTH,
        ge=1,
        le=MAX_STRENGTH,
        description="The declared shares count as much as this many same-person pairs.",
    )
    verdicts: int = Field(
        0, ge=0, le=MAX_VERDICTS, description="How many of the newest verdicts to judge again."
    )


class DecideIn(_In):
    """A record of a sealed verdict and whose it was found to be."""

    verification: Annotated[str, StringConstraints(pattern=f"^{VERIFICATION_ID.pattern}$")]
    record: _Key = Field(description="As in the verdict's matches.")
    person: _Key = Field(description="As in the verdict's matches.")
    judgement: Judgement = Field(
        description="positive: theirs; negative: not theirs; unsure: it cannot be told."
    )


PerMillion = Annotated[int, Field(ge=0, le=1_000_000, description="A share per million.")]
MilliBits = Annotated[int, Field(description="Log-odds in milli-bits.")]
Judgements = dict[Judgement, dict[Judgement, int]]


class CurvePoint(Out):
    """Precision and recall with one cut-off."""

    cutoff: MilliBits
    found: int = Field(description="Same-person pairs at or above the cut-off.")
    wrong: int = Field(description="Other pairs at or above it.")
    precision: PerMillion | None
    recall: PerMillion | None
    chosen: bool = Field(description="The point of the cut-off in use.")


class CalibrationBand(Out):
    """What the scores of a band claim, and what was found."""

    from_: MilliBits = Field(alias="from")
    to: MilliBits
    pairs: int
    same: int
    expected: PerMillion
    observed: PerMillion | None


class JudgedOtherwise(Out):
    """A labelled pair that is judged against its label."""

    key: str
    origin: Literal["case", "clerical"]
    title_zh: str
    title_en: str
    label: Judgement
    judgement: Judgement
    rule: str
    score: MilliBits


class MatchingFigures(Out):
    """Counts and shares of labelled pairs as they are judged."""

    pairs: int
    table: Judgements = Field(description="Pairs by label and judgement.")
    precision: PerMillion | None
    recall: PerMillion | None
    recall_with_unsure: PerMillion | None
    f1: PerMillion | None
    unsure: PerMillion | None


class MatchingEvaluation(MatchingFigures):
    """The scoring in use, held against the labelled pairs."""

    curve: list[CurvePoint]
    calibration: list[CalibrationBand]
    wrong: list[JudgedOtherwise]


class LabelledFlip(Out):
    """A labelled pair that a draft judges otherwise."""

    key: str
    origin: Literal["case", "clerical"]
    title_zh: str
    title_en: str
    label: Judgement
    judgement: Judgement = Field(description="With the scoring in use.")
    draft: Judgement = Field(description="With the draft.")
    score: MilliBits
    draft_score: MilliBits
    effect: Literal["better", "worse", "other"]


class MatchFlip(Out):
    """A record of a past verdict that a draft judges otherwise."""

    record: str
    person: str
    judgement: Judgement
    draft: Judgement
    score: MilliBits | None
    draft_score: MilliBits | None


class VerdictFlip(Out):
    """A past verdict that a draft would change."""

    verification: str
    programme: str
    region: str
    as_of: Day
    outcome: Outcome
    draft: Outcome
    matches: list[MatchFlip]


class VerdictsUnderDraft(Out):
    """Past verdicts judged again under a draft; nothing of it is stored."""

    examined: int
    unreadable: int
    skipped: list[str]
    outcomes: dict[str, int] = Field(description="`before>after`: how many.")
    matches: dict[str, int] = Field(description="`before>after`: how many records.")
    flipped: list[VerdictFlip]


class ScoringTrial(Out):
    """A draft scoring beside the one in use."""

    scoring: Digest
    draft: Digest
    before: MatchingFigures
    after: MatchingFigures
    labelled: list[LabelledFlip]
    verdicts: VerdictsUnderDraft | None


class ShareChange(Out):
    """A share m that the decisions suggest."""

    field: str
    level: str
    m: str
    draft: str
    seen: int = Field(description="Same-person pairs that agreed at this level.")


class CutOffMeaning(Out):
    """What a cut-off claims and what decisions say it means; `from` is where it would be true."""

    cutoff: MilliBits
    meant: PerMillion
    means: PerMillion
    from_: MilliBits | None = Field(alias="from")


class CalibrationError(Out):
    """Expected calibration error: of the claims, and of the map on decisions it never saw."""

    claimed: PerMillion | None
    calibrated: PerMillion | None


class CutOffMeanings(Out):
    """Both cut-offs in use."""

    positive: CutOffMeaning
    unsure: CutOffMeaning


class ScoreOdds(Out):
    """What scores mean by the decisions, before and after an isotonic map."""

    claimed: list[CalibrationBand]
    calibrated: list[CalibrationBand]
    error: CalibrationError
    cutoffs: CutOffMeanings


class Calibration(Out):
    """What the clerical decisions suggest."""

    decisions: int
    same: int
    changes: list[ShareChange]
    odds: ScoreOdds
    trial: ScoringTrial


class ClericalDecision(Out):
    """What a caseworker found of a match; levels of agreement only."""

    id: str
    verification: str
    record: str
    person: str
    region: str
    family: str
    levels: dict[str, str]
    rarity: MilliBits
    judgement: Judgement
    decided_by: str
    decided_at: Instant
    revoked_by: str | None
    revoked_at: Instant | None


class ClericalDecisions(Out):
    """Clerical decisions, oldest first."""

    labels: list[ClericalDecision]
