"""What every comparison of text starts with: one width, one case, one script, a bounded length.

Nothing looks at more than `LONGEST_RAW` characters, so that no text, however hostile, costs more
than a few microseconds; what was cut is marked and never counts as an exact agreement. The
original text is untouched: records and applications keep it, these forms stand beside it.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import opencc

# Dots that Unicode files under mathematics, letters or marks but registers use between parts.
_DOTS = frozenset("\u2219\u22c5\u02d9\u0307\u318d`\u00b4")
LONGEST_RAW = 400  # characters read at all, before normalisation (NFKC can lengthen and shorten)


class _Simplified(dict[int, str]):
    """Translation table to simplified characters, filled as characters are met.

    Character by character on purpose: OpenCC's phrase rules read context (乾隆 but 干), and a
    name must normalise the same whatever stands beside a character. Bounded by Unicode itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._convert = opencc.OpenCC("t2s").convert

    def __missing__(self, code: int) -> str:
        char = chr(code)
        simple = str(self._convert(char)) if is_han(char) else char
        self[code] = simple
        return simple


@cache
def _table() -> _Simplified:
    return _Simplified()


def simplify(text: str) -> str:
    """Traditional characters as simplified ones; everything else as it is."""
    return text if text.isascii() else text.translate(_table())


def is_han(char: str) -> bool:
    """Whether a character is a Chinese ideograph (any plane, compatibility forms included)."""
    return (
        "\u3400" <= char <= "\u9fff"
        or "\U00020000" <= char <= "\U0003ffff"
        or "\uf900" <= char <= "\ufaff"
        or char == "\u3007"  # 〇
    )


def one_width(text: str) -> str:
    """NFKC of the first `LONGEST_RAW` characters: full-width and compatibility forms unified."""
    return unicodedata.normalize("NFKC", text[:LONGEST_RAW])


def over_long(raw: str | None) -> bool:
    """Whether `one_width` leaves something of the text out."""
    return raw is not None and len(raw) > LONGEST_RAW


def is_separator(char: str) -> bool:
    """Spaces, dots between the parts of a name, punctuation, invisible and control characters.

    Private-use and unassigned characters are not: they stand for a character a font lacks.
    """
    category = unicodedata.category(char)
    return char in _DOTS or (category[0] in "ZPC" and category not in ("Co", "Cn"))
