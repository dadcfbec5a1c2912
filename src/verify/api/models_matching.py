"""What the tuning routes are sent."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from verify.domain.match import Judgement
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
