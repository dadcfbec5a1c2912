"""The law: all rulebooks of a content set, found by region, programme and date."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

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
        self.vocabularies = vocabularies
        self._words = {c: wording.extended(v.titles) for c, v in vocabularies.items()}
        self._by_place = {(i.split("/")[1], i.split("/")[2]): i for i in books}

    @classmethod
    def from_content(cls, content: ContentSet, *, lazily: bool = False) -> Law:
        """Read, check and compile a `rules` content set.

        `lazily` compiles a rulebook when it is first asked for: for a set that is known to be
        sound, or is checked by `load` before it serves anybody.

        Raises:
            ContentError: the first fault found, with `file:line`, reason and remedy.
        """
        for needed in (REGIONS, WORDING):
            if needed not in content.files:
                raise ContentError("the file is missing", where=f"{content.kind}/{needed}")
        regions = Regions.read(content.document(REGIONS))
        wording = Wording.read(content.document(WORDING))
        vocabularies = _vocabularies(content)

        def read(book: str) -> Rulebook:
            path = f"{book}.yaml"
            document = content.document(path)
            words = vocabularies.get(path.split("/", maxsplit=1)[0], Vocabulary())
            found = read_rulebook(path, document, words)
            check_place(found, document, regions)
            return found

        books = _Books(_ids(content), read)
        law = cls(content.digest, regions, wording, books, vocabularies)
        if not lazily:
            law.load()
        return law

    def load(self) -> None:
        """Compile every rulebook that is not yet compiled.

        Raises:
            ContentError: as `from_content`.
        """
        for book in self.books:
            self.books[book]

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
                return self.books[self._by_place[(code, programme)]]
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
        return self.vocabularies.get(country, Vocabulary())

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


class _Books(Mapping[str, Rulebook]):
    """Rulebooks by id, each compiled once, when it is first asked for."""

    def __init__(self, ids: Sequence[str], read: Callable[[str], Rulebook]) -> None:
        self._ids = dict.fromkeys(ids)
        self._read = read
        self._compiled: dict[str, Rulebook] = {}
        self._lock = threading.Lock()

    def __getitem__(self, book: str) -> Rulebook:
        if (found := self._compiled.get(book)) is not None:
            return found
        if book not in self._ids:
            raise KeyError(book)
        with self._lock:
            if book not in self._compiled:
                self._compiled[book] = self._read(book)
        return self._compiled[book]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


def _ids(content: ContentSet) -> list[str]:
    """Ids of the rulebooks of a set, by their place: `<country>/<region>/<programme>`."""
    found = []
    for path in sorted(content.files):
        if path in (REGIONS, WORDING) or "/cases/" in path or path.endswith(VOCABULARY):
            continue
        if path.count("/") != 2:
            raise ContentError(
                "a rulebook lies at <country>/<region>/<programme>.yaml",
                where=f"{content.kind}/{path}",
                remedy="move the file, or remove it",
            )
        found.append(path.removesuffix(".yaml"))
    return found


def _vocabularies(content: ContentSet) -> dict[str, Vocabulary]:
    """The vocabulary of each country that has words of its own."""
    found = {}
    for path in sorted(content.files):
        if path.endswith(VOCABULARY) and path.count("/") == 1:
            found[path.split("/")[0]] = Vocabulary().extended(content.document(path))
    return found
