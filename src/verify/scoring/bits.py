"""Logarithms of declared probabilities as integers, the same on every platform.

A weight is evidence in *milli-bits*: 1000 x log2 of a likelihood ratio. Logarithms are taken once,
when content is read, in decimal arithmetic with 40 digits (`Decimal.ln` is correctly rounded, so
unlike a C library's `log2` it cannot differ between platforms) and rounded half-even to an
integer. From there on only integers are added and compared.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN)
_LN2 = _CONTEXT.ln(Decimal(2))


def millibits(ratio: Fraction) -> int:
    """`1000 x log2(ratio)`, rounded half-even; 2/1 is 1000, 1/2 is -1000.

    Raises:
        ValueError: the ratio is not positive.
    """
    if ratio <= 0:
        raise ValueError("only a positive ratio has a logarithm")
    ln = _CONTEXT.subtract(
        _CONTEXT.ln(Decimal(ratio.numerator)), _CONTEXT.ln(Decimal(ratio.denominator))
    )
    scaled = _CONTEXT.multiply(_CONTEXT.divide(ln, _LN2), Decimal(1000))
    return int(scaled.to_integral_value(rounding=ROUND_HALF_EVEN))


def log_odds(probability: Fraction) -> int:
    """Milli-bits of the odds `p / (1 - p)`; 1/2 is 0."""
    return millibits(probability / (1 - probability))
