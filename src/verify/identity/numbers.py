"""Identity numbers: their normal form, and how well two of them agree.

GB 11643 gives the reasoning its rules: the check digit finds every single wrong digit and every
swap of neighbours, so two *valid* numbers never differ by just one of these. A number one edit
away therefore either fails its own check digit or is a 15-digit number, which has none.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA, Hamming

from verify.domain.identifiers import lift_15_to_18, parse_citizen_id
from verify.identity.text import LONGEST_RAW, one_width, over_long
from verify.scoring.levels import ID, rank

LONGEST_ID = 32
_FEWEST_DIGITS = 12  # fewer are not an attempt at an identity number
_FEWEST_VISIBLE = 4  # of a masked number

_EXACT, _LIFTED, _REPAIRED, _NEAR, _MASKED, _MISSING, _INVALID, _BIRTH_SEX, _MASK_OFF, _OTHER = (
    rank(ID, level)
    for level in (
        "exact",
        "lifted",
        "repaired",
        "near",
        "masked",
        "missing",
        "invalid_different",
        "same_birth_sex",
        "masked_different",
        "different",
    )
)

_MASKED_FORM = re.compile(r"([0-9]*)([*#•●×X]{2,})([0-9]*X?)", re.ASCII)
# O and Q for 0; I, L and | for 1; Cyrillic Ha, Greek Chi and the times sign for X.
_REPAIR = str.maketrans({"O": "0", "Q": "0", "I": "1", "L": "1", "|": "1"})
_LOOKS_LIKE_X = str.maketrans({"\u0425": "X", "\u03a7": "X", "\u00d7": "X"})
_CLEAN = re.compile(r"[0-9A-Z*]*", re.ASCII)  # nothing to leave out: most values
_SHAPE = re.compile(r"[1-9][0-9]{16}[0-9X]", re.ASCII)


@dataclass(frozen=True, slots=True)
class IdForm:
    """Normal form of an identity number.

    `text` is what is compared character by character (repaired, at most 32 characters); `number`
    the valid 18-digit number it stands for, else empty; `level` the agreement that an equal
    number would have (exact, lifted or repaired); `fault` a stable code of what is wrong with it
    (`check_digit`, `shape`, `cut`), never a part of the number.
    """

    text: str
    number: str
    level: int
    head: str = ""
    tail: str = ""
    masked: bool = False
    fault: str = ""

    @property
    def given(self) -> bool:
        """Whether there is anything to compare."""
        return bool(self.number or self.masked or self.text)


_NONE = IdForm("", "", _MISSING)


def id_form(raw: str | None) -> IdForm:
    """The normal form of an identity number as written anywhere; empty for none.

    What holds too few digits to be an attempt at one (`无`, `0`, a passport number) is read as
    not given: it neither proves nor disproves anything.
    """
    # Cut before the cache, so that a hostile text is not kept in memory.
    return _id_form((raw or "")[: LONGEST_RAW + 1])


def whole_form(number: str) -> IdForm:
    """`id_form` of what is known to be a valid 18-digit number."""
    return IdForm(number, number, _EXACT)


@lru_cache(maxsize=1 << 16)
def _id_form(raw: str) -> IdForm:
    wide = one_width(raw)
    upper = wide.upper()
    typed = upper if _CLEAN.fullmatch(upper) else "".join(c for c in upper if not _is_noise(c))
    text = typed[:LONGEST_ID]
    cut = len(text) < len(typed) or over_long(raw)
    if masked := _masked(text):
        return masked
    straight = _number(text)
    if straight and not cut:
        level = _LIFTED if len(text) == 15 else _EXACT
        return IdForm(text, straight, level if wide == raw else _REPAIRED)
    repaired = text.translate(_REPAIR).translate(_LOOKS_LIKE_X)
    number = "" if cut else _number(repaired)
    if number:
        return IdForm(repaired, number, _REPAIRED)
    if sum(c in "0123456789" for c in repaired) < _FEWEST_DIGITS:
        return _NONE
    fault = "cut" if cut else "check_digit" if _SHAPE.fullmatch(repaired) else "shape"
    return IdForm(repaired, "", _MISSING, fault=fault)


def _is_noise(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] in "ZC" or category == "Pd"


def _number(text: str) -> str:
    try:
        return parse_citizen_id(text).number
    except ValueError:
        return ""


def _masked(text: str) -> IdForm | None:
    match = _MASKED_FORM.fullmatch(text)
    if match is None:
        return None
    head, _, tail = match.groups()
    if len(head) + len(tail) < _FEWEST_VISIBLE:
        return _NONE
    return IdForm(text, "", _MASKED, head[:17], tail[-17:], masked=True)


def id_level(record: IdForm, person: IdForm) -> int:
    """Rank of the agreement of a record's number with a person's (`scoring.levels`).

    A person's number that is itself invalid never confirms: the best it can be is near.
    """
    if not record.given or not person.given or person.masked:
        return _MISSING
    if not person.number:
        return _against_invalid(record, person)
    if record.number == person.number:
        return record.level
    if record.masked:
        return _masked_level(record, person.number)
    return _other_number(record, person.number)


def _against_invalid(record: IdForm, person: IdForm) -> int:
    if record.masked:
        return _MISSING
    near = OSA.distance(record.text, person.text, score_cutoff=1) <= 1
    return _NEAR if near else _INVALID


def _other_number(record: IdForm, number: str) -> int:
    if _near(record, number):
        return _NEAR
    if not record.number:
        return _INVALID
    return _BIRTH_SEX if _birth_sex(record.number) == _birth_sex(number) else _OTHER


def _short(number: str) -> str:
    """The 15-digit form of an 18-digit number."""
    return number[:6] + number[8:17]


def _near(record: IdForm, number: str) -> bool:
    """One digit off or two neighbours swapped, where no check digit speaks for the record."""
    is_short = len(record.text) <= 16 and (not record.number or len(record.text) == 15)
    if record.number and not is_short:
        return False  # a valid 18-digit number is never an edit away from another
    if is_short and number != lift_15_to_18(_short(number)):
        return False  # born after 1999: never had a 15-digit number
    target = _short(number) if is_short else number
    return OSA.distance(record.text, target, score_cutoff=1) <= 1


def _masked_level(record: IdForm, number: str) -> int:
    """Compare what a masked number shows; a 15-digit mask is held against the 15-digit form."""
    target = _short(number) if len(record.text) == 15 else number
    head, tail = record.head, record.tail
    off = Hamming.distance(head, target[: len(head)]) if head else 0
    off += Hamming.distance(tail, target[-len(tail) :]) if tail else 0
    if off == 0:
        return _MASKED
    return _INVALID if off == 1 else _MASK_OFF


def _birth_sex(number: str) -> tuple[str, int]:
    return number[6:14], int(number[16]) % 2
