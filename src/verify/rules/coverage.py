"""Which law is known: region by programme by year, with what is unknown and where the gaps are.

No clock is read: the years run from the first to the last that any rulebook names. A period
without an end is marked as going on.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from verify.rules.dated import ONE_DAY, Range
from verify.rules.law import Law
from verify.rules.rulebook import Rulebook

Plain = dict[str, Any]


class Year(enum.StrEnum):
    """How much of a year's law is known."""

    KNOWN = "known"  # every day, every figure
    UNKNOWN = "unknown"  # every day, but a figure is declared unknown on some of them
    PART = "part"  # some days only
    NONE = "none"


MARKS = {Year.KNOWN: "●", Year.UNKNOWN: "?", Year.PART: "◐", Year.NONE: "·"}


@dataclass(frozen=True)
class Row:
    """One rulebook."""

    book: Rulebook
    region: str
    years: tuple[tuple[int, Year], ...]
    gaps: tuple[Range, ...]
    unknown: tuple[tuple[str, Range], ...]

    def plain(self) -> Plain:
        """As JSON data."""
        return {
            "rulebook": self.book.id,
            "region": self.book.region,
            "region_title": self.region,
            "programme": self.book.programme,
            "known": [_range(r) for r in self.book.ranges],
            "goes_on": self.book.ranges[-1][1] is None,
            "years": {str(year): state.value for year, state in self.years},
            "gaps": [_range(r) for r in self.gaps],
            "unknown": [{"limit": name, "days": _range(r)} for name, r in self.unknown],
        }


def coverage(law: Law) -> list[Row]:
    """One row per rulebook, by region and programme."""
    years = _years(law)
    return [
        Row(
            book=book,
            region=law.region_title(book.region).en,
            years=tuple((year, _year(book, year)) for year in years),
            gaps=tuple(_gaps(book)),
            unknown=tuple(_unknown(book)),
        )
        for _, book in sorted(law.books.items())
    ]


def _years(law: Law) -> range:
    days = [d for book in law.books.values() for r in book.ranges for d in r if d is not None]
    return range(min(days).year, max(days).year + 1) if days else range(0)


def _year(book: Rulebook, year: int) -> Year:
    first, last = dt.date(year, 1, 1), dt.date(year, 12, 31)
    known = sum(_days(_meet(r, (first, last))) for r in book.ranges)
    if not known:
        return Year.NONE
    if known < (last - first).days + 1:
        return Year.PART
    open_figures = any(_days(_meet(days, (first, last))) for _, days in _unknown(book))
    return Year.UNKNOWN if open_figures else Year.KNOWN


def _gaps(book: Rulebook) -> Iterator[Range]:
    ranges = book.ranges
    for (_, end), (start, _) in pairwise(ranges):
        if end is not None:
            yield end + ONE_DAY, start - ONE_DAY


def _unknown(book: Rulebook) -> Iterator[tuple[str, Range]]:
    """Figures that the law has and our sources do not, on days on which the rulebook is known."""
    for name, limit in sorted(book.plan.limits.items()):
        for entry in limit.entries:
            if entry.unknown is None:
                continue
            days = (entry.model.effective_from, entry.model.effective_to)
            for known in book.ranges:
                part = _meet(known, days)
                if part is not None:
                    yield name, part


def _meet(a: Range, b: Range) -> Range | None:
    start = max(a[0], b[0])
    ends = [d for d in (a[1], b[1]) if d is not None]
    end = min(ends) if ends else None
    return None if end is not None and end < start else (start, end)


def _days(part: Range | None) -> int:
    if part is None:
        return 0
    return 1 if part[1] is None else (part[1] - part[0]).days + 1


def _range(part: Range) -> list[str | None]:
    return [part[0].isoformat(), part[1].isoformat() if part[1] else None]


INTRODUCTION = """\
# Which law is known

Made by `verify rules coverage --out docs/reference/coverage.md`; a test keeps it true.

`●` the whole year · `?` the whole year, but a figure is declared unknown (it becomes a question,
never a guess) · `◐` part of the year · `·` nothing · `→` goes on until it is changed. A day
outside is refused, never judged by a neighbouring value.
"""


def markdown(rows: Sequence[Row]) -> str:
    """The table as a page: one per country, then what is unknown."""
    parts = [INTRODUCTION]
    for country in sorted({r.book.id.partition("/")[0] for r in rows}):
        mine = [r for r in rows if r.book.id.startswith(f"{country}/")]
        parts.append(f"## {country}\n\n{_table(mine)}")
    gaps = [f"- `{r.book.id}`: {a} to {b}" for r in rows for a, b in r.gaps]
    if gaps:
        parts.append("## Gaps\n\n" + "\n".join(gaps) + "\n")
    unknown = [
        f"- `{r.book.id}`: {name}, {a} to {b or 'now'}" for r in rows for name, (a, b) in r.unknown
    ]
    if unknown:
        parts.append("## Figures declared unknown\n\n" + "\n".join(unknown) + "\n")
    return "\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    years = _shown_years(rows)
    head = ["Region", "Programme", *(str(y) for y in years), ""]
    lines = [" | ".join(head), " | ".join("---" for _ in head)]
    for row in rows:
        states = dict(row.years)
        cells = [f"{row.region} {row.book.region}", f"`{row.book.programme}`"]
        cells += [MARKS[states[y]] for y in years]
        cells.append("→" if row.book.ranges[-1][1] is None else "")
        lines.append(" | ".join(cells))
    return "".join(f"| {line} |\n" for line in lines)


def _shown_years(rows: Sequence[Row]) -> list[int]:
    """Years in which any of the rows has something."""
    return sorted({y for r in rows for y, state in r.years if state is not Year.NONE})
