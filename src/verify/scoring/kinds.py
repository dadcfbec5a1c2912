"""The closed vocabulary of linking registers: kinds of column, and how well two values may agree.

A *kind* says how a value is normalised and compared; its levels stand strongest first and
`missing` last (it always weighs nothing). As in `scoring.levels`, content decides what a level
weighs, never which levels there are, and estimated weights never rise with less agreement.
"""

from __future__ import annotations

from typing import Final

MISSING: Final = "missing"

KINDS: Final[dict[str, tuple[str, ...]]] = {
    # One word of a name: given name, surname, patronymic.
    "name_part": (
        "exact",
        "swapped",  # the two name columns changed places
        "one_edit",  # one letter added, lost or changed, or two neighbours swapped
        "close",  # Jaro-Winkler of 900 per mille, or one starts with the other (Rob, Robert)
        "sound",  # sounds alike
        "partial",  # Jaro-Winkler of 780 per mille
        "different",
        MISSING,
    ),
    # A whole name in one column, parts in any order.
    "full_name": (
        "exact",  # the same parts in any order
        "contained",  # all parts of one are parts of the other
        "one_edit",
        "close",
        "partial",
        "different",
        MISSING,
    ),
    # An identifier: any letters and digits, no check digit known.
    "number": ("exact", "one_edit", "two_edits", "different", MISSING),
    "date": (
        "exact",
        "swapped",  # day and month changed places
        "one_edit",
        "two_parts",  # two of year, month and day agree
        "year",
        "different",
        MISSING,
    ),
    "phone": ("exact", "ending", "one_edit", "different", MISSING),
    "email": ("exact", "same_user", "close", "different", MISSING),
    "address": ("exact", "swapped", "close", "similar", "partial", "different", MISSING),
    "place": ("exact", "swapped", "one_edit", "close", "different", MISSING),
    "code": ("exact", "swapped", "one_edit", "different", MISSING),
    "category": ("exact", "one_edit", "different", MISSING),
    "text": ("exact", "close", "similar", "different", MISSING),
    # Chinese: the comparisons of `scoring.levels` between two registers.
    "han_name": (
        "exact",
        "former",  # equals another name that is given, such as a former one
        "variant",
        "romanised",
        "homophone",
        "one_character",
        "surname_only",
        "different",
        MISSING,
    ),
    "cn_id": (
        "exact",  # the same valid number, 15-digit and repaired forms included
        "near",  # one digit off or two neighbours swapped, where no check digit speaks for it
        "masked",
        "invalid_different",
        "same_birth_sex",
        "masked_different",
        "different",
        MISSING,
    ),
    # A unified social credit code (GB 32100), of an employer or a company.
    "org_code": ("exact", "one_edit", "different", MISSING),
    # What the other members of a household add (`identity.context`).
    "context": ("member", "apart", MISSING),
    "han_address": ("exact", "contained", "similar", "different", MISSING),
}

# What a blocking key may take of a field: its normal form, or less of it.
PARTS: Final = ("whole", "sound", "start", "end", "year", "near", "words", "mask", "area")


def level_rank(kind: str, level: str) -> int:
    """Place of a level in its kind, 0 the strongest."""
    return KINDS[kind].index(level)
