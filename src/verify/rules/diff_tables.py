"""What changed in the tables beside the rulebooks: regions, and the words of each country.

A region that comes, goes, is replaced by another or lies elsewhere changes whose law a household
falls under. A kind of fact that comes or goes changes what may be stated of a household, and its
nature changes what a rulebook that reads it measures. Names and titles are words only.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from verify.rules.law import REGIONS, VOCABULARY, Law
from verify.rules.rulebook import Rulebook
from verify.rules.stepwise import NOTHING, Change
from verify.rules.vocabulary import SHARED, Vocabulary

_A_DAY = dt.timedelta(days=1)


def diff_regions(before: Law, after: Law) -> Iterator[Change]:
    """Codes that came or went, were replaced by others, or lie within another region."""
    old, new = before.regions, after.regions
    for code in sorted({*old.titles, *new.titles}):
        if (code in old.titles) != (code in new.titles):
            yield Change(
                REGIONS,
                "place",
                code,
                old.titles[code].en if code in old.titles else NOTHING,
                new.titles[code].en if code in new.titles else NOTHING,
            )
        if old.became.get(code) != new.became.get(code):
            last = new.until.get(code) or old.until.get(code)
            yield Change(
                REGIONS,
                "place",
                f"{code}: replaced by",
                _named(before, old.became.get(code)),
                _named(after, new.became.get(code)),
                last + _A_DAY if last else None,
            )
        if old.within.get(code) != new.within.get(code):
            yield Change(
                REGIONS,
                "place",
                f"{code}: lies within",
                _named(before, old.within.get(code)),
                _named(after, new.within.get(code)),
            )


def region_words(before: Law, after: Law) -> Iterator[tuple[str, str]]:
    """Codes with another name, or another last day of a code that is looked up as the new one."""
    old, new = before.regions, after.regions
    for code in sorted(old.titles.keys() & new.titles.keys()):
        if old.titles[code] != new.titles[code]:
            yield REGIONS, f"{code}: name"
        same = old.became.get(code) == new.became.get(code)
        if same and old.until.get(code) != new.until.get(code):
            yield REGIONS, f"{code}: last day of the code"


def _named(law: Law, code: str | None) -> str:
    return f"{code} ({law.region_title(code).en})" if code else NOTHING


def diff_words(before: Law, after: Law) -> Iterator[Change]:
    """Kinds that a country's vocabulary gained, lost, or has with another nature."""
    for country in sorted({*before.vocabularies, *after.vocabularies}):
        old, new = (law.vocabularies.get(country, Vocabulary()) for law in (before, after))
        for kind in sorted((old.natures.keys() | new.natures.keys()) - SHARED.keys()):
            shown = [v.natures[kind].value if kind in v.natures else NOTHING for v in (old, new)]
            if shown[0] == shown[1]:
                continue
            yield Change(f"{country}{VOCABULARY}", "vocabulary", kind, shown[0], shown[1])
            if NOTHING not in shown:
                for name in sorted(before.books.keys() & after.books.keys()):
                    if name.startswith(f"{country}/"):
                        yield from _read_anew(after.books[name], kind, shown[0], shown[1])


def _read_anew(book: Rulebook, kind: str, before: str, after: str) -> Iterator[Change]:
    """The measures of a rulebook that read a kind whose nature is another now."""
    first = book.ranges[0][0] if book.ranges else None
    for fact, model in book.plan.model.facts.items():
        if kind in model.quantities:
            yield Change(book.id, "fact", f"facts.{fact}: nature of {kind}", before, after, first)


def word_titles(before: Law, after: Law) -> Iterator[tuple[str, str]]:
    """Kinds with another title."""
    for country in sorted(before.vocabularies.keys() & after.vocabularies.keys()):
        old, new = before.vocabularies[country].titles, after.vocabularies[country].titles
        for kind in sorted(old.keys() & new.keys()):
            if old[kind] != new[kind]:
                yield f"{country}{VOCABULARY}", f"{kind}: name"
