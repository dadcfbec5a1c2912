"""Households and persons by number: text keys are looked up once, then never again.

Rows of one person usually lie together, so only the first of each run is looked up. Whether they
do makes a difference to the time it takes, and to nothing else.
"""

from __future__ import annotations

from functools import lru_cache

import polars as pl

FEW = 64
"""Up to so many rows, a dictionary is quicker than planning a join."""


def positions(frame: pl.DataFrame, table: pl.DataFrame, on: list[str]) -> pl.Series:
    """For each row of `frame`, the row of `table` with the same keys; null where there is none.

    The keys of `table` are unique.
    """
    if frame.height <= FEW and table.height <= FEW:
        numbers = {key: i for i, key in enumerate(_keys(table, on))}
        found = [numbers.get(key) for key in _keys(frame, on)]
        return pl.Series("at", found, dtype=pl.UInt32)
    first = _starts(frame, on)
    heads = frame[on].filter(first)
    numbered = table[on].with_row_index("at")
    at = heads.join(numbered, on=on, how="left", maintain_order="left")["at"]
    return at if heads.height == frame.height else at[_runs(first)]


def persons_of(frame: pl.DataFrame, households: pl.DataFrame, people: pl.DataFrame) -> pl.Series:
    """For each row of `frame`, the row of its household and person in `people`; null: none.

    `people` has h, the row of the household in `households`. Members are named by few words the
    country over, so a person is a place in a table of households by words, and nothing is joined.
    """
    on = ["household", "person"]
    if frame.height <= FEW and people.height <= FEW:
        return positions(frame, people, on)
    words = people["person"].unique()
    if len(words) > FEW:
        return positions(frame, people, on)
    number = pl.Enum(words.sort())
    first = _starts(frame, on)
    heads = frame[on].filter(first)

    def place(h: pl.Series, person: pl.Series) -> pl.Series:
        return h.cast(pl.UInt32) * len(words) + person.cast(number, strict=False).to_physical()

    table = pl.Series("at", [None], dtype=pl.UInt32)
    table = table.new_from_index(0, households.height * len(words))
    table = table.scatter(place(people["h"], people["person"]), counting(people.height))
    at = table[place(positions(heads, households, ["household"]), heads["person"])]
    return at if heads.height == frame.height else at[_runs(first)]


def counting(rows: int) -> pl.Series:
    """0, 1, 2 ... as positions."""
    return _few(rows) if rows <= FEW else pl.int_range(rows, dtype=pl.UInt32, eager=True)


@lru_cache(maxsize=FEW + 1)
def _few(rows: int) -> pl.Series:
    return pl.Series("", range(rows), dtype=pl.UInt32)


def repeats(keys: pl.Series) -> bool:
    """Whether a key occurs twice."""
    if len(keys) <= FEW:
        return len(set(keys.to_list())) < len(keys)
    if keys.is_sorted():
        return bool((keys == keys.shift(1)).any())
    return keys.n_unique() < len(keys)


def _keys(frame: pl.DataFrame, on: list[str]) -> list[tuple[str, ...]]:
    return list(zip(*(frame[name].to_list() for name in on), strict=True))


def _starts(frame: pl.DataFrame, on: list[str]) -> pl.Series:
    """Whether a row's keys differ from those of the row before."""
    first = pl.Series("first", [False], dtype=pl.Boolean).new_from_index(0, frame.height)
    for name in on:
        first = first | (frame[name] != frame[name].shift(1)).fill_null(True)
    return first


def _runs(first: pl.Series) -> pl.Series:
    return (first.cum_sum() - 1).cast(pl.UInt32)
