"""Telephones, addresses and birth dates given by a source beside name and number."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import Indel

from verify.identity.text import LONGEST_RAW, is_separator, one_width, over_long, simplify
from verify.scoring.levels import ADDRESS, BIRTH, PHONE, rank

LONGEST_ADDRESS = 128
_FEWEST_PHONE_DIGITS = 7
SHORTEST_PART = 6
_SIMILAR_PER_MILLE = 850

_B_EQUAL, _B_SWAPPED, _B_MISSING, _B_DIFFERENT = (
    rank(BIRTH, level) for level in ("equal", "swapped", "missing", "different")
)
_P_EQUAL, _P_PARTIAL, _P_MISSING, _P_DIFFERENT = (
    rank(PHONE, level) for level in ("equal", "partial", "missing", "different")
)
_A_EQUAL, _A_CONTAINED, _A_SIMILAR, _A_MISSING, _A_DIFFERENT = (
    rank(ADDRESS, level) for level in ("equal", "contained", "similar", "missing", "different")
)
_MOBILE = re.compile(r"(?:0{0,2}86)?(1[0-9]{10})", re.ASCII)
_MASKED_PHONE = re.compile(r"([0-9]+)\*+([0-9]+)", re.ASCII)
_NUMBERS = re.compile(r"[0-9]+", re.ASCII)


def birth_level(record: dt.date | None, person: dt.date | None) -> int:
    """Equal, day and month swapped, different, or not given."""
    if record is None or person is None:
        return _B_MISSING
    if record == person:
        return _B_EQUAL
    swapped = (record.year, record.month, record.day) == (person.year, person.day, person.month)
    return _B_SWAPPED if swapped else _B_DIFFERENT


def phone_form(raw: str | None) -> str:
    """Digits (and mask stars) of a telephone number without the country code; empty for none."""
    return _phone_form((raw or "")[: LONGEST_RAW + 1])


@lru_cache(maxsize=1 << 16)
def _phone_form(raw: str) -> str:
    typed = "".join(c for c in one_width(raw) if c in "0123456789*")[:32]
    if mobile := _MOBILE.fullmatch(typed):
        return mobile.group(1)
    enough = sum(c != "*" for c in typed) >= _FEWEST_PHONE_DIGITS
    return typed if enough else ""


def phone_level(record: str, person: str) -> int:
    """Compare two `phone_form`s: a mask or a left-out area code leaves a partial agreement."""
    if not record or not person or "*" in person:
        return _P_MISSING
    if record == person:
        return _P_EQUAL
    if mask := _MASKED_PHONE.fullmatch(record):
        head, tail = mask.groups()
        fits = len(record) == len(person) and person.startswith(head) and person.endswith(tail)
        return _P_PARTIAL if fits else _P_DIFFERENT
    ends = record.endswith(person) or person.endswith(record)
    return _P_PARTIAL if ends else _P_DIFFERENT


@dataclass(frozen=True, slots=True)
class AddressForm:
    """Normal form of an address (as for names, 128 characters) and the numbers in it, in order."""

    text: str
    numbers: tuple[str, ...]
    cut: bool


def address_form(raw: str | None) -> AddressForm:
    """The normal form of an address as written anywhere; empty for none."""
    return _address_form((raw or "")[: LONGEST_RAW + 1])


@lru_cache(maxsize=1 << 16)
def _address_form(raw: str) -> AddressForm:
    simple = simplify(one_width(raw).casefold())
    numbers = tuple(_NUMBERS.findall(simple[:LONGEST_ADDRESS]))
    whole = "".join(c for c in simple if not is_separator(c))
    text = whole[:LONGEST_ADDRESS]
    return AddressForm(text, numbers, len(whole) > len(text) or over_long(raw))


def address_level(record: AddressForm, person: AddressForm) -> int:
    """Compare two addresses; similar text with other house numbers is another address."""
    a, b = record.text, person.text
    if not a or not b:
        return _A_MISSING
    if a == b:
        return _A_CONTAINED if record.cut or person.cut else _A_EQUAL
    short, long = (a, b) if len(a) < len(b) else (b, a)
    if len(short) >= SHORTEST_PART and short in long:
        return _A_CONTAINED
    if record.numbers != person.numbers or not record.numbers:
        return _A_DIFFERENT
    # Integers throughout: similarity = 1 - distance / (sum of lengths), in per mille.
    total = len(a) + len(b)
    similar = (total - Indel.distance(a, b)) * 1000 >= _SIMILAR_PER_MILLE * total
    return _A_SIMILAR if similar else _A_DIFFERENT
