"""The way out of the mapping grammar: named, pure, tested functions from text to text.

A declaration names at most one of them for a value. Each raises ValueError for a text that it
does not read exactly; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_GROUPED = re.compile(r"-?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_WIDE = {ord("０") + n: str(n) for n in range(10)} | {
    ord("．"): ".", ord("－"): "-", ord("／"): "/", ord("Ｘ"): "X", ord("ｘ"): "X", 0x3000: " ",
}  # fmt: skip

_DIGITS = {c: n for n, cs in enumerate(("零〇", "壹一", "贰二", "叁三", "肆四", "伍五", "陆六",
                                          "柒七", "捌八", "玖九")) for c in cs}  # fmt: skip
_TENS = {"拾": 10, "十": 10, "佰": 100, "百": 100, "仟": 1000, "千": 1000}
_GROUPS = {"万": 10_000, "亿": 100_000_000}
_CAPITAL = re.compile(
    r"(?:人民币)?([^元圆角分整正]+)[元圆](?:([^角分])角)?零?(?:([^角分])分)?[整正]?"
)


def ungrouped(text: str) -> str:
    """`12,345.60` as `12345.60`; a comma anywhere else is refused."""
    if not _GROUPED.fullmatch(text):
        raise ValueError("not a number with groups of three")
    return text.replace(",", "")


def half_width(text: str) -> str:
    """Digits, full stop, hyphen, slash and X in their ASCII form, as old terminals never wrote."""
    return text.translate(_WIDE).strip()


def capital_amount(text: str) -> str:
    """`壹万贰仟元伍角整` as `12000.50`: the form in which deeds and passbooks state money."""
    found = _CAPITAL.fullmatch(text.strip())
    if not found:
        raise ValueError("not an amount in capital figures")
    whole, tenth, hundredth = found.groups()
    places = [_DIGITS.get(p, -1) if p else 0 for p in (tenth, hundredth)]
    if min(places) < 0:
        raise ValueError("not a figure")
    return f"{_whole(whole)}.{places[0]}{places[1]}"


def _whole(text: str) -> int:
    total, group, digit = 0, 0, None
    for character in text:
        if character in _DIGITS:
            if digit:
                raise ValueError("two figures without a place between them")
            digit = _DIGITS[character]
        elif character in _TENS:
            group += (1 if digit is None else digit) * _TENS[character]
            digit = None
        elif character in _GROUPS:
            total += (group + (digit or 0)) * _GROUPS[character]
            group, digit = 0, None
        else:
            raise ValueError("not a figure")
    return total + group + (digit or 0)


def marriage_number_year(text: str) -> str:
    """The year in a marriage certificate number such as `J310104-2015-000123`."""
    parts = text.split("-")
    if len(parts) != 3 or not re.fullmatch(r"(19|20)[0-9]{2}", parts[1], re.ASCII):
        raise ValueError("not a certificate number")
    return parts[1]


FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "capital_amount": capital_amount,
    "half_width": half_width,
    "marriage_number_year": marriage_number_year,
    "ungrouped": ungrouped,
}
