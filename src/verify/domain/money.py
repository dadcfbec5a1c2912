"""Money is an integer number of minor units (1 yuan = 100 fen); floats never hold money."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import NewType

Fen = NewType("Fen", int)

_YUAN = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)


def fen_from_yuan(text: str) -> Fen:
    """Read a decimal yuan amount (`"1595"`, `"38280.50"`) exactly.

    Raises:
        ValueError: for anything else: more than two decimals, exponents, separators, signs but
            a leading minus, more than 13 integer digits.
    """
    if not _YUAN.fullmatch(text):
        raise ValueError("an amount in yuan has up to 13 digits and at most two decimals")
    return Fen(int(Decimal(text).scaleb(2)))


_MINOR = {"fen": "CNY", "cent": "USD", "penny": "GBP"}
_WORDS = {"CNY": ("元", "¥"), "USD": ("美元", "$"), "GBP": ("英镑", "£")}


def currency_of(unit: str) -> str | None:
    """`cent_per_month` -> `USD`; None where the unit is not one of money."""
    return _MINOR.get(unit.partition("_per_")[0])


def money_words(amount: int, currency: str) -> tuple[str, str]:
    """Minor units for people, in Chinese and English: `1200050` -> `12,000.50 元`, `¥12,000.50`."""
    major, sign = _WORDS[currency]
    minus = "-" if amount < 0 else ""
    return f"{yuan_display(amount)} {major}", f"{minus}{sign}{yuan_display(abs(amount))}"


def yuan_text(fen: int) -> str:
    """`159500` -> `"1595.00"`: exact, for machines and documents."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def yuan_display(fen: int) -> str:
    """`3828000` -> `"38,280"`, `150` -> `"1.50"`: for people."""
    sign = "-" if fen < 0 else ""
    whole, rest = divmod(abs(fen), 100)
    return f"{sign}{whole:,}" + (f".{rest:02d}" if rest else "")
