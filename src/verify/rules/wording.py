"""Words of questions, read from `rules/wording.yaml`: never a raw id, never a name."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from verify.content import Document
from verify.domain.errors import ContentError
from verify.domain.money import money_words
from verify.domain.verdict import DoubtKind, Text
from verify.domain.vocabulary import Circumstance, Relation, StatementKind
from verify.rules.grammar import QuestionM, QuestionTextM, TextM, WordingM

ANY_CODE = "*"
_KINDS = ("match", "missing", "stale", "conflict", "attestation", "annual_only")
_FIELDS = {"person", "source", "things"}


@dataclass(frozen=True)
class Wording:
    """Titles of people, sources and quantities, and a question per kind and code of doubt."""

    relations: Mapping[str, TextM]
    sources: Mapping[str, TextM]
    quantities: Mapping[str, TextM]
    questions: Mapping[tuple[str, str], QuestionM]
    refer: QuestionTextM

    @classmethod
    def read(cls, document: Document) -> Wording:
        """Read and check the table.

        Raises:
            ContentError: a relation, quantity or kind without words, or an unknown placeholder.
        """
        model = document.model(WordingM)
        words = {str(k.value) for kinds in (StatementKind, Circumstance) for k in kinds}
        for table, needed in (
            ("relations", {r.value for r in Relation} | {"any"}),
            ("sources", {"any"}),
            ("quantities", words | {"any"}),
        ):
            if missing := sorted(needed - set(getattr(model, table))):
                raise ContentError(f"{table} lack {missing}", where=document.where((table,)))
        questions: dict[tuple[str, str], QuestionM] = {}
        for i, q in enumerate(model.questions):
            for text in (q.question, q.remedy):
                _check_fields(document, i, text)
            questions[(q.kind, q.code)] = q
        if missing := [k for k in _KINDS if (k, ANY_CODE) not in questions]:
            where = document.where(("questions",))
            raise ContentError(f"kinds without a `{ANY_CODE}` question: {missing}", where=where)
        return cls(model.relations, model.sources, model.quantities, questions, model.refer)

    def extended(self, titles: Mapping[str, Text]) -> Wording:
        """With the words of a country's own kinds."""
        own = {kind: TextM(zh=title.zh, en=title.en) for kind, title in titles.items()}
        return replace(self, quantities={**own, **self.quantities}) if own else self

    def person(self, relation: str | None, ordinal: int = 0) -> Text:
        """`the applicant's child (2)`: by relation, with a number where several share it."""
        word = self.relations.get(relation or "any", self.relations["any"])
        if ordinal:
            return Text(f"{word.zh}({ordinal})", f"{word.en} ({ordinal})")
        return word.text

    def source(self, source: str) -> Text:
        """Title of a source."""
        return self.sources.get(source, self.sources["any"]).text

    def things(self, things: Sequence[tuple[str, int | None]], currency: str = "CNY") -> Text:
        """`bank deposit (¥12,000), wage`: quantities with their amount, where known."""
        zh, en = [], []
        for quantity, amount in things[:4]:
            word = self.quantities.get(quantity, self.quantities["any"])
            shown = money_words(amount, currency) if amount else None
            zh.append(word.zh + (f"({shown[0]})" if shown else ""))
            en.append(word.en + (f" ({shown[1]})" if shown else ""))
        if not zh:
            return self.quantities["any"].text
        more = len(things) > 4
        return Text(
            "、".join(zh) + ("等" if more else ""), ", ".join(en) + (", ..." if more else "")
        )

    def ask(
        self, kind: DoubtKind, code: str, person: Text, source: Text, things: Text
    ) -> tuple[Text, Text]:
        """Question and remedy of a doubt."""
        found = self.questions.get((kind.value, code)) or self.questions[(kind.value, ANY_CODE)]
        return (
            _fill(found.question, person=person, source=source, things=things),
            _fill(found.remedy, person=person, source=source, things=things),
        )


def fill(text: TextM, **values: Text) -> Text:
    """Put words into both languages of a text."""
    return _fill(text, **values)


def _fill(text: TextM, **values: Text) -> Text:
    zh = text.zh.format(**{k: v.zh for k, v in values.items()})
    en = text.en.format(**{k: v.en for k, v in values.items()})
    return Text(zh, en[:1].upper() + en[1:])


def _check_fields(document: Document, i: int, text: TextM) -> None:
    for language in (text.zh, text.en):
        try:
            fields = {f for _, f, _, _ in string.Formatter().parse(language) if f is not None}
        except ValueError:
            fields = {"{"}
        if fields - _FIELDS:
            raise ContentError(
                f"a question may use {sorted(_FIELDS)} only",
                where=document.where(("questions", i)),
            )
