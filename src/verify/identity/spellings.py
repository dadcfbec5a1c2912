"""Normal forms of whole columns, by kind (`scoring.kinds`), for linking registers.

Each function takes a column of *distinct* raw values (as text) and returns the normal form beside
each, null where nothing usable is given. Plain values take a vectorised path; only the rest is
looked at one by one. Nothing reads more than `LONGEST_RAW` characters of a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from verify.identity.contacts import address_form, phone_form
from verify.identity.names import name_form
from verify.identity.numbers import id_form
from verify.identity.text import LONGEST_RAW, one_width, simplify

LONGEST_TEXT = 128
_PLAIN_ID = r"^[1-9][0-9]{16}[0-9X]$"
_ASCII = r"^[\x20-\x7e]*$"
_NOT_WORD = r"[^a-z0-9]+"

Spelling = Callable[[pl.Series], pl.Series]


def _slowly(values: pl.Series, form: Callable[[str], str | None]) -> pl.Series:
    return pl.Series(values.name, [form(v) for v in values.to_list()], dtype=pl.String)


def _mixed(
    values: pl.Series, plain: pl.Series, fast: pl.Series, slow: Callable[[str], str | None]
) -> pl.Series:
    """`fast` where `plain`, else `slow` of each remaining value."""
    rest = (~plain).arg_true()
    if not len(rest):
        return fast
    return fast.clone().scatter(rest, _slowly(values.gather(rest), slow))


@lru_cache(maxsize=1 << 16)
def latin(raw: str) -> str:
    """Lower-case Latin letters, digits and single spaces for text in any script."""
    from anyascii import anyascii

    return " ".join(re.sub(_NOT_WORD, " ", anyascii(one_width(raw)).casefold()).split())[
        :LONGEST_TEXT
    ]


def words(values: pl.Series) -> pl.Series:
    """Latin words separated by single spaces."""
    short = values.str.slice(0, LONGEST_RAW)
    fast = (
        short.str.to_lowercase()
        .str.replace_all(_NOT_WORD, " ")
        .str.strip_chars()
        .str.slice(0, LONGEST_TEXT)
    )
    return _mixed(short, short.str.contains(_ASCII), fast, latin)


def joined(values: pl.Series) -> pl.Series:
    """Latin letters and digits without spaces (`Elk i` and `Elki` are one)."""
    return words(values).str.replace_all(" ", "", literal=True)


def sorted_words(values: pl.Series) -> pl.Series:
    """Latin words in alphabetical order, so that the order of names does not matter."""
    return words(values).str.split(" ").list.sort().list.join(" ")


def mailbox(values: pl.Series) -> pl.Series:
    """An e-mail address in lower case, without spaces."""
    plain = values.str.slice(0, LONGEST_TEXT)
    return plain.str.to_lowercase().str.replace_all(r"\s+", "")


_YMD = r"^\D*(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?:\D.*)?$"
_DMY = r"^\D*(\d{1,2})\D{1,2}(\d{1,2})\D{1,2}(\d{4})\D*$"


def date_digits(values: pl.Series) -> pl.Series:
    """A date as `YYYYMMDD` (or `YYYY`, `YYYYMM`), from the usual ways of writing it.

    Day-month-year is read unless a column's own values only make sense month first.
    """
    text = _mixed(
        values.str.slice(0, 40),
        values.str.contains(_ASCII),
        values.str.slice(0, 40),
        one_width,
    )
    frame = pl.DataFrame({"t": text}).with_columns(
        a=pl.col("t").str.extract_groups(_YMD), b=pl.col("t").str.extract_groups(_DMY)
    )
    ymd = [frame["a"].struct.field(str(i)) for i in (1, 2, 3)]
    one, two, year = [frame["b"].struct.field(str(i)) for i in (1, 2, 3)]
    month_first = bool(
        ((two.cast(pl.Int32) > 12).sum() or 0) > 0 and ((one.cast(pl.Int32) > 12).sum() or 0) == 0
    )
    month, day = (one, two) if month_first else (two, one)
    digits = text.str.replace_all(r"[^0-9]", "").str.slice(0, 8)
    return pl.select(
        pl.coalesce(
            ymd[0] + ymd[1].str.zfill(2) + ymd[2].str.zfill(2),
            year + month.str.zfill(2) + day.str.zfill(2),
            pl.when(digits.str.len_bytes() >= 4).then(digits),
        ).alias(values.name)
    ).to_series()


def alphanumeric(values: pl.Series) -> pl.Series:
    """Letters and digits of an identifier or code, upper case, one width."""
    short = values.str.slice(0, LONGEST_RAW)
    fast = short.str.to_uppercase().str.replace_all(r"[^A-Z0-9]+", "").str.slice(0, 64)
    return _mixed(
        short,
        short.str.contains(_ASCII),
        fast,
        lambda raw: re.sub(r"[\W_]+", "", one_width(raw).upper())[:64],
    )


def telephone(values: pl.Series) -> pl.Series:
    """Digits (and mask stars) of a telephone number; mobile numbers without country code."""
    return _slowly(values.str.slice(0, LONGEST_RAW + 1), phone_form)


def han_name(values: pl.Series) -> pl.Series:
    """`NameForm.text`: one width, one case, simplified, without separators."""
    return _slowly(values.str.slice(0, LONGEST_RAW + 1), lambda raw: name_form(raw).text)


def _plain_name(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    return values, _unchanging(values, values.str.contains(r"^[\u4e00-\u9fff]{2,4}$"))


@cache
def _changing() -> str:
    """A character class of the common ideographs that simplification changes."""
    return "[" + "".join(c for c in map(chr, range(0x4E00, 0xA000)) if simplify(c) != c) + "]"


def _unchanging(texts: pl.Series, plain: pl.Series) -> pl.Series:
    """Which of the `plain` texts hold no character that simplification would change."""
    return plain & ~texts.str.contains(_changing())


def citizen_id(values: pl.Series) -> pl.Series:
    """The valid 18-digit number a value stands for, else the text that can be compared."""

    def form(raw: str) -> str:
        read = id_form(raw)
        return read.number or read.text

    return _slowly(values.str.slice(0, LONGEST_RAW + 1), form)


def _plain_id(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """A well-formed number with a right check digit and an existing date is its own form."""
    upper = values.str.to_uppercase()
    return upper, upper.str.contains(_PLAIN_ID) & _checks(upper)


_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@cache
def _sums() -> tuple[NDArray[np.uint8], ...]:
    """Weighted sums modulo 11 of every group of digits: 2, then five groups of 3."""
    found = []
    for start, size in ((0, 2), (2, 3), (5, 3), (8, 3), (11, 3), (14, 3)):
        weights = _WEIGHTS[start : start + size]
        sums = [
            sum(int(d) * w for d, w in zip(f"{n:0{size}d}", weights, strict=True)) % 11
            for n in range(10**size)
        ]
        found.append(np.array(sums, dtype=np.uint8))
    return tuple(found)


@cache
def _days() -> NDArray[np.bool_]:
    """Which of the numbers 0 to 9999 are a month and a day; 29 February always."""
    return np.array(
        [1 <= n // 100 <= 12 and 1 <= n % 100 <= _MONTH_DAYS[n // 100 - 1] for n in range(10_000)]
    )


def _checks(upper: pl.Series) -> pl.Series:
    """Check digit (GB 11643: ISO 7064 MOD 11-2) and date of 18-character numbers."""
    digits = upper.str.slice(0, 17).cast(pl.Int64, strict=False)
    good = digits.is_not_null() & (digits >= 10**16)
    if not good.any():
        return good
    at = digits.filter(good).to_numpy()
    high, low = (half.astype(np.uint32) for half in np.divmod(at, 10**9))
    total = np.zeros(len(at), dtype=np.uint8)
    groups = [high // 10**6, high // 10**3, high, low // 10**6, low // 10**3, low]
    for sums, group in zip(_sums(), groups, strict=True):
        total += sums[group % np.uint32(len(sums))]
    last = upper.filter(good).str.slice(17, 1)
    value = last.cast(pl.UInt8, strict=False).fill_null(10).to_numpy()
    shown = last.str.contains("^[0-9X]$").to_numpy()
    year, day = high % 100 * 100 + low // 10**7, low // 10**3 % 10**4
    leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    real = _days()[day] & ((day != 229) | leap) & (year >= 1880)
    return good.scatter(good.arg_true(), pl.Series(((total + value) % 11 == 1) & real & shown))


def han_address(values: pl.Series) -> pl.Series:
    """`AddressForm.text`: as for names; house numbers stay."""
    return _slowly(values.str.slice(0, LONGEST_RAW + 1), lambda raw: address_form(raw).text)


def _plain_address(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    solid = values
    for separator in " -#":  # the usual ones; literal replacement is several times faster
        solid = solid.str.replace_all(separator, "", literal=True)
    return solid, _unchanging(solid, solid.str.contains(r"^[\u4e00-\u9fff0-9a-z]{1,100}$"))


def _plain_phone(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    return values, values.str.contains(r"^1[0-9]{10}$")


def _plain_date(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    return values, values.str.contains(r"^[0-9]{8}$")


_CREDIT_LETTERS = str.maketrans("IOSZ", "1052")  # GB 32100 uses none of them


def credit_code(values: pl.Series) -> pl.Series:
    """A unified social credit code; letters it does not use are read as the digits they look like
    where the check character then agrees."""

    def form(raw: str) -> str:
        from stdnum.cn import uscc

        typed = re.sub(r"[\W_]+", "", one_width(raw).upper())[:64]
        read = typed.translate(_CREDIT_LETTERS)
        return read if uscc.is_valid(read) else typed

    return _slowly(values.str.slice(0, LONGEST_RAW), form)


SPELLINGS: dict[str, Spelling] = {
    "name_part": joined,
    "full_name": sorted_words,
    "number": alphanumeric,
    "date": date_digits,
    "phone": telephone,
    "email": mailbox,
    "address": words,
    "place": words,
    "code": joined,
    "category": joined,
    "text": words,
    "han_name": han_name,
    "cn_id": citizen_id,
    "org_code": credit_code,
    "han_address": han_address,
}


# Whole columns: forms, and which of them are right as they stand. The others go one by one.
PLAIN: dict[str, Callable[[pl.Series], tuple[pl.Series, pl.Series]]] = {
    "han_name": _plain_name,
    "cn_id": _plain_id,
    "han_address": _plain_address,
    "phone": _plain_phone,
    "date": _plain_date,
}


def citizen_id_birth(normal: pl.Series) -> pl.Series:
    """The birth date (`YYYYMMDD`) that whole numbers hold; null for masked and broken ones."""
    frame = pl.DataFrame({"n": normal})
    return frame.select(
        pl.when(pl.col("n").str.contains(_PLAIN_ID)).then(pl.col("n").str.slice(6, 8))
    ).to_series()


def is_whole_id(normal: pl.Series) -> pl.Series:
    """Whether normal forms of identity numbers are valid 18-digit numbers."""
    return normal.str.contains(_PLAIN_ID) & _checks(normal)
