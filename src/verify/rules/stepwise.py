"""Histories compared day by day: limits and operators as what holds from when to when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verify.rules.dated import ONE_DAY, Entry, Limit, Range

NOTHING = "–"
_WORDS = {"fen": "yuan", "cent": "dollars", "penny": "pounds", "dm2": "m2", "ratio": ""}
Step = tuple[dt.date, dt.date | None, str]


@dataclass(frozen=True)
class Change:
    """One difference in law. `start` and `end` are the days it concerns; no end: from then on."""

    rulebook: str
    # value, operator, composition, formula, fact, test, period, place, vocabulary or other
    kind: str
    what: str
    before: str
    after: str
    start: dt.date | None = None
    end: dt.date | None = None

    def plain(self) -> dict[str, Any]:
        """As JSON data."""
        return {
            "rulebook": self.rulebook,
            "kind": self.kind,
            "what": self.what,
            "from": self.start.isoformat() if self.start else None,
            "to": self.end.isoformat() if self.end else None,
            "before": self.before,
            "after": self.after,
        }


def limit_steps(limit: Limit) -> tuple[Step, ...]:
    """What holds from day to day, neighbours with the same value joined."""
    return _joined(
        (e.model.effective_from, e.model.effective_to, shown(limit, e)) for e in limit.entries
    )


def shown(limit: Limit, entry: Entry) -> str:
    """A dated value in words: all that is law in it, without titles, notes and citations."""
    model, unit = entry.model, limit.model.unit
    if entry.unknown is not None:
        value = "not known"
    elif model.bands is not None:
        parts = [f"{_span(b.low, b.high)}: {_number(unit, b.value)}" for b in model.bands]
        more = model.each_more
        parts += [f"each more: {_number(unit, more)}"] if more is not None else []
        value = f"by {', '.join(limit.model.by)}: {'; '.join(parts)}"
    elif model.table is not None:
        parts = [f"{key}: {_number(unit, text)}" for key, text in sorted(model.table.items())]
        value = f"by {', '.join(limit.model.by)}: {'; '.join(parts)}"
    else:
        value = _number(unit, str(model.value))
    if model.transitional is not None:
        value += f", for applications accepted from {model.transitional.accepted_from}"
    published = model.published_at
    return f"{value} (published {published})" if published is not None else value


def _span(low: str | None, high: str | None) -> str:
    if low is None or high is None:
        return f"up to {high}" if low is None else f"from {low}"
    return low if low == high else f"{low} to {high}"


def _number(unit: str, text: str) -> str:
    """A published number with its unit; 1500 and 1500.00 are one number."""
    if text in ("true", "false"):
        return "yes" if text == "true" else "no"
    value = Fraction(text)
    number = f"{int(value):,}"
    if value.denominator != 1:
        number += f".{text.partition('.')[2].rstrip('0')}"
    minor, _, per = unit.partition("_per_")
    word = _WORDS.get(minor, minor) + (f" a {per}" if per else "")
    return f"{number} {word}".rstrip()


def operator_steps(operator: Any, within: Sequence[Range]) -> tuple[Step, ...]:
    """The operator of a test from day to day, on the days of `within`."""
    history = (
        [(dt.date.min, None, operator)]
        if isinstance(operator, str)
        else [(o.effective_from, o.effective_to, o.operator) for o in operator]
    )
    return _joined(
        (*part, sign)
        for start, end, sign in history
        for days in within
        if (part := _shared((start, end), days)) is not None
    )


def both(a: Sequence[Range], b: Sequence[Range]) -> list[Range]:
    """The days that lie in a range of each."""
    return [part for x in a for y in b if (part := _shared(x, y)) is not None]


def compare(
    book: str, kind: str, what: str, old: tuple[Step, ...], new: tuple[Step, ...]
) -> Iterator[Change]:
    """Where two histories differ, in as few ranges of days as say it."""
    days = {d for steps in (old, new) for a, b, _ in steps for d in (a, b and b + ONE_DAY) if d}
    cuts = sorted(days)
    pieces: list[tuple[dt.date, dt.date | None, str, str]] = []
    for i, start in enumerate(cuts):
        end = cuts[i + 1] - ONE_DAY if i + 1 < len(cuts) else None
        x, y = _at(old, start), _at(new, start)
        if x == y:
            continue
        last = pieces[-1] if pieces else None
        if last and last[2:] == (x, y) and last[1] == start - ONE_DAY:
            pieces[-1] = (last[0], end, x, y)
        else:
            pieces.append((start, end, x, y))
    for start, end, x, y in pieces:
        yield Change(book, kind, what, x, y, start, end)


def _joined(steps: Iterable[Step]) -> tuple[Step, ...]:
    found: list[Step] = []
    for start, end, value in sorted(steps, key=lambda s: s[0]):
        last = found[-1] if found else None
        if last and last[2] == value and last[1] is not None and start == last[1] + ONE_DAY:
            found[-1] = (last[0], end, value)
        else:
            found.append((start, end, value))
    return tuple(found)


def _at(steps: Iterable[Step], day: dt.date) -> str:
    return next((v for a, b, v in steps if a <= day and (b is None or day <= b)), NOTHING)


def _shared(a: Range, b: Range) -> Range | None:
    start = max(a[0], b[0])
    ends = [d for d in (a[1], b[1]) if d is not None]
    end = min(ends) if ends else None
    return None if end is not None and end < start else (start, end)
