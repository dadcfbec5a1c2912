"""Other people's rows that come back when a household is asked about.

Departments search by name as well as by number, so namesakes turn up; banks mix up customers;
and every register is full of people who have nothing to do with anybody here.
"""

from __future__ import annotations

from verify.domain.money import yuan_text
from verify.simulate.books import Books, Writing, stranger
from verify.simulate.corruption import Corruption
from verify.simulate.earnings import WINDOW, company
from verify.simulate.families import Family
from verify.simulate.holdings import vehicle
from verify.simulate.people import Member, Person
from verify.simulate.spelling import masked


def add_strangers(books: Books, family: Family) -> None:
    """Enter the namesakes of each member, mix-ups, and somebody unrelated."""
    for member in family.members:
        for kind in _KINDS:
            if books.dice.chance(getattr(books.rates, kind.value)):
                _rows(books, _other(books, member, kind))
    if books.dice.chance(books.rates.stranger):
        _rows(books, books.stranger(Corruption.STRANGER))


_KINDS = (
    Corruption.NAMESAKE,
    Corruption.NAMESAKE_MASKED,
    Corruption.NAMESAKE_MASKED_FITS,
    Corruption.NAMESAKE_NO_ID,
    Corruption.SAME_ID_STRANGER,
)


def _other(books: Books, member: Member, kind: Corruption) -> Writing:
    """Another person whose row looks like the member's in name or in number."""
    if kind is Corruption.SAME_ID_STRANGER:
        return stranger(books.new_person(), kind, member.person.id_number)
    namesake = books.new_person(member.person.name)
    return stranger(namesake, kind, _number(kind, member.person, namesake))


def _number(kind: Corruption, member: Person, namesake: Person) -> str:
    if kind is Corruption.NAMESAKE_NO_ID:
        return ""
    if kind is Corruption.NAMESAKE_MASKED:
        return masked(namesake.id_number)
    if kind is Corruption.NAMESAKE_MASKED_FITS:
        # Born in the same district with the same last four digits: rare, and it happens.
        return masked(member.id_number)
    return namesake.id_number


def _rows(books: Books, other: Writing) -> None:
    """Something that would hurt the member if it were taken for theirs."""
    dice = books.dice
    which = dice.below(4)
    if which == 0:
        serial = books.serial()
        books.enter(
            "accounts",
            {
                **other.row(),
                "bank": "ICBK",
                "account": f"621{serial:015d}",
                "type": "deposit",
                "balance": yuan_text(dice.between(1, 60) * 1_000_000),
            },
            other,
        )
    elif which == 1:
        vehicle(books, other, "car", dice.between(5, 40) * 1_000_000)
    elif which == 2:
        company(books, other)
    else:
        amount = yuan_text(dice.between(30, 250) * 10_000)
        for month in WINDOW:
            books.single(
                "tax_incomes", other, item="wage", payer="某某公司", amount=amount, month=month
            )
