"""The closed vocabulary of comparisons: fields, and how well two values may agree.

Levels stand strongest first, and that order is a promise: a higher level is more agreement, so
its weight may not be lower than that of the next one (checked when the content is read) and no
judgement falls when a level rises. `missing` stands where agreement turns into contradiction and
always weighs nothing. Content decides how much a level weighs, never which levels there are.
"""

from __future__ import annotations

from typing import Final

MISSING: Final = "missing"

NAME: Final = "name"
ID: Final = "id"
BIRTH: Final = "birth"
PHONE: Final = "phone"
ADDRESS: Final = "address"

LEVELS: Final[dict[str, tuple[str, ...]]] = {
    NAME: (
        "exact",  # equal after width, case, separators and traditional form are levelled
        "former",  # equals a former name the application states
        "variant",  # parts in another order, cut short, or a box for an unwritable character
        "romanised",  # pinyin written for one or all characters
        "homophone",  # other characters that sound the same
        "one_character",  # one character of three or more differs
        MISSING,
        "surname_only",
        "different",
    ),
    ID: (
        "exact",
        "lifted",  # a 15-digit number that lifts to the 18-digit one
        "repaired",  # equal once O/0, I/1 or full-width characters are read right
        "near",  # one digit off or two neighbours swapped, in a number that proves nothing itself
        "masked",  # every visible character agrees
        MISSING,
        "invalid_different",  # another number, but one that cannot be right
        "same_birth_sex",  # another valid number with the same birth date and sex
        "masked_different",  # two or more visible characters differ
        "different",  # another valid number
    ),
    BIRTH: ("equal", "swapped", MISSING, "different"),
    PHONE: ("equal", "partial", MISSING, "different"),
    ADDRESS: ("equal", "contained", "similar", MISSING, "different"),
}


def rank(field: str, level: str) -> int:
    """Place of a level in its field, 0 the strongest."""
    return LEVELS[field].index(level)
