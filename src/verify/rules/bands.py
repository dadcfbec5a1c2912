"""Limits that go by something: bands of a number, or words such as urban and rural.

A limit with `by` is taken apart into one plain figure per band (or word) and an ordinary CASE
expression that chooses between them, so that intervals, dates and unknown values need no special
treatment: a household of one or two members has the hull of both bands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from verify.rules import expressions as ex
from verify.rules.dated import Entry, Limit, number
from verify.rules.expressions import Fault
from verify.rules.grammar import EntryM
from verify.rules.units import COUNTS, Unit

OTHER = "other"
"""The word of a table that stands for every word not listed."""


@dataclass(frozen=True)
class Bands:
    """The figures of a banded limit and the expression that chooses between them.

    `edges`: upper ends of bands, as constants in the unit that the limit goes by.
    """

    figures: Mapping[str, Limit]
    edges: Mapping[str, int]
    formula: ex.Expression


@dataclass(frozen=True)
class _Band:
    high: int | None
    value: int


def by_number(limit: Limit, unit: Unit) -> Bands:
    """Bands of a number in `unit`.

    Raises:
        Fault: a hole or an overlap between bands, or nothing above the last.
    """
    by, name = limit.model.by[0], limit.name
    read = [_bands(limit, e.model, unit) for e in limit.entries]
    highs = sorted({b.high for bands in read for b in bands if b.high is not None})
    figures = {
        f"{name}#{i}": _figure(limit, f"{name}#{i}", [_at(bands, high) for bands in read])
        for i, high in enumerate([*highs, None])
    }
    edges = {f"{name}#upto{i}": high for i, high in enumerate(highs)}
    names = list(figures)
    branches = tuple(
        (ex.Compare("<=", ex.Name(by), ex.Name(edge)), ex.Name(figure))
        for edge, figure in zip(edges, names[:-1], strict=True)
    )
    formula: ex.Expression = (
        ex.Case(branches, ex.Name(names[-1])) if branches else ex.Name(names[0])
    )
    if any(e.model.each_more for e in limit.entries):
        more, top = _beyond(limit, read, unit)
        figures |= {more.name: more, top.name: top}
        beyond = ex.Choice(
            "greatest", (ex.Arithmetic("-", ex.Name(by), ex.Name(top.name)), ex.Number(0))
        )
        formula = ex.Arithmetic("+", formula, ex.Arithmetic("*", beyond, ex.Name(more.name)))
    return Bands(figures, edges, formula)


def by_words(limit: Limit, closed: Sequence[Sequence[str] | None]) -> Bands:
    """Values by one or two texts; `closed` lists the words of each, None where there are others.

    Raises:
        Fault: a word without a value, a value for no word, entries that list other words.
    """
    lists = [sorted(e.model.table) for e in limit.entries if e.model.table is not None]
    if not lists:
        raise Fault("nothing goes by these words", "remove `by`, or add a `table`")
    keys = lists[0]
    if any(other != keys for other in lists):
        raise Fault("the entries list different words", "list the same words in every entry")
    _check_words(keys, closed)
    figures = {}
    branches = []
    for key in [k for k in keys if k != OTHER] + [k for k in keys if k == OTHER]:
        values = [_word(limit, e.model, key) for e in limit.entries]
        figure = f"{limit.name}#{key.replace('/', '_')}"
        figures[figure] = _figure(limit, figure, values)
        branches.append((_matches(limit.model.by, key.split("/")), ex.Name(figure)))
    *first, (_, last) = branches
    return Bands(figures, {}, ex.Case(tuple(first), last) if first else last)


def _matches(by: Sequence[str], words: Sequence[str]) -> ex.Expression:
    parts = [ex.Compare("=", ex.Name(b), ex.Word(w)) for b, w in zip(by, words, strict=True)]
    return parts[0] if len(parts) == 1 else ex.Logic("and", parts[0], parts[1])


def _check_words(keys: Sequence[str], closed: Sequence[Sequence[str] | None]) -> None:
    if any(len(k.split("/")) != len(closed) for k in keys if k != OTHER):
        raise Fault("a word is needed for every quantity it goes by", "write zone_1/urban")
    if OTHER in keys:
        return
    if any(words is None for words in closed):
        raise Fault("there are words that the table does not list", "add the word `other`")
    wanted = {""}
    for words in closed:
        wanted = {f"{w}/{k}".strip("/") for w in wanted for k in words or ()}
    if wanted != set(keys):
        missing, extra = sorted(wanted - set(keys)), sorted(set(keys) - wanted)
        raise Fault(
            f"the table lacks {missing}"
            if missing
            else f"the table lists {extra}, which is no word"
        )


def _word(limit: Limit, entry: EntryM, key: str) -> int:
    text = entry.table[key] if entry.table is not None else entry.value
    return 0 if text is None else number(limit.unit, text, limit.den)


def _bands(limit: Limit, entry: EntryM, unit: Unit) -> list[_Band]:
    """The bands of one entry, checked to leave no hole; a single value is one band."""
    if entry.bands is None:
        value = 0 if entry.value is None else number(limit.unit, entry.value, limit.den)
        return [_Band(None, value)]
    floor = 1 if unit is Unit.PERSON else 0
    ends = [
        (
            floor if b.low is None else number(unit, b.low),
            None if b.high is None else number(unit, b.high),
        )
        for b in entry.bands
    ]
    if ends[0][0] > floor:
        raise Fault(f"nothing is said below {entry.bands[0].low}", "add a band from the bottom")
    for (low, high), (next_low, _) in pairwise(ends):
        if high is None or high < low:
            raise Fault("a band ends before it starts, or is followed though it has no end")
        if next_low != high + 1:
            what = "overlap" if next_low <= high else "leave a hole between them"
            raise Fault(
                f"the bands up to {high} and from {next_low} {what}",
                "bands are whole numbers of the unit and touch: up to 2, from 3",
            )
    if ends[-1][1] is not None and entry.each_more is None:
        raise Fault(
            f"nothing is said above {entry.bands[-1].high}",
            "leave the last band without `high`, or add `each_more`",
        )
    if entry.each_more is not None and (ends[-1][1] is None or unit not in COUNTS):
        raise Fault("`each_more` needs a last band with an end, in persons or items")
    values = [number(limit.unit, b.value, limit.den) for b in entry.bands]
    return [_Band(high, value) for (_, high), value in zip(ends, values, strict=True)]


def _at(bands: Sequence[_Band], high: int | None) -> int:
    """The value of the band in which `high` lies (None: of the last)."""
    if high is not None:
        for band in bands:
            if band.high is None or high <= band.high:
                return band.value
    return bands[-1].value


def _beyond(limit: Limit, read: Sequence[Sequence[_Band]], unit: Unit) -> tuple[Limit, Limit]:
    """What every one beyond the last band adds, and where the last band ends."""
    more = [number(limit.unit, e.model.each_more or "0", limit.den) for e in limit.entries]
    tops = [bands[-1].high or 0 for bands in read]
    top = [
        Entry(e.model, n, n, None) for e, n in zip(limit.entries, tops, strict=True)
    ]  # where the law is unknown the figures are; the edge itself is not
    return (
        _figure(limit, f"{limit.name}#more", more),
        Limit(f"{limit.name}#top", unit, limit.model, tuple(top)),
    )


def _figure(limit: Limit, name: str, values: Sequence[int]) -> Limit:
    entries = tuple(
        e if e.unknown is not None else Entry(e.model, value, value, None)
        for e, value in zip(limit.entries, values, strict=True)
    )
    return Limit(name, limit.unit, limit.model, entries, limit.den)
