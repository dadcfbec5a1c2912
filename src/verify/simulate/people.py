"""Synthetic people: who they are, before any department writes them down."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from verify.simulate.dice import Dice
from verify.simulate.names import Name
from verify.simulate.spelling import number_for

# GB/T 2260: the districts of Shanghai, and former ones whose codes live on in numbers
# (卢湾, 闸北, 南汇 district; 川沙, 南汇, 奉贤, 松江, 青浦, 崇明 county).
SHANGHAI = (
    "310101", "310104", "310105", "310106", "310107", "310109", "310110", "310112", "310113",
    "310114", "310115", "310116", "310117", "310118", "310120", "310151",
)  # fmt: skip
_SHANGHAI_FORMER = (
    "310103", "310108", "310119", "310224", "310225", "310226", "310227", "310229", "310230",
)  # fmt: skip
# One central district or county each of other provinces, none of them among `_ETHNIC`.
_ELSEWHERE = (
    "110101", "120101", "130102", "140105", "150102", "210102", "220102", "230102", "320102",
    "320508", "321002", "330102", "330203", "330602", "340102", "340202", "341102", "350102",
    "360102", "361102", "370102", "410102", "411502", "420102", "430102", "440103", "450102",
    "460105", "500103", "510104", "520102", "530102", "610102", "620102", "630102",
    "640104", "650102",
)  # fmt: skip
_ETHNIC = {
    "uyghur": ("652101", "653101", "653201"),
    "tibetan": ("540102", "542301", "513229"),
    "yi": ("513401", "513431", "532301"),
}
AREAS = {
    "shanghai": SHANGHAI,
    "shanghai_before_1990": SHANGHAI + _SHANGHAI_FORMER,
    "elsewhere": _ELSEWHERE,
    **_ETHNIC,
}
"""Area codes by place of first registration. The counties of Shanghai became districts, and the
districts merged, between 1990 and 2010: older numbers hold codes that no district has today."""
_SERIALS, _DAYS, _STEP = 500, 365, 1_000_003  # the step is prime: it visits every slot once


@dataclass(frozen=True)
class Person:
    """A synthetic person as the population register has them. `sex` is `m` or `f`."""

    name: str
    sex: str
    birth: dt.date
    id_number: str
    style: str = "han"
    family: str = ""
    former_name: str = ""
    phone: str = ""
    address: str = ""


@dataclass
class Member:
    """A person's place in an application. `work` steers what they earn and own."""

    key: str
    person: Person
    relation: str
    role: str = "member"
    work: str = "none"  # worker | pensioner | unemployed | trader | student | child | none
    circumstances: list[dict[str, Any]] = field(default_factory=list)
    support: dict[str, str] | None = None


class NumberOffice:
    """Gives out identity numbers, none twice.

    One counter per (place, year, sex) walks through all (area, day, serial) slots of that year
    in an order fixed by the seed; memory does not grow with the number of people.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._used: Counter[tuple[str, int, str]] = Counter()

    def number(self, place: str, year: int, sex: str) -> tuple[str, dt.date]:
        """A number that nobody has yet, and the date of birth in it.

        Raises:
            OverflowError: when a year's numbers are used up (over 1.6 million people of one sex
                born in one year and place).
        """
        key = (place, year, sex)
        areas = _areas(place, year)
        slots = len(areas) * _DAYS * _SERIALS
        count = self._used[key]
        if count >= slots:
            raise OverflowError(f"no identity numbers left for births of {year}")
        self._used[key] += 1
        slot = (count * _STEP + self._seed * 7919 + year * 104_729) % slots
        rest, area = divmod(slot, len(areas))
        serial, day = divmod(rest, _DAYS)
        birth = dt.date(year, 1, 1) + dt.timedelta(days=day)
        return number_for(areas[area], birth.isoformat().replace("-", ""), serial, sex), birth

    def register(
        self, dice: Dice, name: Name, sex: str, year: int, *, address: str = "", local: bool = True
    ) -> Person:
        """A new person with this name."""
        place = name.style if name.style != "han" else "shanghai" if local else "elsewhere"
        number, birth = self.number(place, year, sex)
        return Person(
            name=name.full,
            sex=sex,
            birth=birth,
            id_number=number,
            style=name.style,
            family=name.family,
            phone=phone(dice) if year < 2010 else "",
            address=address,
        )


def _areas(place: str, year: int) -> tuple[str, ...]:
    return AREAS["shanghai_before_1990" if place == "shanghai" and year < 1990 else place]


def phone(dice: Dice) -> str:
    """A telephone number of a prefix (100) that no operator has."""
    return f"100{dice.below(100_000_000):08d}"


def street_address(dice: Dice, *, rural: bool) -> str:
    """An address in a street or village that does not exist."""
    if rural:
        return f"示例镇 虚构村 {dice.between(1, 24)} 组 {dice.between(1, 99)} 号"
    return (
        f"示例路 {dice.between(1, 999)} 弄 {dice.between(1, 60)} 号 "
        f"{dice.between(1, 18)}{dice.between(1, 6):02d} 室"
    )
