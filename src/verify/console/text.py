"""Text from outside, made safe to look at.

Escaping against markup is the template engine's work. What it leaves are characters that lie to
the eye: direction overrides, invisible spaces, control characters. They are shown by their code
points, so that a name that pretends to be another can be seen to.
"""

from __future__ import annotations

import unicodedata

# Format characters that Chinese and minority scripts use rightfully: none is invisible alone.
_KEPT = frozenset({"\n"})
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def visible(value: object) -> str:
    """`value` as text with every invisible or direction-changing character spelt out."""
    return "".join(_shown(c) for c in str(value))


def _shown(char: str) -> str:
    if char in _KEPT or unicodedata.category(char) not in _HIDDEN:
        return char
    return f"⟦U+{ord(char):04X}⟧"
