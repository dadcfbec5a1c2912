"""Random values without a generator's state: a hash of (seed, column, row number).

The hash is SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA
2014): the row number times an odd constant, plus a salt that stands for seed and column, finished
by two multiplications. It is written out in integer arithmetic on purpose: `Series.hash` differs
from one Polars version to the next, and these values are stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeVar

import polars as pl

from verify.simulate.dice import Dice

T = TypeVar("T")

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_WORD = (1 << 64) - 1
MILLION = 1_000_000


def _u64(value: int) -> pl.Expr:
    return pl.lit(value & _WORD, dtype=pl.UInt64)


def mixed(z: pl.Expr) -> pl.Expr:
    """The finisher of SplitMix64: a bijection of 64-bit words. Multiplication wraps."""
    z = (z ^ (z // (1 << 30))) * _u64(_FIRST)
    z = (z ^ (z // (1 << 27))) * _u64(_SECOND)
    return z ^ (z // (1 << 31))


def mixed_int(z: int) -> int:
    """`mixed` of one word."""
    z = ((z ^ (z >> 30)) * _FIRST) & _WORD
    z = ((z ^ (z >> 27)) * _SECOND) & _WORD
    return z ^ (z >> 31)


class Weighted:
    """Values with whole-number weights, drawn in proportion to them."""

    def __init__(self, weighted: Iterable[tuple[object, int]], dtype: pl.DataType | None = None):
        pairs = [(value, weight) for value, weight in weighted if weight > 0]
        self.values = pl.Series([value for value, _ in pairs], dtype=dtype)
        self.ends = pl.Series([weight for _, weight in pairs], dtype=pl.UInt64).cum_sum()
        self.total = int(self.ends[-1])

    def at(self, word: pl.Expr) -> pl.Expr:
        """The value that a random word stands for."""
        place = pl.lit(self.ends).search_sorted(word % self.total, side="right")
        return pl.lit(self.values).gather(place)


class Draws:
    """Random columns that depend on nothing but the seed, their name and the row number."""

    def __init__(self, *seed: int | str) -> None:
        self._seed = "/".join(str(part) for part in seed)

    def salt(self, column: str) -> int:
        """The word that stands for this seed and column."""
        text = f"{self._seed}/{column}".encode()
        return int.from_bytes(hashlib.sha256(text).digest()[:8], "big")

    def word(self, column: str, row: str | pl.Expr) -> pl.Expr:
        """64 random bits for each `row` (a column of UInt64, or its name)."""
        number = pl.col(row) if isinstance(row, str) else row
        return mixed(number * _u64(_GOLDEN) + _u64(self.salt(column)))

    def below(self, column: str, row: str | pl.Expr, n: int | pl.Expr) -> pl.Expr:
        """A number from 0 to `n` - 1 (UInt64; bias below 2**-30 for any `n` used here)."""
        return self.word(column, row) % n

    def between(self, column: str, row: str | pl.Expr, low: int, high: int) -> pl.Expr:
        """A number from `low` to `high`, both included (Int64)."""
        return self.below(column, row, high - low + 1).cast(pl.Int64) + low

    def chance(self, column: str, row: str | pl.Expr, per_million: int | pl.Expr) -> pl.Expr:
        """True `per_million` times in a million."""
        return self.below(column, row, MILLION) < per_million

    def one_of(self, column: str, row: str | pl.Expr, items: Sequence[T]) -> pl.Expr:
        """One item, each as likely as the other."""
        place = self.below(column, row, len(items))
        return pl.lit(pl.Series(list(items))).gather(place)

    def weighted(self, column: str, row: str | pl.Expr, table: Weighted) -> pl.Expr:
        """A value of the table, by weight."""
        return table.at(self.word(column, row))


class RowDice(Dice):
    """Dice for the few rows that are worked on one by one; it starts from a random word."""

    def __init__(self, word: int) -> None:
        self._word = word

    def below(self, n: int) -> int:
        """A number from 0 to `n` - 1."""
        self._word = (self._word + _GOLDEN) & _WORD
        return (mixed_int(self._word) * n) >> 64
