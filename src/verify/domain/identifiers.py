"""GB 11643-1999 citizen identity numbers: shape, check digit, what the number itself says.

A valid check digit never proves identity; an invalid one proves that a digit is wrong.
Fuzzy repair and comparison live in `verify.identity`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import mul

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
# ASCII and fullmatch on purpose: `\d` takes full-width digits and `$` a trailing newline.
_ID18 = re.compile(r"[1-9][0-9]{16}[0-9X]", re.ASCII)
_ID15 = re.compile(r"[1-9][0-9]{14}", re.ASCII)


def check_digit(first17: str) -> str:
    """GB 11643-1999 check character: sum of digit x weight, modulo 11, looked up.

    Raises:
        ValueError: other than 17 digits.
    """
    if len(first17) != len(_WEIGHTS):
        raise ValueError("a check character is that of 17 digits")
    return _CHECKS[sum(map(mul, map(int, first17), _WEIGHTS)) % 11]


def lift_15_to_18(number: str) -> str:
    """Lift a 15-digit number: insert the century 19, append the check digit.

    Not valid for people born before 1900; those never met this system.
    """
    first17 = number[:6] + "19" + number[6:]
    return first17 + check_digit(first17)


@dataclass(frozen=True, slots=True)
class CitizenId:
    """A well-formed 18-digit number and what it says of itself."""

    number: str

    @property
    def area(self) -> str:
        """GB/T 2260 code of the place of first registration (it may since be merged away)."""
        return self.number[:6]

    @property
    def birth(self) -> dt.date:
        """Date of birth as encoded."""
        return dt.date(int(self.number[6:10]), int(self.number[10:12]), int(self.number[12:14]))


def parse_citizen_id(text: str) -> CitizenId:
    """Read an 18-digit number, or lift a 15-digit one.

    Raises:
        ValueError: says which part is impossible: shape, date of birth or check digit.
    """
    if _ID15.fullmatch(text):
        text = lift_15_to_18(text)
    if not _ID18.fullmatch(text):
        raise ValueError("it has 18 characters: 17 digits, then a digit or X")
    try:
        birth = dt.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        raise ValueError("digits 7 to 14 are not a date of birth") from None
    if birth.year < 1880:
        raise ValueError("digits 7 to 10 are not a year of birth of a living person")
    if check_digit(text[:17]) != text[17]:
        raise ValueError("the last character does not agree with the others (check digit)")
    return CitizenId(text)


def mask_id(text: str) -> str:
    """First six and last four characters; the rest stars. What reports and logs may show."""
    if len(text) < 12:
        return "*" * len(text)
    return text[:6] + "*" * (len(text) - 10) + text[-4:]


_ANY_ID18 = re.compile(r"(?<![0-9])[1-9][0-9]{16}[0-9Xx](?![0-9A-Za-z])", re.ASCII)


def is_synthetic(number: str, ranges: Iterable[str]) -> bool:
    """Whether a well-formed number lies in a range that is declared to belong to nobody.

    `ranges` are beginnings of numbers. `10` is one whatever is declared: no area code begins so
    (GB/T 2260 starts at 11).
    """
    return _well_formed(number) and number.startswith(("10", *ranges))


def real_looking(text: str, ranges: Iterable[str]) -> bool:
    """Whether a text holds a well-formed number outside the ranges that belong to nobody."""
    chosen = tuple(ranges)
    return any(
        _well_formed(n.upper()) and not is_synthetic(n.upper(), chosen)
        for n in _ANY_ID18.findall(text)
    )


def _well_formed(number: str) -> bool:
    try:
        parse_citizen_id(number)
    except ValueError:
        return False
    return True
