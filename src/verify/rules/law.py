"""The law: all rulebooks of a content set, found by region, programme and date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from verify.content import ContentSet, Document
from verify.domain.errors import ContentError, Problem, UnknownProgramme
from verify.domain.verdict import Text
from verify.rules.regions import Regions
from verify.rules.rulebook import Rulebook, read_rulebook
from verify.rules.vocabulary import Vocabulary
from verify.rules.wording import Wording

REGIONS, WORDING, VOCABULARY = "regions.yaml", "wording.yaml", "/vocabulary.yaml"


class Law:
    """Every rulebook, compiled once; immutable, safe to share between threads."""

    def __init__(
        self,
        digest: str,
        regions: Regions,
        wording: Wording,
        books: Mapping[str, Rulebook],
        vocabularies: Mapping[str, Vocabulary],
    ) -> None:
        self.digest = digest
        self.regions = regions
        self.wording = wording
        self.books = books
        self._vocabularies = vocabularies
        self._words = {c: wording.extended(v.titles) for c, v in vocabularies.items()}
        self._by_place = {(b.region, b.programme): b for b in books.values()}

    @classmethod
    def from_content(cls, content: ContentSet) -> Law:
        """Read, check and compile a `rules` content set.

        Raises:
            ContentError: the first fault found, with `file:line`, reason and remedy.
        """
        for needed in (REGIONS, WORDING):
            if needed not in content.files:
                raise ContentError("the file is missing", where=f"{content.kind}/{needed}")
        regions = Regions.read(content.document(REGIONS))
        wording = Wording.read(content.document(WORDING))
        books: dict[str, Rulebook] = {}
        vocabularies = _vocabularies(content)
        for path in sorted(content.files):
            if path in (REGIONS, WORDING) or "/cases/" in path or path.endswith(VOCABULARY):
                continue
            document = content.document(path)
            book = read_rulebook(path, document, vocabularies.get(path.split("/")[0], Vocabulary()))
            check_place(book, document, regions)
            books[book.id] = book
        return cls(content.digest, regions, wording, books, vocabularies)

    def words(self, book: Rulebook) -> Wording:
        """The wording of questions, with the words of the rulebook's country."""
        return self._words.get(book.id.split("/")[0], self.wording)

    def find(self, region: str, programme: str) -> Rulebook:
        """The rulebook of the region or of its nearest ancestor that has one.

        Raises:
            UnknownRegion: the region code is not known.
            UnknownProgramme: neither the region nor an ancestor has the programme.
        """
        chain = self.regions.ancestors(region)
        for code in chain:
            if (code, programme) in self._by_place:
                return self._by_place[(code, programme)]
        have = self.programmes(region)
        title = self.regions.titles[region]
        offer = f"programmes here: {', '.join(have)}" if have else "no programme has rules here yet"
        raise UnknownProgramme(
            f"{title.en} ({region}) has no rules for this programme; {offer}",
            remedy="choose one of the programmes, or add a rulebook for the region",
            problems=(
                Problem(
                    "/programme",
                    "unknown-programme",
                    f"neither {region} nor a region above it has rules for it.",
                    f"{offer[0].upper()}{offer[1:]}.",
                ),
            ),
        )

    def rulebook(
        self,
        region: str,
        programme: str,
        as_of: dt.date,
        known_at: dt.date,
        accepted: dt.date | None = None,
    ) -> Rulebook:
        """The rulebook in force for a region and programme on `as_of`.

        Raises:
            UnknownRegion, UnknownProgramme: see `find`.
            LawNotInForce: the rulebook has no rule for that day as far as published by
                `known_at`; the known periods are named.
        """
        book = self.find(region, programme)
        book.regime(as_of, known_at, accepted or as_of)
        return book

    def vocabulary(self, region: str, programme: str) -> Vocabulary:
        """The kinds of facts that a programme may speak of."""
        country = self.find(region, programme).id.split("/")[0]
        return self._vocabularies.get(country, Vocabulary())

    def programmes(self, region: str) -> list[str]:
        """Programmes with rules in the region or above it."""
        chain = self.regions.ancestors(region)
        return sorted({p for code, p in self._by_place if code in chain})

    def dates(self, region: str, programme: str) -> list[dt.date]:
        """Every day on which the rules of a programme change while they are in force."""
        return self.find(region, programme).dates()

    def region_title(self, code: str) -> Text:
        """Name of a region."""
        return self.regions.titles[code]


def check_place(book: Rulebook, document: Document, regions: Regions) -> None:
    """Refuse a rulebook whose region is not listed, or that lies where another one belongs."""
    where = document.where(("region",))
    if book.region not in regions.titles:
        raise ContentError(
            f"region {book.region} is not in {REGIONS}",
            where=where,
            remedy="correct the code, or add the region to the table",
        )
    expected = f"{book.region}/{book.programme}"
    if book.id.split("/", 1)[-1] != expected:
        raise ContentError(
            f"the file says it is <country>/{expected}",
            where=where,
            remedy=f"move it to <country>/{expected}.yaml or correct region and programme",
        )


def _vocabularies(content: ContentSet) -> dict[str, Vocabulary]:
    """The vocabulary of each country that has words of its own."""
    found = {}
    for path in sorted(content.files):
        if path.endswith(VOCABULARY) and path.count("/") == 1:
            found[path.split("/")[0]] = Vocabulary().extended(content.document(path))
    return found
