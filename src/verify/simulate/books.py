"""The departments' books for one household, and the truth about every row in them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from verify.simulate.corruption import Corruption, CorruptionRates, as_written
from verify.simulate.dice import Dice
from verify.simulate.names import SURNAMES, name_person
from verify.simulate.people import Member, NumberOffice, Person

Row = dict[str, Any]
TABLES = (
    "tax_incomes", "tax_roles", "vehicles", "titles", "accounts", "contributions", "payouts",
    "statuses",
)  # fmt: skip


@dataclass(frozen=True)
class Writing:
    """One person as one department wrote them down, and whose writing it truly is.

    `person` is the key in the application, or None for anybody else.
    """

    name: str
    id_number: str
    person: str | None
    corruption: Corruption
    phone: str = ""

    def row(self) -> Row:
        """The columns of a register row that name the person."""
        row: Row = {"name": self.name}
        if self.id_number:
            row["id"] = self.id_number
        if self.phone:
            row["phone"] = self.phone
        return row


Entries = dict[str, list[tuple[Row, tuple[Writing, ...]]]]
"""By table: each row and its holders, in the order in which the row names them."""


@dataclass
class Books:
    """Rows by table, each with its holders; what people truly earned and own."""

    household: int
    dice: Dice
    office: NumberOffice
    rates: CorruptionRates
    rows: Entries = field(default_factory=lambda: {table: [] for table in TABLES})
    earned: Counter[tuple[str, str]] = field(default_factory=Counter)  # person, kind -> fen
    owned: Counter[tuple[str, str]] = field(default_factory=Counter)  # person, kind -> fen
    told: Counter[tuple[str, str]] = field(default_factory=Counter)  # declared: fen
    things: Counter[str] = field(default_factory=Counter)  # vehicles, dwellings, ...
    unreported: list[tuple[str, str, int]] = field(default_factory=list)  # account, person, fen
    _serial: int = 0

    def serial(self) -> int:
        """A number that no other object of the population has (up to 100 per household)."""
        self._serial += 1
        return self.household * 100 + self._serial

    def own(self, member: Member, *, by_number: bool = False) -> Writing:
        """A member as some department wrote them down, rightly or wrongly."""
        person = member.person
        name, number, corruption = as_written(person, self.rates, self.dice, by_number=by_number)
        phone = person.phone if self.dice.chance(300) else ""
        return Writing(name, number, member.key, corruption, phone)

    def stranger(self, corruption: Corruption) -> Writing:
        """Somebody whom the household may not even know."""
        return stranger(self.new_person(), corruption)

    def new_person(self, name: str = "", sex: str = "") -> Person:
        """Somebody outside the household; with `name`, a namesake."""
        dice = self.dice
        sex, year = sex or dice.one_of(("m", "f")), dice.between(1945, 2003)
        made = name_person(dice, sex, year, family=SURNAMES.draw(dice))
        person = self.office.register(dice, made, sex, year, local=dice.chance(600))
        if not name:
            return person
        return Person(name, sex, person.birth, person.id_number, phone=person.phone)

    def enter(self, table: str, row: Row, *holders: Writing) -> None:
        """Write a row. The first holder's columns are in the row already for single rows."""
        self.rows[table].append((row, holders))

    def single(self, table: str, holder: Writing, **columns: Any) -> None:
        """Write a row about one person."""
        self.enter(table, {**holder.row(), **columns}, holder)

    def sorted_rows(self) -> Entries:
        """Rows in an order that says nothing about whose they are."""
        return {
            table: sorted(rows, key=lambda entry: repr(entry[0]))
            for table, rows in self.rows.items()
        }


def stranger(person: Person, corruption: Corruption, id_number: str | None = None) -> Writing:
    """A row's holder who is nobody of the application."""
    number = person.id_number if id_number is None else id_number
    return Writing(person.name, number, None, corruption)
