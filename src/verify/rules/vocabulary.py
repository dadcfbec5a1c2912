"""The kinds of facts that rulebooks may name: the shared vocabulary and a country's own words.

`verify.domain.vocabulary` holds what connectors map; `rules/<country>/vocabulary.yaml` adds what a
country's law speaks of and no connector knows yet. A kind has one nature everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from verify.content import Document
from verify.domain.errors import ContentError
from verify.domain.verdict import Text
from verify.domain.vocabulary import Circumstance, Nature, StatementKind
from verify.rules.grammar import VocabularyM

SHARED: Mapping[str, Nature] = {
    **{k.value: k.nature for k in StatementKind},
    **dict.fromkeys((c.value for c in Circumstance), Nature.SIGNAL),
}


@dataclass(frozen=True)
class Vocabulary:
    """Natures by kind; titles of the kinds that a country adds."""

    natures: Mapping[str, Nature] = field(default_factory=lambda: SHARED)
    titles: Mapping[str, Text] = field(default_factory=dict)

    def extended(self, document: Document) -> Vocabulary:
        """With the words of one `vocabulary.yaml`.

        Raises:
            ContentError: a word that is there already with another nature.
        """
        model = document.model(VocabularyM)
        natures, titles = dict(self.natures), dict(self.titles)
        for name, word in model.kinds.items():
            nature = Nature(word.nature)
            if natures.get(name, nature) is not nature or name in SHARED:
                raise ContentError(
                    f"the kind {name} is known already, as {natures[name]}",
                    where=document.where(("kinds", name)),
                    remedy="use the kind as it is, or choose another name",
                )
            natures[name], titles[name] = nature, Text(word.zh, word.en)
        return Vocabulary(natures, titles)
