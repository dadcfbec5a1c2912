"""Faults of golden cases: titles used twice, unknown tests, changes of law without an example."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from verify.content import Document
from verify.rules.cases import Case
from verify.rules.flaws import Flaw
from verify.rules.rulebook import Rulebook

Books = Sequence[tuple[Rulebook, Document]]


def title_flaws(cases: Iterable[Case]) -> Iterator[Flaw]:
    """Titles become the names of tests: each is used once."""
    first: dict[str, str] = {}
    for case in cases:
        known = first.setdefault(case.title, case.where)
        if known != case.where:
            yield Flaw(
                case.where,
                f"the title {case.title!r} is already used at {known}",
                "say in the title what this household has that the other has not",
                "name",
            )


def case_flaws(books: Books, cases: Iterable[Case]) -> Iterator[Flaw]:
    """A case expects something of a test that its rulebook does not have."""
    by_id = {book.id: book for book, _ in books}
    for case in cases:
        book = by_id.get(book_of(case))
        if book is None:
            continue
        tests = {t.name for t in book.plan.tests}
        expect = case.expect
        for name in sorted({*expect.not_satisfied, *expect.undetermined, *expect.values} - tests):
            yield Flaw(
                case.where,
                f"the case {case.title!r} speaks of a test `{name}`, which {book.id} does not have",
                "tests are: " + ", ".join(sorted(tests)),
                "name",
            )


def example_flaws(books: Books, cases: Iterable[Case]) -> Iterator[Flaw]:
    """Every day on which a rulebook changes needs a golden case of that day."""
    shown: dict[str, set[str]] = {}
    for case in cases:
        shown.setdefault(book_of(case), set()).add(case.given.as_of.isoformat())
    for book, document in books:
        for day in book.dates():
            if day.isoformat() not in shown.get(book.id, set()):
                country = book.id.partition("/")[0]
                folder = f"{country}/{book.region}/cases/{book.programme}/{day}"
                yield Flaw(
                    document.where(("in_force_with",)),
                    f"the law changes on {day} and no golden case is of that day",
                    f"add {folder}/<topic>.yaml with households just below, at and above what "
                    "changes",
                    "case",
                )


def book_of(case: Case) -> str:
    """Id of the rulebook beside which the case lies: `cn/310000/dibao`."""
    place, _, rest = case.where.partition("/cases/")
    return f"{place.split('/', 1)[-1]}/{rest.partition('/')[0]}"
