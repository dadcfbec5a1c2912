"""How well two *different* normal values of a kind agree: whole columns of value pairs at once.

Each function takes two text columns of equal length and returns the rank of each pair in
`scoring.kinds.KINDS`. Equal values, missing ones and swapped columns are settled before
(`identity.agree`). Similarities are quantised to per mille before they meet a threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA, Indel, JaroWinkler

from verify.identity.contacts import SHORTEST_PART, address_form, address_level
from verify.identity.names import PersonNames, name_form, name_level, readings
from verify.identity.numbers import IdForm, id_form, id_level, whole_form
from verify.identity.spellings import is_whole_id
from verify.scoring.kinds import KINDS, level_rank
from verify.scoring.levels import LEVELS

Ranks = NDArray[np.uint8]
Milles = NDArray[np.int64]
Flags = NDArray[np.bool_]
Likeness = Callable[[pl.Series, pl.Series], Ranks]
_SHORTEST_START = 3
_CLOSE, _PARTIAL = 900, 780
_SHORT_NAME = 4
_IDEOGRAPHS = "^[\u4e00-\u9fff]{1,4}$"


class _Pairs:
    """Two columns of values and the measures taken of them, each at most once."""

    def __init__(self, a: pl.Series, b: pl.Series) -> None:
        self.a, self.b = a, b
        self._lists: tuple[list[str], list[str]] = (a.to_list(), b.to_list())

    def _measure(self, scorer: Any, dtype: Any, **how: Any) -> NDArray[Any]:
        a, b = self._lists
        return np.asarray(process.cpdist(a, b, scorer=scorer, dtype=dtype, workers=1, **how))

    def edits(self, most: int) -> NDArray[Any]:
        """Optimal string alignment distance; more than `most` reads `most + 1`."""
        return self._measure(OSA.distance, np.uint8, score_cutoff=most)

    def winkler(self) -> Milles:
        """Jaro-Winkler similarity, per mille."""
        return _per_mille(self._measure(JaroWinkler.similarity, np.float64), 1000)

    def indel(self) -> Milles:
        """2 x longest common subsequence / total length, per mille."""
        return _per_mille(self._measure(Indel.normalized_similarity, np.float64), 1000)

    def word_sets(self) -> Milles:
        """The same of the words in alphabetical order, per mille."""
        return _per_mille(self._measure(fuzz.token_sort_ratio, np.float64), 10)

    def shorter(self) -> Milles:
        """Characters of the shorter value."""
        sizes = [s.str.len_chars().to_numpy() for s in (self.a, self.b)]
        return np.asarray(np.minimum(*sizes), dtype=np.int64)

    def begins(self) -> Flags:
        """One begins with the other, with at least three letters, or is its initial."""
        starts = _column(self.a, self.b, pl.col("a").str.starts_with(pl.col("b")))
        starts |= _column(self.a, self.b, pl.col("b").str.starts_with(pl.col("a")))
        return np.asarray(starts & (self.shorter() != 2))


def _per_mille(values: NDArray[Any], factor: int) -> Milles:
    return np.asarray(np.rint(values * factor), dtype=np.int64)


def _column(a: pl.Series, b: pl.Series, test: pl.Expr) -> Flags:
    """A test of columns `a` and `b`, row by row."""
    return np.array(pl.DataFrame({"a": a, "b": b}).select(test).to_series().to_numpy())


def _first(kind: str, *tests: tuple[str, Flags]) -> Ranks:
    """The rank of the first level whose test holds; `different` where none does."""
    size = len(tests[0][1])
    ranks = np.full(size, level_rank(kind, "different"), dtype=np.uint8)
    for level, holds in reversed(tests):
        ranks[holds] = level_rank(kind, level)
    return ranks


def sound(word: str) -> str:
    """A key that words of like sound share: first letter class, then the consonants' classes."""
    classes = word.translate(_SOUNDS)
    kept = [classes[0]] if classes else []
    for char in classes[1:]:
        if char not in "0 " and char != kept[-1]:
            kept.append(char)
    return "".join(kept[:5])


_SOUNDS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyz",
    "0pkt0fk00kklmn0pkrst0f0k0s",
)


def _sounds(values: pl.Series) -> NDArray[Any]:
    return np.array([sound(v) for v in values.to_list()], dtype=object)


def _name_part(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    winkler, short = pairs.winkler(), pairs.shorter()
    begins = pairs.begins()
    return _first(
        "name_part",
        ("one_edit", (pairs.edits(1) <= 1) & (short >= 3)),
        ("close", ((winkler >= _CLOSE) & (short >= 3)) | begins),
        ("sound", (_sounds(a) == _sounds(b)) & (short >= 3)),
        ("partial", winkler >= _PARTIAL),
    )


def _full_name(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    sets, winkler, short = pairs.word_sets(), pairs.winkler(), pairs.shorter()
    left, right = a.str.split(" "), b.str.split(" ")
    frame = pl.DataFrame({"l": left, "r": right})
    common = frame.select(
        pl.col("l").list.set_intersection("r").list.len()
        == pl.min_horizontal(pl.col("l").list.n_unique(), pl.col("r").list.n_unique())
    ).to_series()
    several = np.minimum(left.list.len().to_numpy(), right.list.len().to_numpy()) >= 2
    return _first(
        "full_name",
        ("contained", common.to_numpy() & several),
        ("one_edit", (pairs.edits(1) <= 1) & (short >= 4)),
        ("close", np.maximum(sets, winkler) >= _CLOSE),
        ("partial", np.maximum(sets, winkler) >= _PARTIAL),
    )


def _number(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    edits, short = pairs.edits(2), pairs.shorter()
    return _first(
        "number",
        ("one_edit", (edits <= 1) & (short >= 4)),
        ("two_edits", (edits <= 2) & (short >= 6)),
    )


def _date(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    year, month, day = (
        (a.str.slice(at, n) == b.str.slice(at, n)).to_numpy() for at, n in ((0, 4), (4, 2), (6, 2))
    )
    swap = (a.str.slice(4, 2) == b.str.slice(6, 2)) & (a.str.slice(6, 2) == b.str.slice(4, 2))
    whole = pairs.shorter() == 8
    return _first(
        "date",
        ("swapped", year & swap.to_numpy() & whole),
        ("one_edit", (pairs.edits(1) <= 1) & whole),
        ("two_parts", (year.astype(int) + month + day >= 2) & whole),
        ("year", year),
    )


def _phone(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    tail = (a.str.slice(-7) == b.str.slice(-7)).to_numpy() & (pairs.shorter() >= 7)
    starred = a.str.contains("*", literal=True) | b.str.contains("*", literal=True)
    shown = (a.str.slice(-4) == b.str.slice(-4)) & (a.str.slice(0, 3) == b.str.slice(0, 3))
    return _first(
        "phone",
        ("ending", tail | (starred & shown).to_numpy()),
        ("one_edit", (pairs.edits(1) <= 1) & (pairs.shorter() >= 6)),
    )


def _email(a: pl.Series, b: pl.Series) -> Ranks:
    users = a.str.extract(r"^([^@]*)"), b.str.extract(r"^([^@]*)")
    pairs = _Pairs(*(u.fill_null("") for u in users))
    return _first(
        "email",
        ("same_user", (users[0] == users[1]).to_numpy() & (pairs.shorter() >= 4)),
        ("close", (pairs.winkler() >= _CLOSE) & (pairs.shorter() >= 4)),
    )


def _address(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    alike = np.maximum(pairs.word_sets(), pairs.indel())
    return _first(
        "address",
        ("close", alike >= 880),
        ("similar", alike >= 780),
        ("partial", alike >= 650),
    )


def _place(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    return _first(
        "place",
        ("one_edit", (pairs.edits(1) <= 1) & (pairs.shorter() >= 4)),
        ("close", (pairs.winkler() >= _CLOSE) & (pairs.shorter() >= 4)),
    )


def _code(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    return _first("code", ("one_edit", (pairs.edits(1) <= 1) & (pairs.shorter() >= 2)))


def _org_code(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    return _first("org_code", ("one_edit", (pairs.edits(1) <= 1) & (pairs.shorter() >= 9)))


def _category(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    return _first("category", ("one_edit", (pairs.edits(1) <= 1) & (pairs.shorter() >= 2)))


def _text(a: pl.Series, b: pl.Series) -> Ranks:
    pairs = _Pairs(a, b)
    alike = np.maximum(pairs.word_sets(), pairs.winkler())
    return _first("text", ("close", alike >= _CLOSE), ("similar", alike >= _PARTIAL))


def _renamed(kind: str, field: str, merged: dict[str, str]) -> NDArray[np.uint8]:
    """Ranks of a field of `scoring.levels` as ranks of a kind here."""
    return np.array(
        [KINDS[kind].index(merged.get(level, level)) for level in LEVELS[field]], dtype=np.uint8
    )


_NAME_RANKS = _renamed("han_name", "name", {"former": "exact"})
_ID_RANKS = _renamed("cn_id", "id", {"lifted": "exact", "repaired": "exact"})
_ADDRESS_RANKS = _renamed("han_address", "address", {"equal": "exact"})


def _one_by_one(
    a: pl.Series, b: pl.Series, level: Callable[[str, str], int], ranks: NDArray[np.uint8]
) -> Ranks:
    pairs: Sequence[tuple[str, str]] = list(zip(a.to_list(), b.to_list(), strict=True))
    return ranks[np.array([level(x, y) for x, y in pairs], dtype=np.int64)]


def _han_name(a: pl.Series, b: pl.Series) -> Ranks:
    def level(x: str, y: str) -> int:
        return name_level(name_form(x), PersonNames(name_form(y)))

    ranks = np.full(len(a), level_rank("han_name", "different"), dtype=np.uint8)
    open_ = pl.Series(np.flatnonzero(~_nothing_alike(a, b)), dtype=pl.UInt32)
    ranks[open_.to_numpy()] = _one_by_one(a.gather(open_), b.gather(open_), level, _NAME_RANKS)
    # Surname last, or the parts of an ethnic name in another order: one is a rotation of the other.
    twice, size = pl.col("a") + pl.col("a"), pl.col("a").str.len_chars()
    turned = (size == pl.col("b").str.len_chars()) & twice.str.contains(pl.col("b"), literal=True)
    ranks[_column(a, b, turned)] = level_rank("han_name", "variant")
    return ranks


def _nothing_alike(a: pl.Series, b: pl.Series) -> Flags:
    """Ideographs on both sides of which none is in its place, and the first do not sound alike.

    Every likeness of `identity.names` but the same sound keeps a character in its place, and the
    same sound needs all of them: most pairs are settled here, without looking at each.
    """
    pairs = _Pairs(a, b)
    sizes = [s.str.len_chars().to_numpy() for s in (a, b)]
    ideographs = _column(
        a, b, pl.col("a").str.contains(_IDEOGRAPHS) & pl.col("b").str.contains(_IDEOGRAPHS)
    )
    apart = ideographs & (pairs.edits(_SHORT_NAME) >= np.maximum(*sizes))
    at = np.flatnonzero(apart)
    left, right = a.str.slice(0, 1).gather(at).to_list(), b.str.slice(0, 1).gather(at).to_list()
    apart[at] = [readings(x).isdisjoint(readings(y)) for x, y in zip(left, right, strict=True)]
    return np.asarray(apart, dtype=np.bool_)


def _cn_id(a: pl.Series, b: pl.Series) -> Ranks:
    def level(x: IdForm, y: IdForm) -> int:
        # The more certain side is held against the other: a whole number speaks for itself.
        return id_level(y, x) if x.number and not y.number else id_level(x, y)

    wholes = [is_whole_id(s) for s in (a, b)]
    sexes = [s.str.slice(16, 1).cast(pl.Int64, strict=False) % 2 for s in (a, b)]
    alike = ((a.str.slice(6, 8) == b.str.slice(6, 8)) & (sexes[0] == sexes[1])).to_numpy()
    ranks = np.where(
        alike, level_rank("cn_id", "same_birth_sex"), level_rank("cn_id", "different")
    ).astype(np.uint8)
    open_ = (~(wholes[0] & wholes[1])).arg_true()
    left, right = (
        [
            whole_form(v) if w else id_form(v)
            for v, w in zip(s.gather(open_), whole.gather(open_), strict=True)
        ]
        for s, whole in zip((a, b), wholes, strict=True)
    )
    found = [level(x, y) for x, y in zip(left, right, strict=True)]
    ranks[open_.to_numpy()] = _ID_RANKS[np.array(found, dtype=np.int64)]
    return ranks


def _han_address(a: pl.Series, b: pl.Series) -> Ranks:
    """As `contacts.address_level`: one contains the other, or like text with the same numbers."""

    def level(x: str, y: str) -> int:
        return address_level(address_form(x), address_form(y))

    ranks = np.full(len(a), level_rank("han_address", "different"), dtype=np.uint8)
    x, y = pl.col("a"), pl.col("b")
    long_enough = pl.min_horizontal(x.str.len_chars(), y.str.len_chars()) >= SHORTEST_PART
    within = x.str.contains(y, literal=True) | y.str.contains(x, literal=True)
    numbers = [s.str.replace_all("[^0-9]+", " ").str.strip_chars() for s in (x, y)]
    same = (numbers[0] == numbers[1]) & (numbers[0].str.len_bytes() > 0)
    contained = _column(a, b, within & long_enough)
    ranks[contained] = level_rank("han_address", "contained")
    open_ = pl.Series(np.flatnonzero(~contained & _column(a, b, same)), dtype=pl.UInt32)
    ranks[open_.to_numpy()] = _one_by_one(a.gather(open_), b.gather(open_), level, _ADDRESS_RANKS)
    return ranks


LIKENESS: dict[str, Likeness] = {
    "name_part": _name_part,
    "full_name": _full_name,
    "number": _number,
    "date": _date,
    "phone": _phone,
    "email": _email,
    "address": _address,
    "place": _place,
    "code": _code,
    "category": _category,
    "org_code": _org_code,
    "text": _text,
    "han_name": _han_name,
    "cn_id": _cn_id,
    "han_address": _han_address,
}
