"""`scoring/linking/*.yaml`: how registers are linked, one file per script family.

A family says which columns hold which field, what is blocked on, where the cut-offs lie and what
share of true pairs reaches each level before anything is estimated (`kinds.yaml`). Everything
else is estimated from the registers themselves, without labels (`identity.estimate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from verify.content import ContentSet
from verify.domain.errors import ContentError
from verify.domain.verdict import Text
from verify.scoring.declared import Bits, Count, Probability, Sentence, Words
from verify.scoring.kinds import KINDS, MISSING, PARTS

_FOLDER = "linking/"
_KINDS_FILE = "linking/kinds.yaml"
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LevelShare(_Declared):
    """A level and `m`, its expected share among true pairs that have both values."""

    level: str
    title: Words
    m: Probability | None = None


class KindDeclared(_Declared):
    """The levels of one kind, strongest first, with `missing` last."""

    kind: str
    title: Words
    levels: list[LevelShare]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind; known are {', '.join(KINDS)}")
        if tuple(level.level for level in self.levels) != KINDS[self.kind]:
            raise ValueError(f"the levels of {self.kind}: {', '.join(KINDS[self.kind])}")
        if any((level.m is None) != (level.level == MISSING) for level in self.levels):
            raise ValueError("every level has m, but `missing` has none")
        if sum(level.m for level in self.levels if level.m is not None) != 1:
            raise ValueError("the m of the levels sum to exactly 1")
        return self


class KindsDeclared(_Declared):
    """`linking/kinds.yaml`."""

    schema_: Literal["verify.kinds/1"] = Field(alias="schema")
    pseudo_pairs: Count
    kinds: list[KindDeclared]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sorted(k.kind for k in self.kinds) != sorted(KINDS):
            raise ValueError(f"each kind is declared once: {', '.join(KINDS)}")
        return self


class LinkFieldDeclared(_Declared):
    """A field of a person, the kind of its values and the column names it is known by.

    `frequency`: agreement on a rare value weighs more (term frequencies). `swaps_with`: the
    values of two fields are often entered in each other's column. `implied_by`: agreement says
    nothing new where that field (an identity number that holds the birth date) agrees exactly.
    `a+b` among the columns joins two. `also`: columns with further values of the same field, such
    as former names (text, or a list of texts).
    """

    field: Name
    kind: Literal[tuple(KINDS)]  # type: ignore[valid-type]  # the vocabulary is the type
    title: Words
    columns: list[Sentence]
    frequency: bool = False
    swaps_with: Name | None = None
    implied_by: Name | None = None
    also: list[Sentence] = Field(default_factory=list)


class RuleDeclared(_Declared):
    """A blocking rule: pairs that agree on all `keys` (`field` or `field.part`) are compared.

    `settles`: a left row whose pair also agrees exactly on these fields is looked for no further.
    `covers`: the rule brings every pair there is at these levels (`field.level`), so that their u
    is counted among the compared pairs instead of measured on a sample of values.
    """

    rule: Name
    keys: list[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z]+)?$")]]
    settles: list[Name] = Field(default_factory=list)
    covers: list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+\.[a-z_]+$")]] = Field(
        default_factory=list
    )


class BlockingDeclared(_Declared):
    """Rules and the limits that keep a skewed or hostile register from exploding them.

    A block (all rows with one key) of more than `block` pairs is left out; a rule that would give
    more than `per_row` pairs for each row of both registers loses its largest blocks. Registers
    with at most `whole` pairs in all are compared in full, without any rule.
    """

    whole: Count
    block: Count
    per_row: Count
    rules: list[RuleDeclared]


class LinkCutOffs(_Declared):
    """Total bits from which a pair is positive, or unsure; `kept`: still reported as negative."""

    positive: Bits
    unsure: Bits
    kept: Bits

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.positive >= self.unsure >= self.kept:
            raise ValueError("the cut-offs fall: positive, unsure, kept")
        return self


class LinkingDeclared(_Declared):
    """One script family. `scripts`: the share of letters of its script decides which one is used.

    `confirming`: a pair is positive only if one of these fields agrees (at any level better than
    different); an empty list asks for none. `never_negative`: where one of these agrees exactly, a
    pair is at least unsure. `deterministic`: pairs that agree exactly on all
    fields of one of these lists are taken for true when the first prior is set. `ids`: names of the
    column that names a row, best first; a register without one is numbered. `households`: columns
    that group rows of one household, or of one object held together.
    """

    schema_: Literal["verify.linking/1"] = Field(alias="schema")
    family: Name
    title: Words
    script: Literal["han", "cyrillic", "other"]
    cutoffs: LinkCutOffs
    confirming: list[Name] = Field(default_factory=list)
    never_negative: list[Name] = Field(default_factory=list)
    deterministic: list[list[Name]]
    ids: list[Sentence]
    households: list[Sentence]
    blank: list[Sentence]
    ignored: list[Sentence]
    fields: list[LinkFieldDeclared]
    blocking: BlockingDeclared

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = [f.field for f in self.fields]
        if len(set(known)) != len(known):
            raise ValueError("each field is declared once")
        named = [
            *self.confirming,
            *self.never_negative,
            *(f for group in self.deterministic for f in group),
        ]
        named += [f.swaps_with for f in self.fields if f.swaps_with]
        named += [f.implied_by for f in self.fields if f.implied_by]
        for rule in self.blocking.rules:
            named += [key.partition(".")[0] for key in rule.keys] + rule.settles
            for key in rule.keys:
                if key.partition(".")[2] not in ("", *PARTS):
                    raise ValueError(f"{key}: the parts of a field are {', '.join(PARTS)}")
        if unknown := sorted(set(named) - set(known)):
            raise ValueError(f"undeclared fields: {', '.join(unknown)}")
        return self


@dataclass(frozen=True)
class Kind:
    """A kind at work: words of its levels, and their first shares among true pairs."""

    kind: str
    title: Text
    levels: tuple[str, ...]
    titles: tuple[Text, ...]
    shares: tuple[Fraction, ...]  # without `missing`


@dataclass(frozen=True)
class LinkSettings:
    """One script family at work; `digest` is that of the whole scoring content."""

    digest: str
    declared: LinkingDeclared
    kinds: Mapping[str, Kind]
    pseudo_pairs: int

    @property
    def family(self) -> str:
        """Name of the family."""
        return self.declared.family


def link_settings(content: ContentSet) -> dict[str, LinkSettings]:
    """All families of `scoring/linking/`, by name.

    Raises:
        ContentError: with `file:line`, for anything the declarations do not allow.
    """
    paths = [p for p in sorted(content.files) if p.startswith(_FOLDER) and p != _KINDS_FILE]
    if not paths or _KINDS_FILE not in content.files:
        raise ContentError(
            "this scoring content does not say how registers are linked",
            where="scoring/linking",
            remedy="use a version that has scoring/linking/kinds.yaml and a family beside it",
        )
    shared = content.document(_KINDS_FILE).model(KindsDeclared)
    kinds = MappingProxyType({k.kind: _kind(k) for k in shared.kinds})
    families = [content.document(p).model(LinkingDeclared) for p in paths]
    return {f.family: LinkSettings(content.digest, f, kinds, shared.pseudo_pairs) for f in families}


def _kind(declared: KindDeclared) -> Kind:
    return Kind(
        declared.kind,
        Text(declared.title.zh, declared.title.en),
        tuple(level.level for level in declared.levels),
        tuple(Text(level.title.zh, level.title.en) for level in declared.levels),
        tuple(level.m for level in declared.levels if level.m is not None),
    )
