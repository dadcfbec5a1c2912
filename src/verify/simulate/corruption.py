"""What happens to a name and a number on their way into a department's books."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, fields

from verify.simulate import spelling
from verify.simulate.dice import PER_MILLE, Dice
from verify.simulate.people import Person


class Corruption(enum.StrEnum):
    """How a row differs from the person it belongs to, or why it belongs to nobody asked about.

    The first group happens to people's own rows; the second makes rows of other people.
    """

    NONE = "none"
    ID_15 = "id_15"  # first-generation number
    ID_DIGIT = "id_digit"  # one digit wrong
    ID_SWAP = "id_swap"  # two neighbours swapped
    ID_LETTERS = "id_letters"  # O for 0, I for 1
    ID_FULL_WIDTH = "id_full_width"
    ID_LOWER_X = "id_lower_x"
    ID_MASKED = "id_masked"
    ID_MISSING = "id_missing"
    NAME_FORMER = "name_former"  # stale name
    NAME_PINYIN = "name_pinyin"  # Latin letters for a rare character
    NAME_VARIANT = "name_variant"  # variant or look-alike character
    NAME_TRADITIONAL = "name_traditional"
    NAME_HOMOPHONE = "name_homophone"
    NAME_SEPARATOR = "name_separator"  # the · of an ethnic name lost or replaced

    NAMESAKE = "namesake"  # same name, a number of one's own
    NAMESAKE_MASKED = "namesake_masked"  # same name, masked number that does not fit
    NAMESAKE_MASKED_FITS = "namesake_masked_fits"  # same name, masked number that fits
    NAMESAKE_NO_ID = "namesake_no_id"  # same name, no number
    SAME_ID_STRANGER = "same_id_stranger"  # the member's number under a stranger's name
    CO_OWNER = "co_owner"  # a stranger who shares a member's account or title
    STRANGER = "stranger"  # nobody related


@dataclass(frozen=True)
class CorruptionRates:
    """How often each thing happens, per thousand. Stored beside what was generated.

    The defaults are a stress level, several times what a well-kept register has, so that a
    hundred households show every kind; no published rate exists for most of them. The first
    group is per series of rows (a payer, an account, a title) of a person to whom it can happen;
    the second per member; the third per household or person.
    """

    id_15: int = 40
    id_digit: int = 15
    id_swap: int = 12
    id_letters: int = 8
    id_full_width: int = 12
    id_lower_x: int = 150
    id_masked: int = 25
    id_missing: int = 12
    name_former: int = 400
    name_pinyin: int = 250
    name_variant: int = 40
    name_traditional: int = 15
    name_homophone: int = 20
    name_separator: int = 400

    namesake: int = 120
    namesake_masked: int = 20
    namesake_masked_fits: int = 12
    namesake_no_id: int = 30
    same_id_stranger: int = 8

    stranger: int = 60  # per household: a row of nobody related
    unreported: int = 90  # per account: not mentioned in the declaration
    former_names: int = 50  # per adult: has borne another name
    former_name_told: int = 600  # of those: it is given in the application
    rare_character: int = 25  # per person: of Chinese family names
    ethnic: int = 60  # per household: Uyghur, Tibetan or Yi naming custom
    deceased: int = 6  # per pensioner: a death notice reached the pension office

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) <= PER_MILLE:
                raise ValueError(f"{field.name} is a number per thousand")


_Mishap = tuple[Corruption, Callable[[str, str, Dice], tuple[str, str]]]
_MISHAPS: tuple[_Mishap, ...] = (
    (Corruption.NAME_SEPARATOR, lambda n, i, d: (spelling.separator(n, d), i)),
    (Corruption.NAME_PINYIN, lambda n, i, d: (spelling.pinyin_for_rare(n), i)),
    (Corruption.ID_LOWER_X, lambda n, i, d: (n, spelling.lower_x(i))),
    (Corruption.ID_15, lambda n, i, d: (n, spelling.fifteen_digits(i))),
    (Corruption.NAME_VARIANT, lambda n, i, d: (spelling.variant(n), i)),
    (Corruption.ID_MASKED, lambda n, i, d: (n, spelling.masked(i))),
    (Corruption.NAME_HOMOPHONE, lambda n, i, d: (spelling.homophone(n, d), i)),
    (Corruption.NAME_TRADITIONAL, lambda n, i, d: (spelling.traditional(n), i)),
    (Corruption.ID_DIGIT, lambda n, i, d: (n, spelling.wrong_digit(i, d))),
    (Corruption.ID_SWAP, lambda n, i, d: (n, spelling.swapped(i, d))),
    (Corruption.ID_FULL_WIDTH, lambda n, i, d: (n, spelling.full_width(i))),
    (Corruption.ID_MISSING, lambda n, i, d: (n, "")),
    (Corruption.ID_LETTERS, lambda n, i, d: (n, spelling.letters(i))),
)


def as_written(
    person: Person, rates: CorruptionRates, dice: Dice, *, by_number: bool = False
) -> tuple[str, str, Corruption]:
    """Name and number as a department wrote them, and what went wrong, if anything.

    At most one thing goes wrong at a time, so that its effect can be measured. A department that
    is searched `by_number` alone (social insurance) keeps the number itself intact.
    """
    name, number = person.name, person.id_number
    if person.former_name and dice.chance(rates.name_former):
        return person.former_name, number, Corruption.NAME_FORMER
    for kind, mishap in _MISHAPS:
        if by_number and kind.startswith("id_"):
            continue
        if dice.chance(getattr(rates, kind.value)):
            written = mishap(name, number, dice)
            if written != (name, number):
                return *written, kind
    return name, number, Corruption.NONE
