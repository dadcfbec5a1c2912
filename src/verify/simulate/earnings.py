"""What people live on: wages, pensions, benefits, trade.

All amounts are made up; they follow no statistic and no rule.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from verify.domain.money import yuan_text
from verify.domain.period import add_months, months_before
from verify.simulate.books import Books, Writing
from verify.simulate.dice import Dice
from verify.simulate.people import Member
from verify.simulate.spelling import credit_code

AS_OF = dt.date(2025, 5, 20)
_FIRST = months_before(AS_OF, 12).start
WINDOW = tuple(add_months(_FIRST, i).strftime("%Y-%m") for i in range(12))
_PAYERS = (
    "申邻超市有限公司", "顺达仓储有限公司", "明洁物业服务有限公司", "安心养老服务有限公司",
    "金麦食品有限公司", "迅捷速递有限公司", "永固五金厂", "平安停车管理有限公司",
    "云帆软件有限公司", "鸿源装饰工程有限公司", "联创机电有限公司", "美味餐饮管理有限公司",
)  # fmt: skip


def earn(books: Books, member: Member) -> None:
    """Enter a year's income of someone, and remember the truth about it."""
    _EARN.get(member.work, _nothing)(books, member)


def _months(dice: Dice) -> tuple[str, ...]:
    """Mostly the whole year; sometimes a job that began or ended within it."""
    if dice.chance(750):
        return WINDOW
    turn = dice.between(2, 10)
    return WINDOW[:turn] if dice.chance(500) else WINDOW[turn:]


def _worker(books: Books, member: Member) -> None:
    dice = books.dice
    wage = dice.between(23, 45 if dice.chance(700) else 120) * 10_000 + dice.below(10_000)
    payer, months = dice.one_of(_PAYERS), _months(dice)
    written = books.own(member)
    for month in months:
        books.single(
            "tax_incomes", written, item="wage", payer=payer, amount=yuan_text(wage), month=month
        )
    books.earned[member.key, "wage"] += wage * len(months)
    books.told[member.key, "wage"] += wage * len(months) // 12
    if dice.chance(800):
        insured = books.own(member, by_number=True)
        base = yuan_text(max(wage * 11 // 10, 500_000))
        for month in months:
            books.single("contributions", insured, month=month, base=base, employer=payer)
    if member.role == "member" and dice.chance(250) and wage * 2 >= 500_000:
        claim = {"kind": "wage_at_least_minimum", "document": f"JD-2025-{books.serial():08d}"}
        member.circumstances.append(claim)


def _pensioner(books: Books, member: Member) -> None:
    dice = books.dice
    written = books.own(member, by_number=True)
    if dice.chance(600):
        amount, central = dice.between(90, 420) * 1_000, 0
        item, kind = "employee_pension", "pension"
    else:
        amount, central = dice.between(110, 190) * 1_000, dice.between(10, 20) * 1_000
        item, kind = "resident_pension", "pension"
    for month in WINDOW:
        columns = {"month": month, "item": item, "amount": yuan_text(amount)}
        if central:
            columns["central_basic"] = yuan_text(central)
        books.single("payouts", written, **columns)
    books.earned[member.key, kind] += (amount - central) * 12
    if central:
        books.earned[member.key, "central_basic_pension"] += central * 12
    books.told[member.key, kind] += amount - central
    if dice.chance(80):
        extra = dice.between(50, 180) * 1_000
        for month in WINDOW:
            books.single(
                "payouts", written, month=month, item="preferential", amount=yuan_text(extra)
            )
        books.earned[member.key, "preferential_pension"] += extra * 12
    if member.role == "member" and dice.chance(books.rates.deceased):
        books.single("statuses", written, deceased_on=f"2025-04-{dice.between(1, 28):02d}")


def _unemployed(books: Books, member: Member) -> None:
    dice = books.dice
    amount, months = dice.between(90, 190) * 1_000, _months(dice)
    written = books.own(member, by_number=True)
    for month in months:
        books.single("payouts", written, month=month, item="unemployment", amount=yuan_text(amount))
    books.earned[member.key, "unemployment_benefit"] += amount * len(months)
    books.told[member.key, "unemployment_benefit"] += amount * len(months) // 12


def _trader(books: Books, member: Member) -> None:
    """Filed by the month, or known to the tax office per calendar year only."""
    dice, written = books.dice, books.own(member)
    takings = {f"2024-{m:02d}": dice.between(0, 500) * 1_000 for m in range(1, 13)}
    takings |= {f"2025-{m:02d}": dice.between(0, 500) * 1_000 for m in range(1, 5)}
    if dice.chance(500):
        amount = yuan_text(sum(v for month, v in takings.items() if month < "2025"))
        books.single(
            "tax_incomes", written, item="business", payer="个体经营", amount=amount, year="2024"
        )
    else:
        for month in WINDOW:
            if takings[month]:
                books.single(
                    "tax_incomes",
                    written,
                    item="business",
                    payer="个体经营",
                    amount=yuan_text(takings[month]),
                    month=month,
                )
    total = sum(takings[month] for month in WINDOW)
    books.earned[member.key, "business_income"] += total
    books.told[member.key, "business_income"] += total // 12
    if dice.chance(300):
        company(books, written)


def _student(books: Books, member: Member) -> None:
    if books.dice.chance(300):
        amount = books.dice.between(3, 16) * 10_000
        written = books.own(member)
        for month in ("2024-07", "2024-08"):
            books.single(
                "tax_incomes",
                written,
                item="labour",
                payer="知行家教服务部",
                amount=yuan_text(amount),
                month=month,
            )
        books.earned[member.key, "labour_remuneration"] += amount * 2


def _nothing(books: Books, member: Member) -> None:
    """No income."""


_EARN: dict[str, Callable[[Books, Member], None]] = {
    "worker": _worker,
    "pensioner": _pensioner,
    "unemployed": _unemployed,
    "trader": _trader,
    "student": _student,
}


def company(books: Books, holder: Writing) -> None:
    """A role in a registered enterprise."""
    serial = books.serial()
    books.single(
        "tax_roles",
        holder,
        company=f"虚构{serial}商贸有限公司",
        credit_code=credit_code(serial),
        role=books.dice.one_of(("legal_representative", "shareholder", "supervisor", "finance")),
        capital=yuan_text(books.dice.between(1, 200) * 1_000_000),
        since=books.dice.date(2008, 2024),
    )
