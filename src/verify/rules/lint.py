"""Find every fault in a set of rules, not just the first.

Each file is read on its own and on as far as it makes sense: YAML, fields, citations, names,
dates, units, then what only the set as a whole can tell (places, titles, examples for every day
on which the law changes). Nothing in the text is ever run, and no file is opened: the text is
given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from pydantic import BaseModel

from verify.content import ContentSet, Document
from verify.domain.errors import ContentError
from verify.rules import grammar
from verify.rules.cases import Case, CasesM, read_cases
from verify.rules.flaws import WARNING, Flaw
from verify.rules.law import REGIONS, VOCABULARY, WORDING, check_place
from verify.rules.lint_cases import case_flaws, example_flaws, title_flaws
from verify.rules.lint_form import expression_flaws, form_flaws
from verify.rules.lint_law import law_flaws, neighbour_flaws
from verify.rules.regions import Regions
from verify.rules.rulebook import Rulebook, compile_rulebook
from verify.rules.vocabulary import Vocabulary
from verify.rules.wording import Wording

T = TypeVar("T")
MAX_FLAWS = 200
"""Per file. A file with more is not a rulebook, and a longer list helps nobody."""


def lint(content: ContentSet) -> tuple[Flaw, ...]:
    """Every fault of a `rules` content set, by file and line; errors and warnings."""
    run = _Run(content)
    regions = run.table(REGIONS, grammar.RegionsM, Regions.read)
    run.table(WORDING, grammar.WordingM, Wording.read)
    words = [p for p in sorted(content.files) if p.endswith(VOCABULARY)]
    for path in words:
        run.vocabulary(path)
    for path in sorted(set(content.files) - {REGIONS, WORDING, *words}):
        run.file(path, regions)
    run.flaws += neighbour_flaws(run.books)
    run.flaws += title_flaws(run.cases)
    run.flaws += case_flaws(run.books, run.cases)
    run.flaws += example_flaws(run.books, run.cases)
    unique = dict.fromkeys(run.flaws)
    return tuple(sorted(unique, key=lambda f: (f.path, f.line, f.code, f.what)))


def errors(flaws: Iterable[Flaw]) -> tuple[Flaw, ...]:
    """Those that keep the rules from being used."""
    return tuple(f for f in flaws if f.level != WARNING)


class _Run:
    """One pass over a content set."""

    def __init__(self, content: ContentSet) -> None:
        self._content = content
        self.flaws: list[Flaw] = []
        self.books: list[tuple[Rulebook, Document]] = []
        self._vocabularies: dict[str, Vocabulary] = {}
        self.cases: list[Case] = []

    def table(self, path: str, kind: type[BaseModel], read: Callable[[Document], T]) -> T | None:
        """One of the two tables that every set has."""
        if path not in self._content.files:
            where = f"{self._content.kind}/{path}"
            self.flaws.append(
                Flaw.of(
                    ContentError("the file is missing", where=where, remedy="add it to the set")
                )
            )
            return None
        document = self._document(path)
        if document is None or not self._fits(document, kind):
            return None
        return self._trying(lambda: read(document))

    def vocabulary(self, path: str) -> None:
        """The words of a country."""
        document = self._document(path)
        if document is None or not self._fits(document, grammar.VocabularyM):
            return
        found = self._trying(lambda: Vocabulary().extended(document))
        if found is not None:
            self._vocabularies[path.split("/", maxsplit=1)[0]] = found

    def _words(self, path: str) -> Vocabulary:
        return self._vocabularies.get(path.split("/", maxsplit=1)[0], Vocabulary())

    def file(self, path: str, regions: Regions | None) -> None:
        """A rulebook, or a file of cases."""
        document = self._document(path)
        if document is None:
            return
        if "/cases/" in path:
            if self._fits(document, CasesM):
                self.cases += self._trying(lambda: read_cases(path, document)) or []
            return
        if not self._fits(document, grammar.RulebookM):
            self.flaws += expression_flaws(document)[:MAX_FLAWS]
            return
        plan = self._trying(lambda: compile_rulebook(document, self._words(path)))
        if plan is None or plan.model.income_window not in plan.model.windows:
            return
        book = Rulebook(path, document, plan)
        if regions is not None:
            self._trying(lambda: check_place(book, document, regions))
        self.books.append((book, document))
        self.flaws += law_flaws(book, document)

    def _document(self, path: str) -> Document | None:
        return self._trying(lambda: self._content.document(path, self._note))

    def _fits(self, document: Document, kind: type[BaseModel]) -> bool:
        found = form_flaws(document, kind)
        self.flaws += found[:MAX_FLAWS]
        return not found

    def _trying(self, step: Callable[[], T]) -> T | None:
        try:
            return step()
        except ContentError as error:
            self._note(error)
            return None

    def _note(self, error: ContentError) -> None:
        self.flaws.append(Flaw.of(error))
