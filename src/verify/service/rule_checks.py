"""Is a set of rules fit to be used? Its faults, its golden cases, its sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from verify.connectors import Connectors
from verify.content import ContentSet
from verify.domain.canonical import digest
from verify.reconcile.kinds import MEANS
from verify.rules.cases import Case, CaseResult, load_cases, run_cases
from verify.rules.flaws import Flaw
from verify.rules.law import REGIONS, VOCABULARY, Law
from verify.rules.lint import errors, lint

Plain = dict[str, Any]


@dataclass(frozen=True)
class Checks:
    """What was found. `law` is the compiled set, None where it does not compile."""

    faults: tuple[Flaw, ...]
    warnings: tuple[Flaw, ...]
    results: tuple[CaseResult, ...]
    law: Law | None

    @property
    def cases(self) -> int:
        """Golden cases run."""
        return len(self.results)

    @property
    def failed(self) -> int:
        """Golden cases that came out differently."""
        return sum(not r.passed for r in self.results)

    @property
    def passed(self) -> bool:
        """Whether the set may be approved."""
        return self.law is not None and not self.faults and not self.failed

    def summary(self) -> Plain:
        """The numbers."""
        return {
            "faults": len(self.faults),
            "warnings": len(self.warnings),
            "cases": self.cases,
            "failed": self.failed,
            "passed": self.passed,
        }

    def failed_cases(self) -> list[Plain]:
        """Cases that came out differently, and how."""
        return [
            {"title": r.title, "where": r.where, "differences": list(r.differences)}
            for r in self.results
            if not r.passed
        ]


def check_rules(content: ContentSet, connectors: Connectors) -> Checks:
    """Lint a set and, where it is sound, run its golden cases."""
    found = lint(content)
    faults = list(errors(found))
    warnings = tuple(f for f in found if f not in faults)
    if faults:
        return Checks(tuple(faults), warnings, (), None)
    law = Law.from_content(content)
    faults += source_flaws(law, content, connectors)
    return Checks(tuple(faults), warnings, tuple(_results(law, content)), law)


_KNOWN: dict[str, list[CaseResult]] = {}
_MOST = 256


def _results(law: Law, content: ContentSet) -> Iterator[CaseResult]:
    """Run the golden cases, those of a rulebook only where something they rest on is new.

    A case's result is a function of its own text, the rulebook, the country's vocabulary and the
    region table (`wording.yaml` words questions, which no case compares).
    """
    groups: dict[str, list[Case]] = {}
    for case in load_cases(content):
        book = law.find(case.given.region, case.given.programme)
        groups.setdefault(book.id, []).append(case)
    for book_id, cases in sorted(groups.items()):
        paths = {f"{book_id}.yaml", REGIONS, f"{book_id.partition('/')[0]}{VOCABULARY}"}
        paths |= {case.where.rpartition(":")[0].partition("/")[2] for case in cases}
        key = digest({path: content.files.get(path, "") for path in paths})
        if key not in _KNOWN:
            if len(_KNOWN) >= _MOST:
                _KNOWN.clear()
            _KNOWN[key] = run_cases(law, cases)
        yield from _KNOWN[key]


def source_flaws(
    law: Law, content: ContentSet, connectors: Connectors | None = None
) -> Iterator[Flaw]:
    """Sources that must answer and cannot, or whose answer the rules would not look at.

    A source of which nothing is read may stay silent and the household is eligible all the same;
    and it would be asked about people for nothing.
    """
    known = connectors or Connectors.from_content(ContentSet.load("connectors"))
    for book in law.books.values():
        path = f"{book.id}.yaml"
        document = content.document(path)
        read = {q for fact in book.plan.model.facts.values() for q in fact.quantities}
        for i, source in enumerate(book.plan.model.mandatory_sources):
            where = document.where(("mandatory_sources", i))
            if source not in known.sources:
                yield _unconnected(where, "mandatory_sources", source, known)
                continue
            # Only these stay open when the source does not answer (`verify.reconcile.gaps`).
            told = sorted({k.value for k in known.declaration(source).yields} & set(MEANS))
            if read.isdisjoint(told):
                yield Flaw(
                    where,
                    f"mandatory_sources: no test reads anything that `{source}` reports "
                    f"({', '.join(told) or 'no income, savings or things'})",
                    "add a test that reads it (with an `unknown` limit where the figure is not "
                    "known), or do not ask this source",
                    "unread_source",
                )
        for i, source in enumerate(book.plan.model.auxiliary_sources):
            if source not in known.sources:
                where = document.where(("auxiliary_sources", i))
                yield _unconnected(where, "auxiliary_sources", source, known)


def _unconnected(where: str, place: str, source: str, known: Connectors) -> Flaw:
    return Flaw(
        where,
        f"{place}: no source `{source}` is connected",
        f"connect it, or name others: {', '.join(sorted(known.sources))}",
        "source",
    )
