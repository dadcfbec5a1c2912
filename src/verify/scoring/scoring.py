"""The scoring content at work: weights, prior and cut-offs of a script family, as integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from verify.content import ContentSet
from verify.domain.errors import ContentError
from verify.domain.verdict import Text
from verify.scoring.bits import log_odds, millibits
from verify.scoring.declared import (
    CasesDeclared,
    FamilyDeclared,
    FieldDeclared,
    NamesDeclared,
    PairDeclared,
    Words,
)
from verify.scoring.frequencies import NameFrequencies
from verify.scoring.levels import NAME


@dataclass(frozen=True)
class FieldScoring:
    """One field: `levels`, their `weights` in milli-bits and their words, strongest first."""

    field: str
    title: Text
    levels: tuple[str, ...]
    weights: tuple[int, ...]
    titles: tuple[Text, ...]


@dataclass(frozen=True)
class Family:
    """Everything needed to score pairs of one script family; all numbers are milli-bits.

    The weight of an equal name is `exact_name + names.rarity(name)`; every other level of the
    name weighs at most that, so that a better agreement never weighs less.
    """

    family: str
    title: Text
    prior: int
    positive: int
    unsure: int
    fields: tuple[FieldScoring, ...]
    exact_name: int
    names: NameFrequencies

    def field(self, name: str) -> FieldScoring:
        """The scoring of one field."""
        return next(f for f in self.fields if f.field == name)

    def name_weight(self, name: str) -> int:
        """Milli-bits that full agreement on `name` is worth."""
        return self.exact_name + self.names.rarity(name)


@dataclass(frozen=True)
class Scoring:
    """All families of a content set. `digest` is the version that a verdict names."""

    digest: str
    families: Mapping[str, Family]
    cases: Mapping[str, tuple[PairDeclared, ...]]

    @classmethod
    def from_content(cls, content: ContentSet) -> Scoring:
        """Read and check `scoring/`.

        Raises:
            ContentError: with `file:line`, for anything the declarations do not allow.
        """
        families = [_family(content, p) for p in sorted(content.files) if "/" not in p]
        cases = [
            content.document(p).model(CasesDeclared)
            for p in sorted(content.files)
            if p.startswith("cases/")
        ]
        by_name = {f.family: f for f in families}
        if len(by_name) != len(families):
            raise ContentError("two files declare the same family", where=content.kind)
        return cls(
            content.digest,
            MappingProxyType(by_name),
            MappingProxyType({c.family: tuple(c.pairs) for c in cases}),
        )

    def family(self, name: str) -> Family:
        """The scoring of one script family.

        Raises:
            ContentError: this content set does not declare it.
        """
        if name not in self.families:
            raise ContentError(
                "this script family is not declared",
                where=f"scoring/{name}.yaml",
                remedy=f"declare it, or use one of: {', '.join(sorted(self.families))}",
            )
        return self.families[name]


def _family(content: ContentSet, path: str) -> Family:
    document = content.document(path)
    declared = document.model(FamilyDeclared)
    if declared.names not in content.files:
        raise ContentError(
            "the table of names it points at does not exist",
            where=document.where(("names",)),
            remedy="give a path below scoring/, such as names/cn.yaml",
        )
    names = content.document(declared.names).model(NamesDeclared)
    exact = next(
        level.m for f in declared.fields if f.field == NAME for level in f.levels if level.m
    )
    return Family(
        family=declared.family,
        title=_text(declared.title),
        prior=log_odds(declared.prior),
        positive=declared.cutoffs.positive,
        unsure=declared.cutoffs.unsure,
        fields=tuple(_field(f, names.cap) for f in declared.fields),
        exact_name=millibits(exact),
        names=NameFrequencies.of(names),
    )


def _field(declared: FieldDeclared, cap: int) -> FieldScoring:
    weights = [level.weight for level in declared.levels]
    if declared.field == NAME:
        weights[0] = cap  # the ceiling; the name at hand decides (Family.name_weight)
    return FieldScoring(
        declared.field,
        _text(declared.title),
        tuple(level.level for level in declared.levels),
        tuple(weights),
        tuple(_text(level.title) for level in declared.levels),
    )


def _text(words: Words) -> Text:
    return Text(words.zh, words.en)
