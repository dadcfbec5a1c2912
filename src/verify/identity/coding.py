"""Registers coded: every distinct text is normalised once, and rows become integers.

A normal value has one code on both sides (and in both columns of fields that swap), so that an
exact agreement is an equality of integers and each distinct pair of values is compared once.
Texts as given are coded first: a normal form is then made of each distinct text, not of each row,
and texts with one normal form come to share its code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise

import numpy as np
import polars as pl

from verify.identity.columns import ID, Field
from verify.identity.normalise import ALSO, GIVEN, HOUSEHOLD, given_values, normal_forms
from verify.identity.spellings import citizen_id_birth, is_whole_id
from verify.scoring.linking import LinkSettings

_AT_ONCE = 2  # fields coded side by side: each holds its texts in memory


@dataclass(frozen=True)
class Coded:
    """A field coded: `values[code]` is the normal form; a null code means not given.

    `also_left`, `also_right`: `row` and code `c` of further values (former names), if any.
    """

    field: Field
    values: pl.Series
    left: pl.Series
    right: pl.Series
    also_left: pl.DataFrame | None = None
    also_right: pl.DataFrame | None = None

    @cached_property
    def whole(self) -> pl.Series:
        """Of identity numbers: whether each value is a valid 18-digit number."""
        return is_whole_id(self.values)


@dataclass(frozen=True)
class Registers:
    """Two coded registers (or one, held against itself: `dedupe`).

    `left`, `right`: `unique_id` of the rows, sorted, and `household_key` where there is one. All
    else is in the coded fields.
    """

    left: pl.DataFrame
    right: pl.DataFrame
    fields: dict[str, Coded]
    dedupe: bool


def prepare(
    left: pl.DataFrame,
    right: pl.DataFrame | None,
    fields: Sequence[Field],
    settings: LinkSettings,
) -> Registers:
    """Normalise and code both sides; without `right` the register is held against itself.

    Raises:
        InputError: two different rows of a side share their id.
    """
    a = given_values(left, fields, settings)
    b = a if right is None else given_values(right, fields, settings, side="right")
    blank = [word.casefold() for word in settings.declared.blank]
    coded: dict[str, Coded] = {}
    _acquaint()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        # What another field implies is coded after that field.
        for later in (False, True):
            groups = _groups([f for f in fields if _waits(f) is later])
            code = partial(_code, a, b, blank=blank, known=dict(coded))
            for part in pool.map(code, list(groups)):
                coded |= part
    keys = [side.select(c for c in (ID, HOUSEHOLD) if c in side.columns) for side in (a, b)]
    return Registers(keys[0], keys[1], {f.name: coded[f.name] for f in fields}, right is None)


def _acquaint() -> None:
    """Polars looks numpy up at its first array, which two threads must not do at once."""
    pl.Series(np.zeros(1))


def _waits(field: Field) -> bool:
    return field.kind == "date" and field.implied_by is not None


def _groups(fields: Sequence[Field]) -> Iterator[list[Field]]:
    """Fields that share their codes because their values may change places."""
    done = set[str]()
    for field in fields:
        if field.name in done:
            continue
        group = [field, *(f for f in fields if field.swaps_with and f.name == field.swaps_with)]
        done |= {f.name for f in group}
        yield group


def _code(
    left: pl.DataFrame,
    right: pl.DataFrame,
    group: Sequence[Field],
    *,
    blank: list[str],
    known: Mapping[str, Coded],
) -> dict[str, Coded]:
    sides = [left] if right is left else [left, right]
    given = [_given_codes(sides, field) for field in group]
    forms = [
        normal_forms(texts, field.kind, blank)
        for field, parts in zip(group, given, strict=True)
        for texts, _ in parts
    ]
    sources = [known[f.implied_by or ""] for f in group if _waits(f) and f.implied_by in known]
    values, places = distinct([*forms, *(citizen_id_birth(s.values) for s in sources)])
    rest = iter(places)
    found = {}
    for field, parts in zip(group, given, strict=True):
        codes = [
            place.gather(c) for (_, part), place in zip(parts, rest, strict=False) for c in part
        ]
        found[field.name] = _coded(field, values, codes, sides)
    return {
        name: _with_implied(coded, sources[0], places[-1]) if sources else coded
        for name, coded in found.items()
    }


def _given_codes(
    sides: Sequence[pl.DataFrame], field: Field
) -> list[tuple[pl.Series, list[pl.Series]]]:
    """The distinct texts of a field as given, and codes of each side and of its further values.

    Dates are read side by side apart, because each may put the month first or the day.
    """
    columns = [side[field.name + GIVEN] for side in sides]
    if field.kind == "date":
        return [distinct([column]) for column in columns]
    return [distinct([*columns, *(_further(side, field)["v"] for side in sides)])]


def _further(side: pl.DataFrame, field: Field) -> pl.DataFrame:
    """`row` and text `v` of the further values of a side."""
    name = field.name + ALSO + GIVEN
    if name not in side.columns:
        return pl.DataFrame(schema={"row": pl.UInt32, "v": pl.String})
    lists = side.select(v=pl.col(name)).with_row_index("row")
    return lists.filter(pl.col("v").list.len() > 0).explode("v").drop_nulls()


def _coded(
    field: Field, values: pl.Series, codes: Sequence[pl.Series], sides: Sequence[pl.DataFrame]
) -> Coded:
    also = [
        pl.DataFrame({"row": _further(side, field)["row"], "c": c}).drop_nulls().sort("row", "c")
        if field.name + ALSO + GIVEN in side.columns
        else None
        for side, c in zip(sides, codes[len(sides) :], strict=False)
    ] or [None]
    return Coded(field, values, codes[0], codes[len(sides) - 1], also[0], also[-1])


def _with_implied(coded: Coded, source: Coded, births: pl.Series) -> Coded:
    """A date that is not given but stands in the identity number is taken from there."""
    dates = [
        pl.select(pl.coalesce(pl.lit(date), pl.lit(births.gather(number)))).to_series()
        for date, number in ((coded.left, source.left), (coded.right, source.right))
    ]
    return replace(coded, left=dates[0], right=dates[1])


def distinct(columns: Sequence[pl.Series]) -> tuple[pl.Series, list[pl.Series]]:
    """The distinct texts of some columns by first appearance, and each column's codes.

    Ranked by hash, which is several times faster than by text, and then checked: should two texts
    ever share a hash, they are ranked by text.
    """
    texts = pl.concat([c.alias("v") for c in columns])
    given = texts.is_not_null()
    rows = texts.drop_nulls()
    values, codes = rows, np.zeros(0, dtype=np.uint32)
    for key in (rows.hash(), rows) if len(rows) else ():
        values, codes = _numbered(rows, key)
        if (values.gather(pl.Series(codes)) == rows).all():
            break
    every = np.zeros(len(texts), dtype=np.uint32)
    every[given.to_numpy()] = codes
    full = pl.DataFrame({"c": every, "given": given}).select(pl.when("given").then("c"))["c"]
    ends = [0]
    for column in columns:
        ends.append(ends[-1] + len(column))
    return values, [full.slice(start, end - start) for start, end in pairwise(ends)]


def _numbered(texts: pl.Series, key: pl.Series) -> tuple[pl.Series, np.ndarray]:
    """One text for each value of `key`, by first appearance, and the number of every text's."""
    ranks = key.rank("dense").to_numpy() - 1
    first = np.zeros(int(ranks.max()) + 1, dtype=np.int64)
    first[ranks[::-1]] = np.arange(len(ranks) - 1, -1, -1)
    appears = np.zeros(len(ranks), dtype=np.bool_)
    appears[first] = True
    numbers = (np.cumsum(appears) - 1).astype(np.uint32)
    return texts.filter(pl.Series(appears)), numbers[first][ranks]
