"""How often records go wrong: stated with every roster, changeable one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from verify.domain.errors import InputError, Problem
from verify.simulate.city.draws import MILLION


@dataclass(frozen=True)
class RosterRates:
    """Per million records, or of those to whom it can happen. Assumptions, no statistics.

    No register publishes such rates. They are set so that about one record in twenty-five has a
    damaged or missing number, one in a hundred a misspelt Han name and half of the names with a
    separator lack it, and so that wrong records (strangers, namesakes, mix-ups) come often enough
    to be counted. Number and name are struck independently: some records lose both.
    """

    # the number; at most one of these
    id_second: int = 500_000  # of people with a second number: it stands in this record
    id_15: int = 10_000  # of people born before 2000
    id_digit: int = 4_000
    id_swap: int = 2_500
    id_letters: int = 2_000
    id_full_width: int = 3_000
    id_lower_x: int = 150_000  # of numbers that end in X
    id_grouped: int = 2_000
    id_masked: int = 8_000
    id_missing: int = 1_500
    # the name; at most one of these
    name_former: int = 400_000  # of people who have borne another name
    name_separator: int = 400_000  # of names with a separator
    name_order: int = 50_000  # of names with a separator
    name_cut: int = 30_000  # of names with a separator
    name_pinyin: int = 250_000  # of names with a rare character
    name_variant: int = 4_000
    name_traditional: int = 3_000
    name_homophone: int = 4_000
    name_space: int = 8_000  # of names of two characters
    # what else the record says
    birth_swapped: int = 1_000  # day and month
    phone_stale: int = 80_000
    address_stale: int = 100_000
    address_spelt: int = 300_000  # the same address written another way
    # records of people who are not on the roster
    stranger: int = 20_000
    namesake: int = 5_000  # the name of somebody on the roster
    namesake_born_alike: int = 20  # and the date of birth
    namesake_masked: int = 100  # and a masked number of their own
    namesake_no_id: int = 100  # and no number
    same_id_stranger: int = 50  # a mix-up: the number of somebody on the roster
    # the roster
    former_name_told: int = 500_000  # of people who have borne another name: it is on the roster

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 <= getattr(self, field.name) <= MILLION:
                raise ValueError(f"{field.name} is a number per million")

    def group(self, prefix: str) -> dict[str, int]:
        """The rates whose names begin with `prefix`, in order."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name.startswith(prefix)}

    @classmethod
    def of(cls, given: Mapping[str, int]) -> RosterRates:
        """The usual rates with some replaced.

        Raises:
            InputError: a name is none of these, or a number is not per million.
        """
        known = [f.name for f in fields(cls)]
        problems = [
            Problem(f"/rates/{name}", "unknown-rate", "is no rate.", f"Known: {', '.join(known)}.")
            for name in given
            if name not in known
        ]
        problems += [
            Problem(f"/rates/{name}", "out-of-range", "is not per million.", "Give 0 to 1000000.")
            for name, value in given.items()
            if name in known and not 0 <= value <= MILLION
        ]
        if problems:
            raise InputError("the roster cannot be generated", problems=tuple(problems))
        return cls(**given)


OTHERS = ("stranger", "namesake", "namesake_born_alike", "namesake_masked", "namesake_no_id",
          "same_id_stranger")  # fmt: skip
"""Records of people who are not on the roster, by why they look as if."""
