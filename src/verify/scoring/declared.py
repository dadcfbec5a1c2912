"""What `scoring/*.yaml` may say: Pydantic models that type the text of the files.

`<family>.yaml` declares a script family, `names/*.yaml` how common names are, `cases/*.yaml`
labelled pairs. Faults are reported with file and line by `verify.content`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from verify.domain.match import Judgement
from verify.scoring.bits import millibits
from verify.scoring.levels import LEVELS, MISSING

_FRACTION = re.compile(r"[0-9]{1,12}/[0-9]{1,12}", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,18})?", re.ASCII)


def _probability(value: object) -> object:
    """Read `1/1000` or `0.001` exactly; never through a float."""
    exact = None
    if isinstance(value, str):
        if _FRACTION.fullmatch(value) and int(value.split("/")[1]):
            exact = Fraction(value)
        elif _DECIMAL.fullmatch(value):
            exact = Fraction(Decimal(value))
    if exact is None:
        raise ValueError("a number is written as decimal text or as a fraction such as 1/1000")
    if not 0 < exact < 1:
        raise ValueError("a probability lies between 0 and 1, both excluded")
    return exact


def _millibits(value: object) -> object:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        scaled = Decimal(value).scaleb(3)
        if scaled == scaled.to_integral_value():
            return int(scaled)
    raise ValueError("bits are decimal text with at most three decimals")


Probability = Annotated[Fraction, BeforeValidator(_probability)]
Bits = Annotated[int, BeforeValidator(_millibits)]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Count = Annotated[int, Field(gt=0)]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Declared):
    """The same words in both languages of the reports."""

    zh: Sentence
    en: Sentence


class LevelDeclared(_Declared):
    """A level: `m`, its share among true pairs, and `u`, among pairs of different people.

    Its weight is log2(m/u). `missing` has neither: silence is no evidence. A level without `u`
    takes it from the frequency of the name at hand.
    """

    level: str
    title: Words
    m: Probability | None = None
    u: Probability | None = None

    @property
    def weight(self) -> int:
        """Milli-bits; 0 where no `u` is declared."""
        return 0 if self.m is None or self.u is None else millibits(self.m / self.u)


class FieldDeclared(_Declared):
    """One compared field with all its levels, strongest first."""

    field: str
    title: Words
    levels: list[LevelDeclared]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.field not in LEVELS:
            raise ValueError(f"unknown field; known are {', '.join(LEVELS)}")
        expected = LEVELS[self.field]
        if tuple(level.level for level in self.levels) != expected:
            raise ValueError(f"the levels of {self.field}, strongest first: {', '.join(expected)}")
        for at, level in enumerate(self.levels):
            self._check_level(at, level)
        self._check_sums()
        return self

    def _check_level(self, at: int, level: LevelDeclared) -> None:
        by_frequency = self.field == "name" and at == 0
        wanted = (level.level != MISSING, level.level != MISSING and not by_frequency)
        if (level.m is not None, level.u is not None) != wanted:
            raise ValueError(
                f"{level.level}: every level has m and u, but `missing` has neither and the exact "
                "name has no u (it comes from the name's frequency)"
            )

    def _check_sums(self) -> None:
        if sum(level.m for level in self.levels if level.m is not None) != 1:
            raise ValueError("the m of the levels sum to exactly 1")
        if sum(level.u for level in self.levels if level.u is not None) > 1:
            raise ValueError("the u of the levels sum to at most 1")
        weighed = [level for level in self.levels if level.m is None or level.u is not None]
        for stronger, weaker in pairwise(weighed):
            if stronger.weight < weaker.weight:
                raise ValueError(
                    f"{weaker.level} ({weaker.weight}) weighs more than the stronger level "
                    f"{stronger.level} ({stronger.weight}); more agreement never weighs less"
                )


class CutOffs(_Declared):
    """Total bits from which a pair may be positive, or unsure by score alone."""

    positive: Bits
    unsure: Bits

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.positive < self.unsure:
            raise ValueError("the positive cut-off lies at or above the unsure one")
        return self


class FamilyDeclared(_Declared):
    """How sure is sure, for one family of scripts."""

    schema_: Literal["verify.scoring/1"] = Field(alias="schema")
    family: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    title: Words
    prior: Probability
    cutoffs: CutOffs
    names: str
    fields: list[FieldDeclared]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sorted(f.field for f in self.fields) != sorted(LEVELS):
            raise ValueError(f"each field is declared once: {', '.join(LEVELS)}")
        return self


class Bearers(_Declared):
    """Counts of people in a base population; anyone not listed is taken for `others`."""

    base: Count
    bearers: dict[str, Count]
    others: Count

    @model_validator(mode="after")
    def _check(self) -> Self:
        if any(count >= self.base for count in (*self.bearers.values(), self.others)):
            raise ValueError("fewer people bear a name than there are people")
        return self


class NamesDeclared(_Declared):
    """How common names are: whole names where published, else surname and given name."""

    schema_: Literal["verify.names/1"] = Field(alias="schema")
    source: Sentence
    cap: Bits
    surnames: Bearers
    given_one: Bearers
    given_two: Bearers
    whole: Bearers


class Side(_Declared):
    """One side of a labelled pair."""

    name: str = ""
    id: str = ""
    birth: str = ""
    phone: str = ""
    address: str = ""
    former_names: list[str] = Field(default_factory=list)


class PairDeclared(_Declared):
    """A labelled pair: what a caseworker would say, the two sides, the judgement."""

    title: Words
    person: Side
    record: Side
    judgement: Judgement
    weighs: bool
    rule: str


class CasesDeclared(_Declared):
    """Labelled pairs of one family. All people in them are invented."""

    schema_: Literal["verify.pairs/1"] = Field(alias="schema")
    family: str
    pairs: list[PairDeclared]
