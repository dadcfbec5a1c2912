"""Small invented registers for the tests of linking: people, and damaged entries about them."""

import random
from collections.abc import Callable

import polars as pl

from verify.content import ContentSet
from verify.domain.identifiers import check_digit
from verify.scoring.linking import link_settings

FAMILIES = link_settings(ContentSet.load("scoring"))
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
GIVEN = "伟芳秀英娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文辉玲建国红华春梅"
STREETS = ("示例路", "虚构街", "假想巷", "试作弄")


def number(dice: random.Random, born: str) -> str:
    first17 = dice.choice(("310101", "310115", "330106")) + born + f"{dice.randrange(1000):03d}"
    return first17 + check_digit(first17)


def people(count: int, seed: int = 1) -> pl.DataFrame:
    dice = random.Random(seed)
    rows = []
    for at in range(count):
        born = f"{dice.randrange(1930, 2010)}{dice.randrange(1, 13):02d}{dice.randrange(1, 29):02d}"
        name = dice.choice(SURNAMES) + "".join(dice.sample(GIVEN, dice.choice((1, 2, 2))))
        rows.append(
            {
                "person": f"p{at:05d}",
                "name": name,
                "id_number": number(dice, born),
                "birth": f"{born[:4]}-{born[4:6]}-{born[6:]}",
                "phone": f"100{dice.randrange(10**8):08d}",
                "address": f"{dice.choice(STREETS)}{dice.randrange(400)}号{dice.randrange(900)}室",
            }
        )
    return pl.DataFrame(rows)


def wrong_digit(text: str, dice: random.Random) -> str:
    at = dice.randrange(6, 17)
    return text[:at] + str((int(text[at]) + dice.randrange(1, 10)) % 10) + text[at + 1 :]


DAMAGE: tuple[Callable[[str, random.Random], str | None], ...] = (
    lambda n, d: n,
    lambda n, d: n,
    lambda n, d: n,
    wrong_digit,
    lambda n, d: n[:6] + "********" + n[-4:],
    lambda n, d: n[:6] + n[8:17] if n[6:8] == "19" else n,
    lambda n, d: n.replace("0", "O").replace("1", "I"),
    lambda n, d: None,
)


def entries(of: pl.DataFrame, seed: int = 2) -> pl.DataFrame:
    """One damaged entry about each person; `cluster` is the truth."""
    dice = random.Random(seed)
    rows = []
    for person in of.to_dicts():
        damage = dice.choice(DAMAGE)
        rows.append(
            {
                "record": f"r{dice.randrange(10**9):09d}",
                "subject_name": person["name"],
                "subject_id": damage(person["id_number"], dice),
                "subject_birth": person["birth"],
                "subject_phone": person["phone"] if dice.random() < 0.7 else None,
                "subject_address": person["address"] if dice.random() < 0.7 else None,
                "cluster": person["person"],
            }
        )
    return pl.DataFrame(rows)


LATIN_GIVEN = [
    "anna",
    "peter",
    "maria",
    "john",
    "lucas",
    "emma",
    "david",
    "laura",
    "simon",
    "clara",
    "oscar",
    "nina",
]
LATIN_SUR = [
    "miller",
    "schmidt",
    "garcia",
    "rossi",
    "novak",
    "jensen",
    "dubois",
    "kowalski",
    "silva",
    "larsson",
]
_CYRILLIC = str.maketrans("abvgdeziklmnoprstufhcyjw", "абвгдезиклмнопрстуфхцыйв")


def letters(count: int, seed: int = 3, *, cyrillic: bool = False) -> pl.DataFrame:
    """A register in Latin or Cyrillic letters with every person twice, one of them mistyped."""
    dice = random.Random(seed)
    rows = []
    for at in range(count):
        person = {
            "given_name": dice.choice(LATIN_GIVEN) + dice.choice(("", "", "lia", "mir", "ton")),
            "surname": dice.choice(LATIN_SUR) + dice.choice(("", "son", "berg", "ova", "man")),
            "dob": f"{dice.randrange(1930, 2010)}-0{dice.randrange(1, 10)}-1{dice.randrange(10)}",
            "city": dice.choice(("oldtown", "newtown", "seaport", "hillside", "lakeview")),
            "phone": f"555{dice.randrange(10**6):06d}",
        }
        twin = dict(person)
        field = dice.choice(("given_name", "surname"))
        cut = dice.randrange(1, len(twin[field]))
        twin[field] = twin[field][:cut] + twin[field][cut + 1 :]
        for side, row in (("a", person), ("b", twin)):
            written = {k: v.translate(_CYRILLIC) if cyrillic else v for k, v in row.items()}
            rows.append({"unique_id": f"{at:05d}{side}", **written, "cluster": str(at)})
    return pl.DataFrame(rows)
