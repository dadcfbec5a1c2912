"""Blocking keys: what of a value two rows must share to be compared at all.

A key part turns the distinct values of a field into key texts, one or several for each value.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import polars as pl

from verify.identity.coding import Coded
from verify.identity.likeness import sound
from verify.identity.names import readings
from verify.identity.repair import candidates
from verify.identity.text import is_han

_START, _END = 4, 4
_MOST_WORDS = 8
_FEW, _LONGEST_SPELT = 4, 16  # characters of a name
_LONGEST_NEAR = 20  # characters of a value whose deletions are listed

KeyTable = pl.DataFrame
"""`c` (code of a value) and `key` (text or number); values without a key are left out."""


def key_table(coded: Coded, part: str, codes: pl.Series, *, meets_whole: bool) -> KeyTable:
    """Keys of the values with these codes (`codes` distinct).

    `meets_whole`: of `mask`, whether masked numbers are sought (to meet whole ones) or whole ones.
    """
    if part == "near" and coded.field.kind == "cn_id":
        return _repaired(codes, coded)
    values = pl.DataFrame({"c": codes, "v": coded.values.gather(codes)})
    if part == "mask":
        return _masks(values, masked=meets_whole)
    return _PARTS[part](values, coded.field.kind).filter(pl.col("key").str.len_bytes() > 0)


def _plain(expression: pl.Expr) -> Callable[[pl.DataFrame, str], KeyTable]:
    return lambda values, kind: values.select("c", key=expression)


def _sound(values: pl.DataFrame, kind: str) -> KeyTable:
    if kind == "han_name":
        return values.select("c", key=_pinyin(values["v"]))
    if kind in ("name_part", "place"):
        keys = [sound(v) for v in values["v"].to_list()]
    else:
        keys = [" ".join(sorted(map(sound, v.split()))) for v in values["v"].to_list()]
    return values.select("c", key=pl.Series(keys, dtype=pl.String))


def _pinyin(names: pl.Series) -> pl.Series:
    """Names with each ideograph as its first reading; Latin letters stay as they are."""
    short = names.str.slice(0, _LONGEST_SPELT)
    # Most names are a few characters: column by column is several times faster than one by one.
    few = short.str.len_chars() <= _FEW
    spelt = _spelt(short, _FEW)
    rest = (~few).arg_true()
    return spelt.scatter(rest, _spelt(short.gather(rest), _LONGEST_SPELT)) if len(rest) else spelt


def _spelt(names: pl.Series, longest: int) -> pl.Series:
    places = [names.str.slice(at, 1) for at in range(longest)]
    chars = pl.concat([p.unique() for p in places]).unique()
    sounds = pl.Series([_reading(c) if c else "" for c in chars.to_list()], dtype=pl.String)
    return pl.select(
        pl.concat_str(pl.lit(p).replace_strict(chars, sounds) for p in places)
    ).to_series()


@cache
def _reading(char: str) -> str:
    return min(readings(char), default=char) if is_han(char) else char


def _near(values: pl.DataFrame, kind: str) -> KeyTable:
    """Values one edit apart share a key: the value itself and all with one character left out."""
    short = values.filter(pl.col("v").str.len_chars().is_between(4, _LONGEST_NEAR))
    longest = max(short["v"].str.len_chars().to_list(), default=0)
    parts = [short.select("c", key="v")]
    parts += [
        short.filter(pl.col("v").str.len_chars() > at).select(
            "c", key=pl.col("v").str.slice(0, at) + pl.col("v").str.slice(at + 1)
        )
        for at in range(longest)
    ]
    return pl.concat(parts).unique()


def _repaired(codes: pl.Series, coded: Coded) -> KeyTable:
    """The few valid numbers that one slip could have turned into a broken one: the check digit
    tells them (`identity.repair`). Keys are codes, of numbers that occur at all."""
    whole = coded.whole.gather(codes)
    broken = codes.filter(~whole)
    found = [
        (c, number)
        for c, text in zip(broken.to_list(), coded.values.gather(broken).to_list(), strict=True)
        for number in candidates(text)
    ]
    table = pl.DataFrame(found, schema={"c": pl.UInt32, "v": pl.String}, orient="row")
    # Of numbers that occur and are whole: what has no such area or date is none of them.
    known = pl.DataFrame({"v": coded.values}).with_row_index("key").filter(coded.whole)
    meant = table.join(known, on="v", how="inner").select("c", "key")
    own = codes.filter(whole)
    return pl.concat([pl.DataFrame({"c": own, "key": own}), meant])


def _words(values: pl.DataFrame, kind: str) -> KeyTable:
    split = values.select("c", key=pl.col("v").str.split(" ").list.head(_MOST_WORDS))
    return split.explode("key").filter(pl.col("key").str.len_chars() > 1).unique()


def _masks(values: pl.DataFrame, *, masked: bool) -> KeyTable:
    """First six and last four characters, of masked numbers or of whole ones.

    Masked numbers are only held against whole ones: two whole numbers that share these are two
    people of one district.
    """
    starred = pl.col("v").str.contains("*", literal=True)
    if masked:
        shown = pl.col("v").str.extract_groups(r"^([0-9]{6})[0-9*]{5,8}([0-9]{3}[0-9X])$")
        groups = shown.struct.field("1") + shown.struct.field("2")
        return values.filter(starred).select("c", key=groups).drop_nulls()
    ends = pl.col("v").str.slice(0, 6) + pl.col("v").str.slice(-4)
    return values.filter(~starred & (pl.col("v").str.len_bytes() == 18)).select("c", key=ends)


_PARTS: dict[str, Callable[[pl.DataFrame, str], KeyTable]] = {
    "": _plain(pl.col("v")),
    "whole": _plain(pl.col("v")),
    "start": _plain(pl.col("v").str.slice(0, _START)),
    "end": _plain(pl.col("v").str.slice(-_END)),
    "year": _plain(pl.col("v").str.slice(0, 4)),
    "area": _plain(pl.col("v").str.extract(r"^([0-9]{6})")),
    "sound": _sound,
    "near": _near,
    "words": _words,
}
