"""What every comparison of text starts with: one width, one case, one script, a bounded length.

Comparison never sees more than `LONGEST` characters, so that no text, however hostile, costs more
than a few microseconds; what was cut is marked and never counts as an exact agreement. The
original text is untouched: records and applications keep it, these forms stand beside it.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import opencc

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


def is_separator(char: str) -> bool:
    """Spaces, dots between the parts of a name, punctuation, invisible and control characters."""
    return unicodedata.category(char)[0] in "ZPC" and unicodedata.category(char) not in ("Co", "Cn")
