"""How much an equal name says: little for 王伟, much for a name few people bear.

The weight of an equal name is log2(1/f) for the share f of people who bear it (the usual
term-frequency adjustment of Fellegi-Sunter linkage), capped, because beyond the cap the table
knows nothing: two people of a rare name are then mostly relatives or typing errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from verify.scoring.bits import millibits
from verify.scoring.declared import Bearers, NamesDeclared

_LONGEST_HAN_NAME = 4  # a compound surname with a two-character given name


@dataclass(frozen=True)
class _Table:
    weights: dict[str, int] = field(repr=False)
    others: int

    @classmethod
    def of(cls, declared: Bearers) -> _Table:
        def rarity(count: int) -> int:
            return millibits(Fraction(declared.base, count))

        weights = {name: rarity(count) for name, count in declared.bearers.items()}
        return cls(weights, rarity(declared.others))

    def weight(self, name: str) -> int:
        return self.weights.get(name, self.others)


@dataclass(frozen=True)
class NameFrequencies:
    """Rarity of names in milli-bits, from the published counts of `scoring/names/`."""

    cap: int
    surnames: _Table
    given_one: _Table
    given_two: _Table
    whole: _Table

    @classmethod
    def of(cls, declared: NamesDeclared) -> NameFrequencies:
        """Take the logarithms of the declared counts."""
        return cls(
            declared.cap,
            _Table.of(declared.surnames),
            _Table.of(declared.given_one),
            _Table.of(declared.given_two),
            _Table.of(declared.whole),
        )

    def rarity(self, name: str) -> int:
        """Milli-bits that an equal `name` (simplified, without separators) is worth.

        Names that are not a Han surname with one or two characters (transliterated, Latin) take
        the `others` share of whole names: an unknown frequency is never read as a rare name.
        """
        if name in self.whole.weights:
            return min(self.cap, self.whole.weights[name])
        surname = name[:2] if name[:2] in self.surnames.weights else name[:1]
        given = name[len(surname) :]
        if not name or len(name) > _LONGEST_HAN_NAME or not _all_han(name):
            return min(self.cap, self.whole.others)
        if len(given) not in (1, 2):
            return min(self.cap, self.whole.others)
        table = self.given_one if len(given) == 1 else self.given_two
        return min(self.cap, self.surnames.weight(surname) + table.weight(given))


def _all_han(text: str) -> bool:
    return all("\u3400" <= c <= "\u9fff" or "\U00020000" <= c <= "\U0003ffff" for c in text)
