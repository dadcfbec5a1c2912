"""Households of one to seven people, with every relation that the law names.

Each pattern says who lives together and who owes support from outside (57号 articles 7 and 8;
民法典 1067, 1074, 1075, 1084). The shares are chosen so that every pattern occurs in a hundred
households; they are no statistics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from verify.domain.money import yuan_text
from verify.simulate.dice import Dice, Table
from verify.simulate.names import Name, given_name, name_person, style_of
from verify.simulate.people import Member, NumberOffice, street_address

YEAR = 2025  # of the applications


@dataclass
class Family:
    """A household in the making; the patterns below fill it."""

    dice: Dice
    office: NumberOffice
    style: str
    rare_per_mille: int
    address: str
    members: list[Member] = field(default_factory=list)
    supporters: list[Member] = field(default_factory=list)
    names: dict[str, Name] = field(default_factory=dict)

    def add(
        self,
        relation: str,
        sex: str,
        age: int,
        work: str,
        *,
        father: str = "",
        claims: tuple[dict[str, Any], ...] = (),
        outside: bool = False,
        support: str = "",
    ) -> str:
        """Add someone; `father` is the key of the person whose family name they bear."""
        group = self.supporters if outside else self.members
        key = f"{'s' if outside else 'p'}{len(group) + 1}"
        parent = self.names.get(father)
        year = YEAR - 1 - age
        name = name_person(
            self.dice,
            sex,
            year,
            style=self.style,
            family=parent.family if parent else "",
            father=given_name(parent) if parent else "",
            rare_per_mille=self.rare_per_mille,
        )
        self.names[key] = name
        local = age < 25 or self.dice.chance(700)
        address = street_address(self.dice, rural=False) if outside else self.address
        person = self.office.register(self.dice, name, sex, year, address=address, local=local)
        member = Member(key, person, relation, "supporter" if outside else "member", work)
        member.circumstances.extend(claims)
        if support:
            member.support = {
                "monthly": yuan_text(self.dice.between(2, 12) * 10_000),
                "basis": support,
                "document": self.paper("XY") if support != "actual" else "",
            }
        group.append(member)
        return key

    def paper(self, kind: str) -> str:
        """A file number that belongs to no file."""
        return f"{kind}-2025-{self.dice.below(1_000_000):06d}"

    def claim(self, kind: str, paper: str, **more: Any) -> dict[str, Any]:
        """A circumstance; one in twelve comes without its document."""
        document = "" if self.dice.chance(80) else self.paper(paper)
        return {"kind": kind, "document": document, **more}

    def disability(self) -> dict[str, Any]:
        """A disability certificate."""
        category = self.dice.one_of(("肢体", "视力", "听力", "智力", "精神"))
        return self.claim("disability", "CJ", grade=self.dice.between(1, 4), category=category)

    def co_resident(self) -> dict[str, Any]:
        """Long-term co-residence, attested by the neighbourhood committee."""
        return self.claim("long_term_co_resident", "JW")

    def sex(self) -> str:
        """Either."""
        return self.dice.one_of(("m", "f"))

    def adult_work(self) -> str:
        """What an adult of working age lives on."""
        return self.dice.one_of(("worker", "worker", "worker", "unemployed", "trader", "none"))

    def children(self, father: str, low: int, high: int, relation: str = "child") -> None:
        """Minor children."""
        for _ in range(self.dice.between(low, high)):
            self.add(relation, self.sex(), self.dice.between(1, 15), "child", father=father)

    def couple(self, low: int, high: int) -> tuple[str, str]:
        """The applicant and a spouse; returns the keys of husband and wife."""
        first, age = self.sex(), self.dice.between(low, high)
        work = "pensioner" if age >= 60 else self.adult_work()
        one = self.add("self", first, age, work)
        other_age = age - self.dice.between(-3, 3)
        other_work = "pensioner" if other_age >= 60 else self.adult_work()
        two = self.add("spouse", "f" if first == "m" else "m", other_age, other_work)
        return (one, two) if first == "m" else (two, one)


def _single(f: Family) -> None:
    age = f.dice.between(22, 59)
    claims = (f.disability(),) if f.dice.chance(350) else ()
    f.add("self", f.sex(), age, f.adult_work(), claims=claims)


def _old_alone(f: Family) -> None:
    own = f.add("self", f.sex(), f.dice.between(61, 92), "pensioner")
    for _ in range(f.dice.between(0, 3)):
        f.add("child", f.sex(), f.dice.between(36, 58), "worker", father=own, outside=True,
              support=f.dice.one_of(("agreement", "actual", "judgment")))  # fmt: skip


def _old_couple(f: Family) -> None:
    husband, _ = f.couple(60, 85)
    for _ in range(f.dice.between(0, 2)):
        f.add("child", f.sex(), f.dice.between(36, 52), "worker", father=husband, outside=True,
              support=f.dice.one_of(("agreement", "actual")))  # fmt: skip


def _couple_with_children(f: Family) -> None:
    husband, _ = f.couple(28, 46)
    f.children(husband, 1, 3)


def _couple_with_students(f: Family) -> None:
    husband, _ = f.couple(42, 55)
    f.add("child", f.sex(), f.dice.between(18, 23), "student", father=husband,
          claims=(f.claim("full_time_student", "ZX"),))  # fmt: skip
    if f.dice.chance(600):
        f.add("child", f.sex(), f.dice.between(13, 17), "student", father=husband,
              claims=(f.claim("secondary_student", "XJ"),))  # fmt: skip


def _disabled_adult_child(f: Family) -> None:
    husband, _ = f.couple(50, 68)
    f.add("child", f.sex(), f.dice.between(22, 38), "none", father=husband,
          claims=(f.disability(), f.claim("unable_to_live_independently", "JD")))  # fmt: skip


def _three_generations(f: Family) -> None:
    husband, _ = f.couple(32, 50)
    f.children(husband, 1, 2)
    own = husband == f.members[0].key  # the husband's parents, seen from the applicant
    for sex in ("m", "f")[: f.dice.between(1, 2)]:
        f.add("parent" if own else "parent_in_law", sex, f.dice.between(62, 84), "pensioner",
              claims=(f.co_resident(),))  # fmt: skip


def _in_law_at_home(f: Family) -> None:
    husband, _ = f.couple(34, 52)
    own = husband == f.members[0].key  # here the wife's mother lives with them
    f.children(husband, 0, 2)
    f.add("parent_in_law" if own else "parent", "f", f.dice.between(62, 86), "pensioner",
          claims=(f.co_resident(),))  # fmt: skip


def _grandparents_and_grandchild(f: Family) -> None:
    husband, _ = f.couple(60, 74)
    f.add("grandchild", f.sex(), f.dice.between(3, 16), "child", father=husband,
          claims=(f.co_resident(),))  # fmt: skip
    if f.dice.chance(500):
        f.add("grandchild", f.sex(), f.dice.between(20, 28), "worker", father=husband,
              outside=True, support="agreement")  # fmt: skip


def _grandchild_with_grandparent(f: Family) -> None:
    own = f.add("self", f.sex(), f.dice.between(19, 27), "worker")
    f.add("grandparent", "f", f.dice.between(70, 86), "pensioner", claims=(f.co_resident(),))
    f.add("sibling", f.sex(), f.dice.between(8, 16), "child", father=own,
          claims=(f.co_resident(),))  # fmt: skip


def _siblings(f: Family) -> None:
    own = f.add("self", f.sex(), f.dice.between(40, 62), "unemployed", claims=(f.disability(),))
    f.add("sibling", f.sex(), f.dice.between(38, 60), f.adult_work(), father=own,
          claims=(f.co_resident(),))  # fmt: skip
    f.add("sibling", f.sex(), f.dice.between(38, 60), "worker", father=own, outside=True,
          support="actual")  # fmt: skip


def _stepfamily(f: Family) -> None:
    husband, _ = f.couple(30, 48)
    f.children(husband, 0, 1)
    f.add("stepchild", f.sex(), f.dice.between(5, 16), "child")
    f.add("former_spouse", f.sex(), f.dice.between(32, 50), "worker", outside=True,
          support="judgment")  # fmt: skip


def _divorced(f: Family) -> None:
    own = f.add("self", "f", f.dice.between(28, 48), f.adult_work())
    former = f.add("former_spouse", "m", f.dice.between(30, 52), "worker", outside=True,
                   support="judgment")  # fmt: skip
    f.children(former if f.dice.chance(900) else own, 1, 2)


def _grown_children_at_home(f: Family) -> None:
    husband, _ = f.couple(55, 70)
    f.add("child", "m", f.dice.between(28, 40), "worker", father=husband)
    if f.dice.chance(500):
        f.add("child_in_law", "f", f.dice.between(26, 38), "worker")
        f.add("grandchild", f.sex(), f.dice.between(0, 9), "child", father=husband)


def _away(f: Family) -> None:
    husband, _ = f.couple(30, 50)
    kind, paper = f.dice.one_of(
        (
            ("serving_sentence", "XP"),
            ("compulsory_rehabilitation", "JD"),
            ("declared_missing", "MT"),
            ("religious_away_3_years", "ZJ"),
        )
    )
    f.members[1].circumstances.append(
        {"kind": kind, "document": f.paper(paper), "since": "2021-03-01"}
    )
    f.members[1].work = "none"
    f.children(husband, 1, 2)


def _adult_with_parents(f: Family) -> None:
    f.add("self", f.sex(), f.dice.between(30, 45), "none", claims=(f.disability(),))
    father = f.add("parent", "m", f.dice.between(60, 74), "pensioner", claims=(f.co_resident(),))
    f.add("parent", "f", f.dice.between(58, 72), "pensioner", claims=(f.co_resident(),))
    f.add("sibling", f.sex(), f.dice.between(28, 48), "worker", father=father, outside=True)


def _large(f: Family) -> None:
    husband, _ = f.couple(34, 46)
    f.children(husband, 3, 3)
    own = husband == f.members[0].key
    for sex in ("m", "f"):
        f.add("parent" if own else "parent_in_law", sex, f.dice.between(62, 80), "pensioner",
              claims=(f.co_resident(),))  # fmt: skip


def _with_another(f: Family) -> None:
    f.add("self", f.sex(), f.dice.between(30, 58), f.adult_work())
    f.add("other", f.sex(), f.dice.between(20, 60), f.adult_work())


PATTERNS: Table[tuple[str, Callable[[Family], None]]] = Table(
    (
        (("single", _single), 130),
        (("old_alone", _old_alone), 110),
        (("old_couple", _old_couple), 80),
        (("couple_with_children", _couple_with_children), 110),
        (("couple_with_students", _couple_with_students), 80),
        (("disabled_adult_child", _disabled_adult_child), 60),
        (("three_generations", _three_generations), 60),
        (("in_law_at_home", _in_law_at_home), 50),
        (("grandparents_and_grandchild", _grandparents_and_grandchild), 50),
        (("grandchild_with_grandparent", _grandchild_with_grandparent), 40),
        (("siblings", _siblings), 40),
        (("stepfamily", _stepfamily), 40),
        (("divorced", _divorced), 60),
        (("grown_children_at_home", _grown_children_at_home), 50),
        (("away", _away), 40),
        (("adult_with_parents", _adult_with_parents), 30),
        (("large", _large), 30),
        (("with_another", _with_another), 20),
    )
)


def make_family(
    dice: Dice, office: NumberOffice, *, rural: bool, ethnic_per_mille: int, rare_per_mille: int
) -> tuple[str, Family]:
    """A household of some pattern: the pattern's name and the people."""
    style = style_of(dice, ethnic_per_mille)
    address = street_address(dice, rural=rural)
    family = Family(dice, office, style, rare_per_mille, address)
    pattern, fill = PATTERNS.draw(dice)
    fill(family)
    return pattern, family
