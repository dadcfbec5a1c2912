"""What the members of a household own, written into the departments' books.

All amounts are made up; they follow no statistic and no rule.
"""

from __future__ import annotations

from verify.domain.money import yuan_text
from verify.simulate.books import Books, Writing
from verify.simulate.corruption import Corruption
from verify.simulate.earnings import earn
from verify.simulate.families import Family
from verify.simulate.people import Member, street_address

_BRANDS = ("朗逸", "轩逸", "五菱宏光", "捷达", "帕萨特", "比亚迪秦", "途观", "宝来")
_BANKS = ("ICBK", "RCBK", "PSBK")
_PLATE_SYMBOLS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def plate(serial: int) -> str:
    """A number plate; distinct for the first 45 million vehicles."""
    text = ""
    for _ in range(5):
        serial, digit = divmod(serial, len(_PLATE_SYMBOLS))
        text = _PLATE_SYMBOLS[digit] + text
    return f"沪{text[0]}{text}"


def fill(books: Books, family: Family, *, rural: bool) -> None:
    """Enter everything the household truly earns and owns."""
    for member in (*family.members, *family.supporters):
        earn(books, member)
    for member in family.members:
        _money(books, member, family)
        _vehicle(books, member)
    _home(books, family, rural=rural)


def _money(books: Books, member: Member, family: Family) -> None:
    """None to four accounts, some of them joint, some of them not declared."""
    dice = books.dice
    count = dice.one_of((0, 0, 1)) if member.work == "child" else dice.one_of((1, 1, 2, 2, 3, 4))
    for _ in range(count):
        partner: Writing | None = None
        spouse = next((m for m in family.members if m.relation == "spouse"), None)
        if member.relation == "self" and spouse is not None and dice.chance(250):
            partner = books.own(spouse)
        elif dice.chance(40):
            partner = books.stranger(Corruption.CO_OWNER)
        _account(books, member, partner)
    if dice.chance(120):
        interest = dice.between(1, 60) * 1_000
        written = books.own(member)
        books.single(
            "tax_incomes",
            written,
            item="interest_dividend",
            payer="农村商业银行",
            amount=yuan_text(interest),
            month="2024-12",
        )
        books.earned[member.key, "property_income"] += interest


def _account(books: Books, member: Member, partner: Writing | None) -> None:
    dice = books.dice
    wealth = dice.chance(120)
    # Even numbers of fen, so that a half is whole; most accounts are small, a few are not.
    balance = dice.below(10 ** dice.between(5, 7)) * 2
    bank = dice.one_of(_BANKS)
    holder = books.own(member)
    serial = books.serial()
    row = {
        **holder.row(),
        "bank": bank,
        "account": f"62{_BANKS.index(bank) + 1}{serial:015d}",
        "type": "wealth" if wealth else dice.one_of(("current", "current", "deposit")),
        "balance": yuan_text(balance),
        "credits_12m": yuan_text(dice.below(6_000_000)),
        "debits_12m": yuan_text(dice.below(6_000_000)),
    }
    if partner is None:
        books.enter("accounts", row, holder)
        shares = [(member.key, balance)]
    else:
        row["joint_with"] = [partner.row()]
        books.enter("accounts", row, holder, partner)
        shares = [(key, balance // 2) for key in (member.key, partner.person) if key]
    kind = "wealth_product" if wealth else "bank_balance"
    hidden = dice.chance(books.rates.unreported)
    for key, share in shares:
        books.owned[key, kind] += share
        if hidden:
            books.unreported.append((str(row["account"]), key, share))
        else:
            books.told[key, kind] += share


def _vehicle(books: Books, member: Member) -> None:
    dice = books.dice
    disabled = any(c["kind"] == "disability" for c in member.circumstances)
    if disabled and dice.chance(100):
        cls, brand, price = "disability_vehicle", "", dice.between(5, 12) * 100_000
    elif member.work in ("worker", "trader") and dice.chance(90):
        cls, brand, price = "car", dice.one_of(_BRANDS), dice.between(4, 25) * 1_000_000
    elif dice.chance(30):
        cls, brand, price = "motorcycle", "", dice.between(3, 12) * 100_000
    else:
        return
    status = "scrapped" if dice.chance(100) else "normal"
    vehicle(books, books.own(member), cls, price, brand=brand, status=status)
    if status == "normal":
        books.things["vehicles"] += 1


def vehicle(
    books: Books, holder: Writing, cls: str, price: int, *, brand: str = "", status: str = "normal"
) -> None:
    """A registered vehicle; `price` in fen."""
    books.single(
        "vehicles",
        holder,
        plate=plate(books.serial()),
        vehicle_class=cls,
        brand=brand,
        registered_on=books.dice.date(2009, 2024),
        price=yuan_text(price),
        status=status,
    )


def _home(books: Books, family: Family, *, rural: bool) -> None:
    """The dwelling they live in, now and then a second one or a shop."""
    dice = books.dice
    adults = [m for m in family.members if m.work != "child"]
    if rural:
        _title(books, "homestead", family.address, dice.between(80, 180), owners=adults[:1])
    elif dice.chance(600):
        owners = adults[:2] if dice.chance(450) else adults[:1]
        _title(books, "residential", family.address, dice.between(28, 96), owners=owners)
    if dice.chance(50):
        address = street_address(dice, rural=False)
        basis = "contract" if dice.chance(400) else "title"
        _title(books, "residential", address, dice.between(25, 110), owners=adults[:1], basis=basis)
    if dice.chance(20):
        use = dice.one_of(("commercial", "office", "parking"))
        address = street_address(dice, rural=False)
        _title(books, use, address, dice.between(12, 60), owners=adults[:1])


def _title(
    books: Books, use: str, address: str, area: int, *, owners: list[Member], basis: str = "title"
) -> None:
    dice = books.dice
    holders = [books.own(m) for m in owners]
    if dice.chance(60):
        holders.append(books.stranger(Corruption.CO_OWNER))
    share = f"1/{len(holders)}"
    year = dice.between(1998, 2024)
    written = [{k: v for k, v in h.row().items() if k != "phone"} for h in holders]
    books.enter(
        "titles",
        {
            "title_no": f"沪({year})示字不动产权第{books.serial():010d}号",
            "basis": basis,
            "use": use,
            "address": address,
            "area_m2": f"{area}.{dice.below(100):02d}",
            "registered_on": f"{year}-{dice.between(1, 12):02d}-{dice.between(1, 28):02d}",
            "owners": [{**w, "share": share} for w in written],
        },
        *holders,
    )
    counted = use if use in ("residential", "homestead") else "non_residential"
    books.things["dwellings" if counted == "residential" else counted] += 1
