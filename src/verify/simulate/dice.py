"""Random choices that give the same result on every Python: only `getrandbits` is used.

`random.Random.choice`, `sample` and `shuffle` have changed between Python versions; the bits of
the Mersenne Twister have not. Chances are whole numbers per thousand, so no float decides.
"""

from __future__ import annotations

import hashlib
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")

PER_MILLE = 1000


class Dice:
    """A stream of random choices that depends on nothing but `seed`."""

    def __init__(self, *seed: int | str) -> None:
        text = "/".join(str(part) for part in seed)
        number = int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest(), "big")
        self._random = random.Random(number)  # noqa: S311 - synthetic data, no secret

    def below(self, n: int) -> int:
        """A number from 0 to `n` - 1 (bias below 2**-40 for any `n` used here)."""
        return (self._random.getrandbits(64) * n) >> 64

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def chance(self, per_mille: int) -> bool:
        """True `per_mille` times in a thousand."""
        return self.below(PER_MILLE) < per_mille

    def one_of(self, items: Sequence[T]) -> T:
        """One item, each as likely as the other."""
        return items[self.below(len(items))]

    def date(self, first_year: int, last_year: int) -> str:
        """Some day of those years, ISO 8601."""
        year, month = self.between(first_year, last_year), self.between(1, 12)
        return f"{year}-{month:02d}-{self.between(1, 28):02d}"


class Table(Generic[T]):
    """Items with whole-number weights, drawn in proportion to them."""

    def __init__(self, weighted: Iterable[tuple[T, int]]) -> None:
        pairs = list(weighted)
        self.items = [item for item, _ in pairs]
        self._ends = list(accumulate(weight for _, weight in pairs))

    def weighted(self) -> list[tuple[T, int]]:
        """The items with their weights."""
        return [
            (item, end - start)
            for item, start, end in zip(self.items, [0, *self._ends], self._ends, strict=False)
        ]

    def draw(self, dice: Dice) -> T:
        """One item, by weight."""
        return self.items[bisect_right(self._ends, dice.below(self._ends[-1]))]


def falling(items: Sequence[T], first: int = 1000) -> list[tuple[T, int]]:
    """Weights that fall with rank (Zipf): the usual shape of name lists without counts."""
    return [(item, max(1, first // (rank + 1))) for rank, item in enumerate(items)]
